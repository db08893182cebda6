import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.decision import BUY, SELL, Holding, OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import OrderRequest
from defi_analytics.domain.portfolio import Position
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.rules.price import mid_band, oracle_band, slippage
from defi_analytics.risk.stops import protective_stop, stop_hit
from tests.builders import a_market
from tests.risk.facts import ACCOUNT, MARKET, ORDER

LIMITS = RiskLimits(stop_loss=0.25, max_slippage=0.01)
LONG, SHORT = Holding(lots=10, cost=1_000), Holding(lots=-10, cost=1_000)
PERP = a_market(kind=MarketKind.PERPETUAL)


@pytest.mark.parametrize(
    ("holding", "mark", "hit"),
    [
        (LONG, 75.0, True),
        (LONG, 75.1, False),
        (LONG, 1_000.0, False),
        (SHORT, 125.0, True),
        (SHORT, 124.9, False),
        (SHORT, 0.1, False),
        (Holding(), 1.0, False),
        (Holding(lots=0, cost=1_000), 1.0, False),
        (LONG, 0.5, True),
        (LONG, 0.0, False),
        (LONG, -5.0, False),
        (LONG, math.nan, False),
        (SHORT, math.inf, False),
        (Holding(lots=1, cost=1_000), 500.0, True),
        (Holding(lots=-1, cost=100), 150.0, True),
    ],
)
def test_a_stop_is_hit_once_the_loss_reached_its_fraction_of_the_cost(holding, mark, hit):
    assert stop_hit(holding, mark, LIMITS) is hit


def position(quantity, entry="20.0015"):
    return Position(PERP.key, Decimal(quantity), Decimal(entry), Decimal(10))


def test_a_long_position_is_sold_by_a_stop_below():
    stop = protective_stop(position("1.5"), PERP, LIMITS, "oracle", "c1")
    assert stop == OrderRequest(
        "c1", PERP, Side.SELL, OrderKind.STOP, 14_552, 1_500, "oracle", trigger_ticks=15_002, reduce_only=True
    )


def test_a_short_position_is_bought_back_by_a_stop_above():
    stop = protective_stop(position("-1.5"), PERP, LIMITS, "oracle", "c1")
    assert stop == OrderRequest(
        "c1", PERP, Side.BUY, OrderKind.STOP, 25_751, 1_500, "oracle", trigger_ticks=25_001, reduce_only=True
    )


@pytest.mark.parametrize(
    ("limits", "worst"),
    [
        ({"max_slippage": 0.02}, 14_102),
        ({"max_slippage": 0.02, "mid_band": 0.005}, 14_777),
        ({"max_slippage": 0.02, "oracle_band": 0.001}, 14_957),
        ({"max_slippage": 0.02, "exit_width": 1.0}, 14_702),
        ({"max_slippage": 0.5, "mid_band": 0.9, "oracle_band": 0.9}, 1),
    ],
)
def test_a_stop_goes_as_far_beyond_its_trigger_as_the_gate_lets_an_exit_go(limits, worst):
    """Nobody is there to send another when it finds no price within that."""
    stop = protective_stop(position("1.5"), PERP, LIMITS._replace(**limits), "oracle", "c1")
    assert (stop.trigger_ticks, stop.ticks) == (15_002, worst)


@given(
    st.sampled_from(["max_slippage", "mid_band", "oracle_band"]),
    st.floats(0.0005, 0.3),
    st.sampled_from(["1.5", "-1.5"]),
)
def test_no_bit_of_a_float_makes_the_gate_refuse_a_stop(name, fraction, quantity):
    limits = RiskLimits(max_slippage=0.3, mid_band=0.3, oracle_band=0.3)._replace(**{name: fraction})
    stop = protective_stop(position(quantity), PERP, limits, "stop", "c1")
    side, lots = (SELL if stop.side is Side.SELL else BUY), stop.lots
    off = side * (stop.ticks - stop.trigger_ticks) / stop.trigger_ticks
    asked = ORDER._replace(
        side=side, kind=OrderKind.STOP, ticks=stop.ticks, trigger=stop.trigger_ticks, lots=lots,
        reduce_only=True, slippage=off,
    )  # fmt: skip
    held = ACCOUNT._replace(position_lots=-side * lots)
    told = {rule(asked, MARKET, held, limits).code for rule in (slippage, mid_band, oracle_band)}
    assert told == {0}


def test_less_than_a_lot_is_left():
    assert protective_stop(position("1.5009"), PERP, LIMITS, "oracle", "c1").lots == 1_500
    assert protective_stop(position("0.0009"), PERP, LIMITS, "oracle", "c1") is None


def test_no_stop_rests_on_a_spot_market():
    assert protective_stop(position("1.5"), replace(PERP, kind=MarketKind.SPOT), LIMITS, "o", "c") is None


@pytest.mark.parametrize(("quantity", "side"), [("0.5", Side.SELL), ("1", Side.SELL), ("-0.5", Side.BUY)])
def test_a_position_of_less_than_one_base_is_stopped_on_its_own_side(quantity, side):
    assert protective_stop(position(quantity), PERP, LIMITS, "oracle", "c1").side is side
