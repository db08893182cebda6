from defi_analytics.domain.decision import BUY, IDLE, SELL, Holding, Why
from defi_analytics.strategies.oracle import Params, intend
from tests.builders_core import NOON_S, a_view

CHEAP = a_view(bids=[(989, 9)], asks=[(990, 9)])


def test_a_market_further_from_its_oracle_than_the_oracle_may_lag_is_traded():
    intent = intend(CHEAP, Holding(), Params())
    assert (intent.side, intent.lots, intent.why) == (BUY, 9, Why.ENTRY)
    assert intend(a_view(bids=[(1010, 9)], asks=[(1011, 9)]), Holding(), Params()).side == SELL


def test_a_gap_that_the_oracle_need_not_have_published_is_left_alone():
    assert intend(a_view(bids=[(995, 9)], asks=[(996, 9)]), Holding(), Params()) == IDLE
    assert intend(CHEAP, Holding(), Params(min_gap=0.011)) == IDLE


def test_a_holding_ends_before_the_gap_is_quite_gone():
    held = Holding(9, 8910, NOON_S, 0.0, -8910, 0)
    near = a_view(bids=[(999, 9)], asks=[(1001, 9)], fair=1000.1)
    assert intend(near, held, Params()).why == Why.EXIT_CONVERGED
    assert intend(near, held, Params(exit_z=0.0)) == IDLE
