from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.decision import BUY, IDLE, SELL, Intent, Intents, OrderKind, Why
from defi_analytics.strategies.legs import matched

NONE = Intents(IDLE, IDLE)


def a_leg(side: int, lots: int) -> Intent:
    return Intent(side, OrderKind.MARKET, 100, lots, 0, False, Why.ENTRY)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 50), st.integers(1, 50))
def test_both_legs_are_the_same_base_and_no_more_than_either_wanted(spot, perpetual, first_step, second_step):
    common = gcd(first_step, second_step)
    first_step, second_step = first_step // common, second_step // common
    first, second = matched(Intents(a_leg(BUY, spot), a_leg(SELL, perpetual)), first_step, second_step)
    # A lot of the first market is `second_step` units of base, one of the second `first_step` units.
    assert first.lots * second_step == second.lots * first_step
    assert first.lots <= spot
    assert second.lots <= perpetual
    steps = first.lots // first_step
    assert (steps + 1) * first_step > spot or (steps + 1) * second_step > perpetual


def test_all_but_the_lots_is_kept():
    first, second = matched(Intents(a_leg(SELL, 7), a_leg(BUY, 30)), 1, 10)
    assert first == a_leg(SELL, 3)
    assert second == a_leg(BUY, 30)


@pytest.mark.parametrize(
    "legs",
    [
        Intents(a_leg(BUY, 5), IDLE),
        Intents(a_leg(BUY, 5), a_leg(BUY, 5)),
        Intents(a_leg(BUY, 5), a_leg(SELL, 0)),
        NONE,
    ],
)
def test_a_leg_alone_or_on_the_same_side_is_no_pair(legs):
    assert matched(legs, 1, 1) == NONE
