from datetime import timedelta

import pytest

from defi_analytics.domain.quote import Quote
from defi_analytics.errors import AuthError, NotCovered, Unavailable, UsageError
from defi_analytics.predictors.allora.api import ApiSource
from defi_analytics.predictors.allora.lcd import LcdSource
from defi_analytics.predictors.allora.predictor import AlloraPredictor, TopicChoice
from defi_analytics.predictors.allora.topics import Registry
from tests.fakes import NOON, FakeClock, FakeHttp
from tests.predictors.allora.payloads import (
    block,
    chain_topic,
    latest,
    topic_row,
    topics_page,
    v10,
)


class FakeHistory:
    def __init__(self, error=None):
        self.error, self.asked = error, []

    async def minute_close(self, asset, minute):
        self.asked.append((asset, minute))
        if self.error:
            raise self.error
        return Quote("binance", asset, "USDT", 64_000.0, minute)


def chain(topic_id=14, network="mainnet", clock=None, **parts):
    value = parts.pop("value", "64000.5")
    http = FakeHttp(
        {
            f"latest_network_inferences/{topic_id}": v10(topic_id, value),
            f"outlier_resistant/{topic_id}": v10(topic_id, value),
            "/blocks/900": block(),
            f"topics/{topic_id}": chain_topic(topic_id, "INJ/USD - Price Prediction - 8h"),
        }
    )
    return AlloraPredictor(LcdSource(http, network), clock or FakeClock(), **parts), http


async def test_btc_is_predicted_from_mainnets_topic_14():
    history = FakeHistory()
    predictor, _ = chain(history=history)
    prediction = await predictor.predict("BTC")
    assert predictor.name == prediction.source == "allora"
    assert (prediction.topic.topic_id, prediction.predicted_price) == (14, 64000.5)
    assert history.asked == [("BTC", NOON - timedelta(minutes=2))]
    assert prediction.base_time == NOON - timedelta(minutes=2)
    assert prediction.usable_at == NOON
    assert (prediction.stale, prediction.notes) == (False, ())


async def test_it_is_usable_only_once_all_of_it_has_arrived():
    clock = FakeClock()

    class SlowHistory(FakeHistory):
        async def minute_close(self, asset, minute):
            clock.advance(3)
            return await super().minute_close(asset, minute)

    predictor, _ = chain(clock=clock, history=SlowHistory())
    assert (await predictor.predict("BTC")).usable_at == NOON + timedelta(seconds=3)


async def test_a_base_price_that_cannot_be_had_does_not_cost_the_prediction():
    predictor, _ = chain(18, value="-0.01", history=FakeHistory(Unavailable("binance", "answered 503")))
    prediction = await predictor.predict("BTC", 1200)
    assert (str(prediction.value), prediction.predicted_price) == ("-0.01", None)
    assert "no base price: binance: answered 503" in prediction.notes


async def test_a_base_price_that_is_refused_does_not_hide_the_prediction():
    predictor, _ = chain(18, value="-0.01", history=FakeHistory(AuthError("binance: refused us (403)")))
    prediction = await predictor.predict("BTC", 1200)
    assert prediction.predicted_price is None
    assert "no base price: allora: binance: refused us (403)" in prediction.notes


async def test_inj_is_refused_without_asking_anyone():
    predictor, http = chain()
    with pytest.raises(NotCovered, match="no topic of Allora's mainnet covers INJ"):
        await predictor.predict("INJ")
    assert http.requests == []
    assert predictor.assets() == {"BTC", "ETH", "SOL", "NEAR"}


async def test_assets_are_those_of_the_sources_network():
    predictor, _ = chain(network="testnet")
    assert predictor.assets() == {"BTC", "ETH", "SOL", "NEAR", "BNB", "ARB", "BERA", "XAU"}


async def test_a_volatility_topic_can_be_read_by_its_id_without_a_base_price():
    history = FakeHistory()
    predictor, _ = chain(20, value="0.0004", history=history)
    prediction = await predictor.predict_topic(20)
    assert (prediction.topic.kind.value, prediction.predicted_price) == ("volatility", None)
    assert history.asked == []


