from dataclasses import replace
from decimal import Decimal

import pytest

from defi_analytics.app.scan import Scan, ScanRequest, fixed_rates, kinds_of, limits, market_bounds
from defi_analytics.config.settings import (
    InjectiveSettings,
    MarketSettings,
    RiskParameters,
    ScanSettings,
    Settings,
)
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.snapshot import Problem, Snapshot
from defi_analytics.mispricing.limits import MarketBounds, Scope
from tests.builders import NOON, a_market
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


def scan(**changed):
    snapshot = Snapshot(time=NOON, network="mainnet", **changed)
    scope = Scope("injective", frozenset(), frozenset({EdgeKind.CROSS_VENUE}), ("binance",))
    return Scan(ScanRequest(), snapshot, scope, (), 0.1)


def test_a_look_that_nobody_else_answered_is_unreachable():
    assert scan(problems=(Problem("binance", "TIMED_OUT", "late", True),)).exit_code == 5
    assert scan().exit_code == 0
