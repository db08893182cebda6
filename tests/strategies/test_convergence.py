from defi_analytics.domain.decision import BUY, IDLE, SELL, Holding, Why
from defi_analytics.strategies.convergence import Params, intend
from tests.builders_core import NOON_S, a_view

FLAT = Holding()
CHEAP = a_view(bids=[(989, 9)], asks=[(990, 9)])


def test_a_market_below_the_reference_is_bought():
    intent = intend(CHEAP, FLAT, Params())
    assert (intent.side, intent.lots, intent.why) == (BUY, 9, Why.ENTRY)


def test_a_market_at_the_reference_is_left_alone():
    assert intend(a_view(), FLAT, Params()) == IDLE


def test_what_is_held_is_sold_once_the_reference_is_met_and_never_added_to():
    held = Holding(9, 8910, NOON_S, 0.0, -8910, 0)
    assert intend(CHEAP, held, Params()) == IDLE
    out = intend(a_view(), held, Params())
    assert (out.side, out.lots, out.reduce_only, out.why) == (SELL, 9, True, Why.EXIT_CONVERGED)


def test_a_holding_is_given_up_after_its_time():
    held = Holding(9, 8910, NOON_S, 0.0, -8910, 0)
    late = CHEAP._replace(time_s=NOON_S + 3600)
    assert intend(late, held, Params()).why == Why.EXIT_TIME
