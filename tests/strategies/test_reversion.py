import pytest

from defi_analytics.domain.decision import BUY, IDLE, SELL, Holding, Why
from defi_analytics.strategies.reversion import CONVERGENCE, ORACLE, intend
from tests.builders_core import NOON_S, a_view

FLAT = Holding()
HELD = Holding(9, 8910, NOON_S, 0.0, -8910, 0)
CHEAP = a_view(bids=[(989, 9)], asks=[(990, 9)])
BOTH = pytest.mark.parametrize("params", [CONVERGENCE, ORACLE], ids=["convergence", "oracle"])


@BOTH
def test_a_market_below_the_reference_is_bought_and_one_above_it_sold(params):
    intent = intend(CHEAP, FLAT, params)
    assert (intent.side, intent.lots, intent.why) == (BUY, 9, Why.ENTRY)
    assert intend(a_view(bids=[(1010, 9)], asks=[(1011, 9)]), FLAT, params).side == SELL


@BOTH
def test_a_market_at_the_reference_is_left_alone(params):
    assert intend(a_view(), FLAT, params) == IDLE


def test_a_gap_that_the_oracle_need_not_have_published_is_left_alone():
    near = a_view(bids=[(995, 9)], asks=[(996, 9)])
    assert intend(near, FLAT, ORACLE) == IDLE
    assert intend(near, FLAT, CONVERGENCE).side == BUY
    assert intend(CHEAP, FLAT, ORACLE._replace(min_gap=0.011)) == IDLE


@BOTH
def test_what_is_held_is_sold_once_the_reference_is_met_and_never_added_to(params):
    assert intend(CHEAP, HELD, params) == IDLE
    out = intend(a_view(), HELD, params)
    assert (out.side, out.lots, out.reduce_only, out.why) == (SELL, 9, True, Why.EXIT_CONVERGED)


def test_an_oracle_s_gap_need_not_close_entirely():
    near = a_view(bids=[(999, 9)], asks=[(1001, 9)], fair=1000.1)
    assert intend(near, HELD, ORACLE).why == Why.EXIT_CONVERGED
    assert intend(near, HELD, ORACLE._replace(exit_z=0.0)) == IDLE


@BOTH
def test_a_holding_is_given_up_after_its_time(params):
    late = CHEAP._replace(time_s=NOON_S + 3600)
    assert intend(late, HELD, params).why == Why.EXIT_TIME
