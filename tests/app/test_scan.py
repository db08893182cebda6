import logging
from dataclasses import replace
from decimal import Decimal

import pytest

from defi_analytics.app.scan import Scan, ScanRequest, fixed_rates, kinds_of, limits, look, market_bounds
from defi_analytics.config.settings import (
    AlloraSettings,
    InjectiveSettings,
    MarketSettings,
    PredictionSettings,
    RiskParameters,
    ScanSettings,
    Settings,
)
from defi_analytics.domain.edge import EdgeKind, Reason
from defi_analytics.domain.market import MarketKind, MarketStatus
from defi_analytics.domain.snapshot import Listing, Problem, Snapshot
from defi_analytics.errors import Unavailable, UnknownMarket, UsageError
from defi_analytics.mispricing.limits import Limits, MarketBounds, Scope
from tests.builders import NOON, a_book, a_market, a_prediction, a_quote, a_top
from tests.fakes import FakeClock

ALL = frozenset(MarketKind)
SPOT = frozenset({MarketKind.SPOT})


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        ((), ALL),
        (("INJ/USDT",), SPOT),
        (("INJ/USDT", "weth/usdt"), SPOT),
        (("INJ/USDT PERP",), ALL),
        (("INJ/*",), ALL),
        (("INJ/USD?",), ALL),
        (("0xabc",), ALL),
        (("INJ-USDT",), ALL),
        (("INJ/USDT", "0xabc"), ALL),
    ],
)
def test_plain_pairs_are_spot_which_spares_a_request(names, kinds):
    assert kinds_of(names) == kinds


def test_a_request_wins_over_the_settings(settings):
    own = replace(settings, scan=ScanSettings(sizes=(Decimal(5), Decimal(7)), min_profit=Decimal(2)))
    default = limits(own, ScanRequest(), {})
    assert (default.sizes, default.max_notional, default.min_profit, default.max_age_s) == ((5, 7), 7, 2, 10)
    assert default.min_edge == 0.0005
    asked = limits(own, ScanRequest(sizes=(3.0,), min_edge=0.0, min_profit=0.0, max_age_s=1.0), {})
    assert (asked.sizes, asked.max_notional, asked.min_profit, asked.max_age_s, asked.min_edge) == (
        (3,),
        3,
        0,
        1,
        0,
    )


def test_without_sizes_nothing_caps_the_trade(settings):
    assert limits(settings, ScanRequest(), {}).max_notional == float("inf")


def test_rates_of_the_settings_are_both_bid_and_ask(settings):
    clock = FakeClock()
    (rate,) = fixed_rates(replace(settings, rates={"USDC/USDT": Decimal("1.0004")}), clock)
    assert (rate.base, rate.quote, rate.bid, rate.ask, rate.source, rate.at) == (
        "USDC", "USDT", 1.0004, 1.0004, "settings", clock.now(),
    )  # fmt: skip


def test_the_bounds_of_a_market_are_those_its_settings_name(settings):
    here = a_market()
    there = replace(here, venue="binance", market_id="INJUSDT")
    own = (
        MarketSettings("INJ/USDT", Decimal(10), Decimal(100), RiskParameters(max_slippage=Decimal("0.01"))),
        MarketSettings("NOPE/USDT", Decimal(1)),
    )
    named = replace(settings, injective=InjectiveSettings(markets=own))
    assert market_bounds(named, {here.key: here, there.key: there}) == {here.key: MarketBounds(10, 100, 0.01)}
    open_ended = replace(settings, injective=InjectiveSettings(markets=(MarketSettings("INJ/USDT"),)))
    assert market_bounds(open_ended, {here.key: here})[here.key] == MarketBounds()


def scan(*kinds, **changed):
    snapshot = Snapshot(time=NOON, network="mainnet", **changed)
    scope = Scope("injective", frozenset(), frozenset(kinds or {EdgeKind.CROSS_VENUE}), ("binance",))
    return Scan(ScanRequest(), snapshot, scope, Limits(), (), 0.1)


