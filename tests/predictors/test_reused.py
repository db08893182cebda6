from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from defi_analytics.domain.prediction import Prediction, PredictionKind, Topic
from defi_analytics.predictors.reused import ReusedPredictor
from tests.fakes import NOON, FakeClock

TOPIC = Topic("mainnet", 14, "BTC/USD 8h", "BTC", PredictionKind.PRICE, 8 * 3600, 60)


class Counting:
    name = "counting"

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.asked = clock, 0

    def assets(self) -> frozenset[str]:
        return frozenset({"BTC"})

    async def predict(self, asset: str, horizon_s: int | None = None) -> Prediction:
        self.asked += 1
        now = self.clock.now()
        target = now + timedelta(seconds=TOPIC.horizon_s)
        return Prediction(self.name, TOPIC, Decimal(self.asked), NOON, target, now)


async def test_a_young_prediction_is_reused_and_an_old_one_is_not() -> None:
    clock = FakeClock()
    source = Counting(clock)
    reused = ReusedPredictor(source, clock, 300)
    assert (reused.name, reused.assets()) == ("counting", frozenset({"BTC"}))
    first = await reused.predict("BTC")
    clock.advance(299)
    assert await reused.predict("BTC") is first
    clock.advance(2)
    assert (await reused.predict("BTC")).value == 2
    assert source.asked == 2


async def test_horizons_and_assets_are_kept_apart() -> None:
    clock = FakeClock()
    source = Counting(clock)
    reused = ReusedPredictor(source, clock, 300)
    for asked in (("BTC", None), ("BTC", 3600), ("ETH", None)):
        await reused.predict(*asked)
    assert source.asked == 3


async def test_a_prediction_whose_target_has_passed_is_asked_for_again() -> None:
    clock = FakeClock()
    source = Counting(clock)
    reused = ReusedPredictor(source, clock, 10**6)
    first = await reused.predict("BTC")
    clock.advance(TOPIC.horizon_s)
    assert await reused.predict("BTC") != replace(first)


async def test_a_prediction_is_not_reused_once_a_newer_one_is_overdue() -> None:
    clock = FakeClock()

    class Frequent(Counting):
        async def predict(self, asset: str, horizon_s: int | None = None) -> Prediction:
            made = await super().predict(asset, horizon_s)
            return replace(made, fresh_until=self.clock.now() + timedelta(seconds=60))

    source = Frequent(clock)
    reused = ReusedPredictor(source, clock, 300)
    first = await reused.predict("BTC")
    clock.advance(59)
    assert await reused.predict("BTC") is first
    clock.advance(1)
    assert (await reused.predict("BTC")).value == 2
