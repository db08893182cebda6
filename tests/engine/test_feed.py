import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.book import Candle, OrderBook
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import Market, MarketKey, MarketKind, MarketStatus
from defi_analytics.domain.prediction import Prediction
from defi_analytics.domain.quote import Quote
from defi_analytics.domain.snapshot import Listing, Problem, Snapshot
from defi_analytics.engine.decide import decide
from defi_analytics.engine.feed import Sources, _Gathered, gather_snapshot, per_minute_volatility
from defi_analytics.errors import (
    DefiError,
    Malformed,
    NotCovered,
    RateLimited,
    TimedOut,
    Unavailable,
    UnknownMarket,
    WrongState,
)
from defi_analytics.mispricing.limits import Limits, Scope
from tests.builders import LOOSE, a_book, a_market, a_prediction, a_quote, a_rate, a_top, a_topic
from tests.fakes import NOON, FakeClock

HOME, OTHER = a_market(), a_market("binance")
CHEAP, DEAR = ([(24.9, 10)], [(25.0, 10)]), ([(25.5, 10)], [(25.6, 10)])
ALL = frozenset(EdgeKind)
CANDLES = [Candle(NOON - timedelta(hours=48 - i), 1, 1, 1, 100.0 * 1.001 ** (i % 2), 1) for i in range(48)]


class Crowd:
    """Lets requests through only once `size` of them are under way; sequential ones never get there."""

    def __init__(self, size: int) -> None:
        self.barrier = asyncio.Barrier(size)

    async def meet(self) -> None:
        async with asyncio.timeout(2):
            await self.barrier.wait()


async def _nobody() -> None:
    return