LATE = (Problem("binance", "TIMED_OUT", "late", True),)
THERE = a_market("binance")
HERE = a_market()
ANSWERS = {
    EdgeKind.CROSS_VENUE: {"read": frozenset({"binance"})},
    EdgeKind.ORACLE: {"quotes": (a_quote(),)},
    EdgeKind.PREDICTION: {"predictions": (a_prediction(),)},
}


def test_a_look_that_nobody_else_answered_is_unreachable():
    assert scan(problems=LATE).exit_code == 5
    assert scan().exit_code == 0


@pytest.mark.parametrize("answered", EdgeKind)
@pytest.mark.parametrize("asked", EdgeKind)
def test_only_an_answer_to_a_kind_that_was_asked_for_counts(asked, answered):
    assert scan(asked, problems=LATE, **ANSWERS[answered]).exit_code == (0 if asked is answered else 5)


@pytest.mark.parametrize("answered", EdgeKind)
def test_one_kind_with_something_to_compare_is_enough(answered):
    assert scan(*EdgeKind, problems=LATE, **ANSWERS[answered]).exit_code == 0


def test_the_home_venues_own_prices_are_nothing_to_compare_with():
    assert scan(problems=LATE, read=frozenset({"injective"})).exit_code == 5


class Venue:
    """A venue whose listing depends on the kinds it was made for."""

    def __init__(self, venue, *markets, problems=()):
        self.venue, self.markets, self.problems = venue, markets, problems

    async def listing(self):
        tops = {market.market_id: a_top(market, 24.9, 25.0) for market in self.markets}
        return Listing(self.venue, {m.market_id: m for m in self.markets}, tops, self.problems)

    async def details(self, market):
        return market

    async def order_book(self, market):
        return a_book(market, [(24.9, 10)], [(25.0, 10)])

    async def candles(self, market, resolution_s, start, end):
        raise Unavailable(self.venue, "no candles")


class Oracle:
    name = "oracle"
    published = frozenset({"INJ"})

    async def quotes(self):
        return [a_quote()]


class Forecasts:
    name = "allora"

    def assets(self):
        return frozenset({"INJ"})

    async def predict(self, asset, horizon_s=None):
        return a_prediction()


class FakeApp:
    """The parts a look takes; `asked` are the kinds of market that Injective was asked for, look by look."""

    def __init__(self, settings, *markets, problems=(), network="mainnet", paused=()):
        self.settings, self.clock, self.network = settings, FakeClock(), network
        self.markets, self.problems, self.asked, self.venues = markets, problems, [], []
        self.paused = paused

    def injective(self, kinds, known):
        self.asked.append(kinds)
        return Venue("injective", *(m for m in self.markets if m.kind in kinds), problems=self.problems)

    async def inactive(self):
        self.asked.append("inactive")
        if self.paused is None:
            raise Unavailable("injective", "no other lists")
        return self.paused

    def default_against(self):
        return ("binance",)

    def venue(self, name):
        self.venues.append(name)
        return Venue(name, a_market(name))

    def oracle(self):
        return Oracle()

    def reused_predictor(self):
        return Forecasts()


PERPETUAL = a_market(market_id="0xperp", kind=MarketKind.PERPETUAL, ticker="INJ/USDT PERP")
CROSS = frozenset({EdgeKind.CROSS_VENUE})


async def test_a_plain_pair_that_is_listed_as_spot_costs_one_listing(settings):
    app = FakeApp(settings, HERE, PERPETUAL)
    found = await look(app, ScanRequest(("INJ/USDT",), CROSS))
    assert app.asked == [SPOT]
    assert found.scope.markets == {HERE.key}
    assert {edge.market.key for edge in found.edges} == {HERE.key}


async def test_a_name_that_no_spot_market_bears_is_looked_for_in_every_list(settings):
    ticker = replace(PERPETUAL, base="", quote="", ticker="TIA/USDT")
    app = FakeApp(settings, HERE, ticker)
    found = await look(app, ScanRequest(("TIA/USDT",), CROSS))
    assert app.asked == [SPOT, ALL, "inactive"]
    assert found.scope.markets == {ticker.key}


