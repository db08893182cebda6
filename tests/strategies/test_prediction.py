import math

import pytest

from defi_analytics.domain.decision import BUY, IDLE, Holding, Why
from defi_analytics.strategies.prediction import Params, intend
from tests.builders_core import NOON_S, a_view

CHEAP = a_view(bids=[(989, 9)], asks=[(990, 9)], until_s=NOON_S + 300)
HELD = Holding(9, 8910, NOON_S, 0.0, -8910, 0)


def test_a_market_below_the_forecast_is_bought():
    intent = intend(CHEAP, Holding(), Params())
    assert (intent.side, intent.lots, intent.why) == (BUY, 9, Why.ENTRY)


@pytest.mark.parametrize("until_s", [NOON_S - 1, NOON_S + 59, math.nan])
def test_a_forecast_that_is_about_now_or_about_no_known_moment_starts_nothing(until_s):
    assert intend(CHEAP._replace(until_s=until_s), Holding(), Params()) == IDLE


def test_a_holding_ends_when_the_moment_has_come():
    assert intend(CHEAP, HELD, Params()) == IDLE
    assert intend(CHEAP._replace(time_s=NOON_S + 300), HELD, Params()).why == Why.EXIT_TIME


def test_a_forecast_that_went_missing_leaves_the_holding_its_longest_time():
    gone = CHEAP._replace(until_s=math.nan, fair=math.nan)
    assert intend(gone, HELD, Params()) == IDLE
    assert intend(gone._replace(time_s=NOON_S + 86_400), HELD, Params()).why == Why.EXIT_TIME


def test_a_holding_ends_when_the_forecast_is_met():
    assert intend(a_view(until_s=NOON_S + 300), HELD, Params()).why == Why.EXIT_CONVERGED