@dataclass
class FakeVenue:
    """A venue of some markets whose books are `books`; fails where `failing` names the method."""

    venue: str
    books: dict[Market, tuple] = field(default_factory=dict)
    failing: dict[str, DefiError] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    history: Sequence[Candle] = ()
    asked: list[str] = field(default_factory=list)
    crowd: Crowd | None = None
    hourly: float | None = None

    async def _ask(self, what: str, about: str = "") -> None:
        self.asked.append(f"{what} {about}".strip())
        await (self.crowd.meet() if self.crowd else _nobody())
        if what in self.failing:
            raise self.failing[what]

    async def listing(self) -> Listing:
        await self._ask("listing")
        tops = {m.market_id: a_top(m, b[0][0][0], b[1][0][0]) for m, b in self.books.items()}
        return Listing(self.venue, {m.market_id: m for m in self.books}, tops, self.problems)

    async def details(self, market: Market) -> Market:
        await self._ask("details", market.base)
        return replace(market, price_tick=Decimal("0.5"))

    async def order_book(self, market: Market) -> OrderBook:
        await self._ask("book", market.base)
        return a_book(market, *self.books[market])

    async def funding_hourly(self, market: Market) -> float | None:
        await self._ask("funding", market.base)
        return self.hourly

    async def candles(
        self, market: Market, resolution_s: int, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        await self._ask("candles", f"{market.base}/{market.quote} {resolution_s} {end - start} {end:%H:%M}")
        return self.history


@dataclass
class FakeOracle:
    answer: Sequence[Quote] | DefiError
    name: str = "pyth"
    crowd: Crowd | None = None
    published: frozenset[str] = frozenset({"INJ"})

    async def quotes(self) -> Sequence[Quote]:
        await (self.crowd.meet() if self.crowd else _nobody())
        if isinstance(self.answer, DefiError):
            raise self.answer
        return self.answer


@dataclass
class FakePredictor:
    made: dict[str, Prediction | DefiError]
    name: str = "allora"
    asked: list[tuple[str, int | None]] = field(default_factory=list)
    crowd: Crowd | None = None

    def assets(self) -> frozenset[str]:
        return frozenset(self.made)

    async def predict(self, asset: str, horizon_s: int | None = None) -> Prediction:
        self.asked.append((asset, horizon_s))
        await (self.crowd.meet() if self.crowd else _nobody())
        answer = self.made[asset]
        if isinstance(answer, DefiError):
            raise answer
        return answer


async def _everything(home: Listing) -> tuple[Listing, frozenset[MarketKey]]:
    return home, frozenset(m.key for m in home.markets.values())


async def _gather(
    home: FakeVenue,
    *references: FakeVenue,
    kinds: frozenset[EdgeKind] = ALL,
    limits: Limits = LOOSE,
    choose=_everything,
    clock: FakeClock | None = None,
    **more,
) -> tuple[Snapshot, Scope]:
    sources = Sources(home, references, **more)
    return await gather_snapshot(sources, clock or FakeClock(), "testnet", kinds, choose, limits)


def _venues() -> tuple[FakeVenue, FakeVenue]:
    return FakeVenue("injective", {HOME: CHEAP}), FakeVenue("binance", {OTHER: DEAR}, history=CANDLES)


async def test_a_snapshot_holds_all_that_was_read_and_says_what_was_compared() -> None:
    home, other = _venues()
    usdc = a_market("binance", "USDC", "USDT")
    other.books[usdc] = ([(0.999, 1)], [(1.001, 1)])
    fixed = a_rate("USD", "USDT")
    snapshot, scope = await _gather(
        home, other, oracles=[FakeOracle([a_quote()])], fixed_rates=(fixed,), clock=FakeClock()
    )
    assert (snapshot.time, snapshot.network, snapshot.problems) == (NOON, "testnet", ())
    assert set(snapshot.markets) == {HOME.key, OTHER.key, usdc.key}
    assert snapshot.tops[OTHER.key].bid == 25.5
    assert set(snapshot.books) == {HOME.key, OTHER.key}
    assert snapshot.quotes == (a_quote(),)
    assert snapshot.rates == (fixed, a_rate("USDC", "USDT", 0.999, 1.001))
    assert scope == Scope("injective", frozenset([HOME.key]), ALL, ("binance",))


async def test_one_listing_is_asked_of_each_venue_and_deep_books_only_of_what_is_wanted() -> None:
    home, other = _venues()
    dull, dull_there = a_market(base="ATOM"), a_market("binance", "ATOM")
    home.books[dull], other.books[dull_there] = CHEAP, CHEAP
    snapshot, _ = await _gather(home, other)
    for venue in (home, other):
        assert sorted(venue.asked) == ["book INJ", "details INJ", "listing"]
    assert set(snapshot.books) == {HOME.key, OTHER.key}


async def test_details_replace_what_the_listing_said_of_the_markets_that_are_read() -> None:
    home, other = _venues()
    rest = a_market(base="ATOM")
    home.books[rest] = CHEAP
    snapshot, _ = await _gather(home, other)
    ticks = {key: str(market.price_tick) for key, market in snapshot.markets.items()}
    assert ticks == {HOME.key: "0.5", OTHER.key: "0.5", rest.key: "0.001"}


async def test_of_other_venues_only_what_can_matter_is_kept_and_that_they_were_read() -> None:
    home, other = _venues()
    dollars, elsewhere = a_market("binance", "USDC"), a_market("binance", "ATOM")
    other.books |= {dollars: CHEAP, elsewhere: CHEAP}
    silent = FakeVenue("okx", failing={"listing": TimedOut("okx", "no answer")})
    snapshot, _ = await _gather(home, other, silent)
    assert snapshot.markets.keys() == snapshot.tops.keys() == {HOME.key, OTHER.key, dollars.key}
    assert snapshot.read == {"injective", "binance"}


@pytest.mark.parametrize(
    "error", [TimedOut("injective", "no answer"), Malformed("injective", "not JSON"), WrongState("shut")]
)
async def test_a_home_venue_that_cannot_be_read_is_the_error_and_the_others_are_not_left_running(
    error: DefiError,
) -> None:
    home, other = _venues()
    home.failing["listing"] = error
    with pytest.raises(type(error)) as caught:
        await _gather(home, other, oracles=[FakeOracle([a_quote()])])
    assert caught.value is error
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_name_that_cannot_be_placed_is_said_before_anything_deep_is_read() -> None:
    home, other = _venues()

    async def choose(_: Listing) -> tuple[Listing, frozenset[MarketKey]]:
        raise UnknownMarket("injective", "no market XYZ")

    with pytest.raises(UnknownMarket):
        await _gather(home, other, choose=choose)
    assert home.asked == other.asked == ["listing"]


async def test_a_reference_that_fails_is_a_problem_and_the_others_stand() -> None:
    home, other = _venues()
    okx = FakeVenue("okx", failing={"listing": RateLimited("okx", "429", retry_after_s=1.0)})
    snapshot, scope = await _gather(home, okx, other)
    assert snapshot.problems == (Problem("okx", "RATE_LIMITED", "okx: 429", retryable=True),)
    assert set(snapshot.books) == {HOME.key, OTHER.key}
    assert scope.against == ("okx", "binance")


async def test_an_oracle_that_fails_is_a_problem_and_the_others_stand() -> None:
    home, other = _venues()
    silent = FakeOracle(Unavailable("hermes", "gone"), name="hermes")
    snapshot, _ = await _gather(home, other, oracles=[silent, FakeOracle([a_quote()])])
    assert snapshot.problems == (Problem("hermes", "UNAVAILABLE", "hermes: gone", retryable=True),)
    assert snapshot.quotes == (a_quote(),)


async def test_what_oracles_publish_is_known_though_they_are_silent() -> None:
    home, other = _venues()
    silent = FakeOracle(Unavailable("hermes", "gone"), published=frozenset({"INJ", "ATOM"}))
    snapshot, _ = await _gather(home, other, oracles=[silent, FakeOracle([], published=frozenset({"BTC"}))])
    assert snapshot.published == {"INJ", "ATOM", "BTC"}
    assert snapshot.quotes == ()


async def test_an_error_that_names_no_source_gets_the_name_of_the_one_asked() -> None:
    home, other = _venues()
    other.failing["listing"] = WrongState("locked")
    snapshot, _ = await _gather(home, other)
    assert snapshot.problems == (Problem("binance", "WRONG_STATE", "locked"),)


@pytest.mark.parametrize("failing", ["book", "details"])
async def test_a_market_whose_book_or_grid_cannot_be_read_is_left_unread(failing: str) -> None:
    home, other = _venues()
    other.failing[failing] = Malformed("binance", "crossed")
    snapshot, _ = await _gather(home, other)
    assert set(snapshot.books) == {HOME.key}
    assert snapshot.problems == (Problem("binance", "MALFORMED", "binance: crossed"),)


async def test_problems_of_the_listings_come_with_the_snapshot() -> None:
    home, other = _venues()
    told = Problem("injective", "MALFORMED", "one row was not a market")
    home.problems = (told,)
    other.failing["book"] = TimedOut("binance", "late")
    snapshot, _ = await _gather(home, other)
    assert [p.code for p in snapshot.problems] == ["MALFORMED", "TIMED_OUT"]
    assert snapshot.problems[0] is told


async def test_listings_and_oracles_are_asked_together() -> None:
    crowd = Crowd(4)
    venues = [FakeVenue(name, crowd=crowd) for name in ("injective", "binance", "okx")]
    await _gather(*venues, oracles=[FakeOracle([], crowd=crowd)])


async def test_books_grids_forecasts_and_candles_are_asked_together() -> None:
    home, other = _venues()
    crowd = Crowd(6)
    predictor = FakePredictor({"INJ": a_prediction()}, crowd=crowd)

    async def choose(listing: Listing) -> tuple[Listing, frozenset[MarketKey]]:
        home.crowd = other.crowd = crowd
        return await _everything(listing)

    snapshot, _ = await _gather(home, other, predictor=predictor, choose=choose)
    assert (len(snapshot.books), len(snapshot.predictions), len(snapshot.volatility)) == (2, 1, 1)


async def test_forecasts_are_asked_once_of_covered_assets_in_scope_with_their_book_and_moves() -> None:
    atom, perp = a_market(base="ATOM"), a_market(market_id="perp", quote="USDC")
    home = FakeVenue("injective", {HOME: CHEAP, perp: CHEAP, atom: CHEAP})
    other = FakeVenue("binance", {a_market("binance"): CHEAP}, history=CANDLES)
    made = a_prediction()
    predictor = FakePredictor({"INJ": made, "BTC": a_prediction(topic=a_topic("BTC"))})
    snapshot, _ = await _gather(home, other, predictor=predictor, horizon_s=3600)
    assert predictor.asked == [("INJ", 3600)]
    assert snapshot.predictions == (made,)
    assert set(snapshot.books) == {HOME.key, perp.key}
    assert [a for a in other.asked if a.startswith("candles")] == [
        "candles INJ/USDT 3600 2 days, 0:00:00 12:00"
    ]
    assert snapshot.volatility == {"INJ": pytest.approx(math.log(1.001) / math.sqrt(60))}


@pytest.mark.parametrize(
    ("kinds", "covered"), [(frozenset([EdgeKind.CROSS_VENUE]), "INJ"), (ALL, "BTC"), (frozenset(), "INJ")]
)
async def test_nothing_is_forecast_that_is_not_asked_for_or_not_covered(
    kinds: frozenset[EdgeKind], covered: str
) -> None:
    home, other = _venues()
    predictor = FakePredictor({covered: a_prediction()})
    snapshot, _ = await _gather(home, other, predictor=predictor, kinds=kinds)
    assert predictor.asked == []
    assert (snapshot.predictions, snapshot.volatility) == ((), {})


async def test_a_forecast_or_its_history_that_fails_is_a_problem() -> None:
    home, other = _venues()
    other.failing["candles"] = Unavailable("binance", "gone")
    predictor = FakePredictor({"INJ": NotCovered("allora", "no topic")})
    snapshot, _ = await _gather(home, other, predictor=predictor)
    assert sorted(p.code for p in snapshot.problems) == ["NOT_COVERED", "UNAVAILABLE"]
    assert (snapshot.predictions, snapshot.volatility) == ((), {})
    assert set(snapshot.books) == {HOME.key, OTHER.key}


async def test_where_no_reference_has_a_history_the_home_venue_s_own_is_used() -> None:
    home = FakeVenue("injective", {HOME: CHEAP}, history=CANDLES)
    other = FakeVenue("binance", {replace(OTHER, status=MarketStatus.PAUSED): DEAR})
    snapshot, _ = await _gather(home, other, predictor=FakePredictor({"INJ": a_prediction()}))
    assert "INJ" in snapshot.volatility
    assert other.asked == ["listing"]


async def test_an_asset_that_no_venue_prices_in_dollars_has_no_known_moves() -> None:
    home = FakeVenue("injective", {a_market(quote="BTC"): CHEAP}, history=CANDLES)
    snapshot, _ = await _gather(home, predictor=FakePredictor({"INJ": a_prediction()}))
    assert snapshot.volatility == {}
    assert len(snapshot.predictions) == 1


async def test_the_time_of_the_snapshot_is_when_everything_had_arrived() -> None:
    home, other = _venues()
    clock = FakeClock()

    async def choose(listing: Listing) -> tuple[Listing, frozenset[MarketKey]]:
        clock.advance(3)
        return await _everything(listing)

    snapshot, _ = await _gather(home, other, clock=clock, choose=choose)
    assert snapshot.time == NOON + timedelta(seconds=3)


@settings(max_examples=50)
@given(st.lists(st.floats(-0.1, 0.1), min_size=12, max_size=60), st.sampled_from([60, 300, 3600]))
def test_volatility_is_the_root_mean_square_of_log_returns_per_root_minute(
    moves: list[float], step_s: int
) -> None:
    closes = [100.0]
    for move in moves:
        closes.append(closes[-1] * math.exp(move))
    expected = math.sqrt(sum(m * m for m in moves) / len(moves) / (step_s / 60))
    assert per_minute_volatility(closes, step_s) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_too_few_returns_give_no_volatility_and_closes_of_zero_are_not_returns() -> None:
    assert per_minute_volatility([1.0] * 12, 60) is None
    assert per_minute_volatility([1.0] * 13, 60) == 0.0
    assert per_minute_volatility([], 60) is None
    assert per_minute_volatility([*[1.0] * 12, 0.0, 1.0], 60) is None


async def test_a_question_that_is_cancelled_before_its_turn_is_never_asked():
    asked = []

    async def ask():
        asked.append(1)

    task = asyncio.create_task(_Gathered().attempt("binance", ask))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asked == []


async def test_a_rate_that_is_too_old_does_not_hide_a_fresh_one() -> None:
    home, other = _venues()
    old, fresh = (a_rate("USDC", "USDT", at=NOON - timedelta(seconds=age)) for age in (3600, 1))
    snapshot, _ = await _gather(home, other, fixed_rates=(old, fresh))
    assert snapshot.rates == (fresh, old)


def _perpetuals() -> tuple[FakeVenue, FakeVenue]:
    home, there = (replace(m, kind=MarketKind.PERPETUAL) for m in (HOME, OTHER))
    return FakeVenue("injective", {home: CHEAP}), FakeVenue("binance", {there: DEAR})


async def test_funding_is_asked_of_perpetual_candidates_together_with_their_books() -> None:
    home, other = _perpetuals()
    home.hourly, other.hourly = 0.00002, -0.00003
    dull = a_market(base="ATOM", kind=MarketKind.PERPETUAL)
    home.books[dull] = CHEAP
    crowd = Crowd(6)

    async def choose(listing: Listing) -> tuple[Listing, frozenset[MarketKey]]:
        home.crowd = other.crowd = crowd
        return await _everything(listing)

    snapshot, scope = await _gather(home, other, choose=choose)
    assert snapshot.funding == {HOME.key: 0.00002, OTHER.key: -0.00003}
    assert [a for a in home.asked if a.startswith("funding")] == ["funding INJ"]
    edge = next(e for e in decide(snapshot, scope, LOOSE) if e.market.key == HOME.key)
    assert edge.pricing is not None
    # Long here pays, and short there pays too, for a negative rate is the short's to pay.
    assert edge.pricing.costs.carry == pytest.approx(0.00005 * edge.pricing.notional)
    assert not any("funding" in note for note in edge.notes)


async def test_funding_that_the_listing_tells_is_not_asked_for_nor_is_that_of_spot() -> None:
    home, other = _perpetuals()

    async def listing() -> Listing:
        told = await FakeVenue.listing(other)
        return replace(told, tops={k: replace(t, funding_hourly=0.0) for k, t in told.tops.items()})

    other.listing = listing
    await _gather(home, other)
    assert (home.asked.count("funding INJ"), other.asked.count("funding INJ")) == (1, 0)
    spot_home, spot_there = _venues()
    await _gather(spot_home, spot_there)
    assert not {"funding INJ"} & {*spot_home.asked, *spot_there.asked}


async def test_a_funding_rate_that_cannot_be_read_or_is_none_yet_leaves_the_candidate_with_its_note() -> None:
    home, other = _perpetuals()
    home.failing["funding"] = TimedOut("injective-indexer", "late")
    snapshot, scope = await _gather(home, other)
    assert snapshot.funding == {}
    assert [(p.source, p.code) for p in snapshot.problems] == [("injective-indexer", "TIMED_OUT")]
    assert set(snapshot.books) == {HOME.key, OTHER.key}
    (edge,) = (e for e in decide(snapshot, scope, LOOSE) if e.kind is EdgeKind.CROSS_VENUE)
    assert edge.stands
    assert [n for n in edge.notes if "funding" in n] == [
        "funding on injective is not counted: unknown",
        "funding on binance is not counted: unknown",
    ]


async def test_a_candidate_that_was_never_looked_at_is_told_so_although_funding_cost_another_its_place() -> (
    None
):
    home, other = _perpetuals()
    home.hourly = 0.9
    second = a_market(base="ATOM")
    home.books[second] = ([(24.99, 10)], [(25.1, 10)])
    other.books[a_market("binance", "ATOM")] = DEAR
    limits = replace(LOOSE, max_candidates=1)
    snapshot, scope = await _gather(home, other, limits=limits, kinds=frozenset([EdgeKind.CROSS_VENUE]))
    codes = {e.market.base: e.rejection and e.rejection.code for e in decide(snapshot, scope, limits)}
    assert codes == {"INJ": "NOT_CROSSED", "ATOM": "NOT_EXAMINED"}


async def test_a_venue_that_keeps_everyone_waiting_does_not_make_the_others_candidates_stale() -> None:
    clock, (home, other) = FakeClock(), _venues()
    slow = FakeVenue("okx", failing={"listing": TimedOut("okx", "no answer")})

    async def listing() -> Listing:
        clock.advance(30)
        return await FakeVenue.listing(slow)

    slow.listing = listing
    for venue in (home, other):

        async def book(market: Market, venue: FakeVenue = venue) -> OrderBook:
            return a_book(market, *venue.books[market], at=clock.now())

        venue.order_book = book
    snapshot, scope = await _gather(home, other, slow, clock=clock, kinds=frozenset([EdgeKind.CROSS_VENUE]))
    assert {top.at for top in snapshot.tops.values()} == {NOON}
    assert snapshot.time == NOON + timedelta(seconds=30)
    (edge,) = decide(snapshot, scope, LOOSE)
    assert edge.stands
    assert [i.name for i in edge.inputs] == ["injective book", "binance book"]