async def test_a_name_that_nothing_bears_names_the_nearest_of_every_list(settings):
    app = FakeApp(settings, replace(PERPETUAL, base="TIA", ticker="TIA/USDT PERP"))
    with pytest.raises(UnknownMarket, match="TIA/USDT PERP"):
        await look(app, ScanRequest(("TIA/USDT",), CROSS))
    assert app.asked == [SPOT, ALL, "inactive"]


async def test_what_every_list_lacks_is_looked_for_among_paused_ones_and_no_further(settings):
    app = FakeApp(settings, HERE)
    with pytest.raises(UnknownMarket):
        await look(app, ScanRequest(("TIA/USDT PERP",), CROSS))
    assert app.asked == [ALL, "inactive"]


PAUSED = replace(a_market(market_id="0xpaused"), status=MarketStatus.PAUSED)
STRANGER = a_market(market_id="0xstranger", base="", quote="", ticker="INJ/USDT")


@pytest.mark.parametrize("name", ["INJ/USDT", "inj", "0xpaused"])
@pytest.mark.parametrize("listed", [(PERPETUAL,), (PERPETUAL, STRANGER)])
async def test_a_paused_market_keeps_its_name_and_says_that_it_is_paused(settings, name, listed):
    asked = (name, "INJ/USDT PERP")
    if name == "inj":
        asked, listed = (name,), [market for market in listed if market is not PERPETUAL]
    found = await look(FakeApp(settings, *listed, paused=(PAUSED,)), ScanRequest(asked, CROSS))
    (own,) = (edge for edge in found.edges if edge.market.key == PAUSED.key)
    assert (own.rejection.reason, own.rejection.detail) == (Reason.MARKET_STATUS, "paused")
    assert STRANGER.key not in found.scope.markets


@pytest.mark.parametrize("name", ["0xstranger", "INJ/USD?"])
async def test_an_id_or_a_pattern_asks_for_whatever_it_finds(settings, name):
    app = FakeApp(settings, STRANGER, paused=(PAUSED,))
    found = await look(app, ScanRequest((name,), CROSS))
    assert found.scope.markets == {STRANGER.key}
    assert app.asked == [ALL]


@pytest.mark.parametrize("paused", [(), None])
async def test_where_nobody_tells_of_a_paused_one_what_is_listed_is_all_there_is(settings, paused):
    found = await look(FakeApp(settings, STRANGER, paused=paused), ScanRequest(("INJ/USDT",), CROSS))
    assert found.scope.markets == {STRANGER.key}
    assert [p.message for p in found.snapshot.problems] == (
        [] if paused == () else ["injective: no other lists"]
    )
    with pytest.raises(UnknownMarket if paused == () else Unavailable):
        await look(FakeApp(settings, PERPETUAL, paused=paused), ScanRequest(("INJ/USDT",), CROSS))


async def test_a_size_is_in_the_quote_of_the_market_that_is_meant(settings):
    app = FakeApp(settings, PERPETUAL, STRANGER, paused=(PAUSED,))
    found = await look(app, ScanRequest(("INJ/USDT",), CROSS, sizes=(5.0,), size_quote="USDT"))
    assert found.scope.markets == {PAUSED.key}
    assert app.asked == [SPOT, "inactive"]


async def test_a_market_missing_from_lists_that_failed_is_not_called_unknown(settings):
    lost = Problem("injective", "TIMED_OUT", "injective: derivative/markets did not answer", True)
    app = FakeApp(settings, HERE, problems=(lost,))
    with pytest.raises(Unavailable, match=r"not all markets could be listed: .*did not answer"):
        await look(app, ScanRequest(("INJ/USDT PERP",), CROSS))
    assert app.asked == [ALL], "and nobody is asked whether it is paused"
    assert (await look(app, ScanRequest(("INJ/USDT",), CROSS))).scope.markets == {HERE.key}


async def test_without_names_all_that_is_listed_is_looked_at(settings):
    found = await look(FakeApp(settings, HERE, PERPETUAL), ScanRequest(kinds=CROSS))
    assert found.scope.markets == {HERE.key, PERPETUAL.key}