async def test_a_topic_younger_than_the_registry_is_looked_up():
    predictor, http = chain(90, value="21.5")
    prediction = await predictor.predict_topic(90)
    assert (prediction.topic.asset, prediction.predicted_price) == ("INJ", 21.5)
    assert http.requests[0].endswith("/topics/90")


async def test_a_classification_is_not_a_price():
    predictor, http = chain(network="testnet")
    with pytest.raises(NotCovered, match="topic 87 names a class"):
        await predictor.predict_topic(87)
    assert http.requests == []


@pytest.mark.parametrize("level", [0, 0.99, 1, float("nan")])
def test_an_interval_the_workers_cannot_bound_is_a_usage_error(level):
    with pytest.raises(UsageError, match=r"at most 0\.9544"):
        chain(interval_level=level)


async def test_the_interval_is_of_the_level_asked():
    half, _ = chain(interval_level=0.5)
    interval = (await half.predict("BTC")).interval
    assert interval.level == 0.5
    assert 63900 < interval.low < interval.high < 64100


async def test_refreshed_topics_come_by_id_and_change_nothing_by_themselves():
    rows = [topic_row(99, "INJ/USD - Price Prediction - 8h"), topic_row(14, latest=latest())]
    source = ApiSource(FakeHttp({"/topics": topics_page(rows)}), lambda: "key")
    predictor = AlloraPredictor(source, FakeClock())
    topics = await predictor.refresh_topics()
    assert [topic.topic_id for topic in topics] == [14, 99]
    assert "INJ" not in predictor.assets()
    assert "INJ" in AlloraPredictor(source, FakeClock(), Registry(topics)).assets()


async def test_an_empty_registry_is_taken_at_its_word():
    predictor, _ = chain(registry=Registry(()))
    assert predictor.assets() == frozenset()


async def test_a_keyed_prediction_says_what_it_lacks():
    source = ApiSource(FakeHttp({"/topics": topics_page([topic_row(latest=latest())])}), lambda: "key")
    prediction = await AlloraPredictor(source, FakeClock()).predict("BTC")
    assert prediction.base_time == NOON - timedelta(minutes=2)
    assert prediction.interval is None
    assert "no interval: the source names no workers' values" in prediction.notes
    assert not prediction.stale


async def test_a_pinned_topic_is_used_where_no_horizon_is_asked_for():
    predictor, _ = chain(18, value="-0.01", choice=TopicChoice({"BTC": 18}))
    assert (await predictor.predict("BTC")).topic.topic_id == 18


async def test_a_horizon_that_is_asked_for_wins_over_the_pin():
    predictor, http = chain(14, choice=TopicChoice({"BTC": 18}))
    assert (await predictor.predict("BTC", 8 * 3600)).topic.topic_id == 14
    assert not any(request.endswith("/18") for request in http.requests)


async def test_a_pin_holds_for_its_own_asset_alone():
    predictor, _ = chain(14, choice=TopicChoice({"ETH": 9}))
    assert (await predictor.predict("BTC")).topic.topic_id == 14


async def test_the_default_horizon_is_used_where_none_is_asked_for_and_never_rescaled():
    shorter, _ = chain(18, value="-0.01", choice=TopicChoice(horizon_s=1200))
    assert (await shorter.predict("BTC")).topic.topic_id == 18
    unknown, http = chain(14, choice=TopicChoice(horizon_s=7200))
    with pytest.raises(NotCovered, match="BTC in 2h"):
        await unknown.predict("BTC")
    assert http.requests == []
    assert (await unknown.predict("BTC", 8 * 3600)).topic.topic_id == 14


async def test_a_pin_comes_before_the_default_horizon():
    predictor, _ = chain(14, choice=TopicChoice({"BTC": 14}, horizon_s=1200))
    assert (await predictor.predict("BTC")).topic.topic_id == 14