async def test_only_what_the_kinds_asked_for_need_is_asked(settings):
    app = FakeApp(settings, HERE)
    found = await look(app, ScanRequest(kinds=frozenset({EdgeKind.PREDICTION})))
    assert app.venues == []
    assert [p.topic.asset for p in found.snapshot.predictions] == ["INJ"]
    found = await look(app, ScanRequest(kinds=CROSS, against=("okx",)))
    assert app.venues == ["okx"]
    assert found.snapshot.predictions == ()
    await look(app, ScanRequest())
    assert app.venues == ["okx", "binance"]


async def test_a_size_in_a_currency_looks_only_at_markets_quoted_in_it(settings):
    other = a_market(quote="USDC", market_id="0xusdc")
    app = FakeApp(settings, HERE, other)
    found = await look(app, ScanRequest(kinds=CROSS, sizes=(5.0,), size_quote="USDC"))
    assert found.scope.markets == {other.key}
    with pytest.raises(UsageError, match="--size is in INJ, the markets are quoted in USDC, USDT"):
        await look(app, ScanRequest(kinds=CROSS, sizes=(5.0,), size_quote="INJ"))


async def test_where_no_quote_is_proven_a_size_in_a_currency_says_so(settings):
    app = FakeApp(settings, a_market(base="", quote="", ticker="INJ/USDT"))
    with pytest.raises(UsageError, match="quoted in nothing known"):
        await look(app, ScanRequest(kinds=CROSS, size_quote="USDT"))


def told(found, source="settings"):
    return [(p.code, p.message) for p in found.snapshot.problems if p.source == source]


async def test_limits_that_reach_no_market_are_told(settings):
    own = InjectiveSettings(markets=(MarketSettings("INJ/USDT"), MarketSettings("NOPE/USDT")))
    limited = replace(settings, injective=own)
    ((code, message),) = told(await look(FakeApp(limited, HERE, PERPETUAL), ScanRequest(kinds=CROSS)))
    assert code == "UNKNOWN_MARKET"
    assert "its limits apply to nothing" in message
    assert "NOPE/USDT" in message


async def test_limits_are_not_called_idle_where_only_spot_markets_were_listed(settings):
    own = InjectiveSettings(markets=(MarketSettings("INJ/USDT PERP"),))
    app = FakeApp(replace(settings, injective=own), HERE, PERPETUAL)
    assert told(await look(app, ScanRequest(("INJ/USDT",), CROSS))) == []
    assert told(await look(app, ScanRequest(("INJ/*",), CROSS))) == []


@pytest.mark.parametrize(
    ("wanted", "kind", "doubted"),
    [
        ("0.75", EdgeKind.PREDICTION, False),
        ("0.76", EdgeKind.PREDICTION, True),
        ("0.76", EdgeKind.CROSS_VENUE, False),
    ],
)
async def test_a_confidence_that_no_forecast_reaches_is_told_where_forecasts_are_looked_at(
    settings, wanted, kind, doubted
):
    own = AlloraSettings(prediction_settings=PredictionSettings(min_confidence=Decimal(wanted)))
    app = FakeApp(replace(settings, allora=own), HERE)
    found = told(await look(app, ScanRequest(kinds=frozenset({kind}))))
    assert found == [
        ("UNREACHABLE", "min_confidence 0.76 lets no forecast through: uncalibrated ones reach 0.75")
    ] * (1 if doubted else 0)


@pytest.mark.parametrize(
    ("network", "codes"), [("testnet", ["PLAY_MONEY"]), ("mainnet", []), ("sandbox", [])]
)
async def test_prices_of_the_testnet_are_called_play_money(settings, network, codes):
    found = await look(FakeApp(settings, HERE, network=network), ScanRequest(kinds=CROSS))
    assert [code for code, _ in told(found, "testnet")] == codes


async def test_the_log_tells_what_failed_and_how_many_stand(settings, caplog):
    lost = Problem("injective", "TIMED_OUT", "did not answer", True)
    caplog.set_level(logging.INFO, "defi.scan")
    found = await look(FakeApp(settings, HERE, problems=(lost,)), ScanRequest(kinds=CROSS))
    assert [record.getMessage() for record in caplog.records if record.name == "defi.scan"] == [
        "injective TIMED_OUT: did not answer",
        f"0 of {len(found.edges)} candidates stand",
    ]
    assert found.edges
