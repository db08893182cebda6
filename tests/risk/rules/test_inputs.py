import math

import pytest

from defi_analytics.risk.codes import Denial
from tests.risk.facts import REDUCING, code, verdict

AGES = [
    ("book_age_s", 10.0, Denial.STALE_BOOK),
    ("oracle_age_s", 120.0, Denial.STALE_ORACLE),
    ("prediction_age_s", 900.0, Denial.STALE_PREDICTION),
    ("balance_age_s", 30.0, Denial.STALE_BALANCE),
]


@pytest.mark.parametrize(("field", "oldest", "denial"), AGES)
def test_an_input_may_be_as_old_as_its_limit(field, oldest, denial):
    assert code(**{field: oldest}) is Denial.NONE
    assert verdict(**{field: oldest + 0.5}) == (denial, oldest, oldest + 0.5)


@pytest.mark.parametrize(("field", "oldest", "denial"), AGES)
@pytest.mark.parametrize("age", [math.nan, math.inf, -math.inf])
def test_an_age_that_is_not_known_is_too_old(field, oldest, denial, age):
    assert code(**{field: age}) is denial


@pytest.mark.parametrize("field", [field for field, _, _ in AGES])
def test_an_input_from_the_future_is_a_wrong_clock(field):
    assert code(**{field: -10.0}) is Denial.NONE
    assert verdict(**{field: -10.5}) == (Denial.CLOCK_SKEW, 10.0, 10.5)


@pytest.mark.parametrize(("field", "oldest", "denial"), [a for a in AGES if a[0] != "prediction_age_s"])
def test_for_an_exit_it_may_be_three_times_as_old(field, oldest, denial):
    by_oracle = {**REDUCING, "mid": math.nan} if denial is Denial.STALE_ORACLE else REDUCING
    assert code(**by_oracle | {field: 3 * oldest}) is Denial.NONE
    assert code(**by_oracle | {field: 3 * oldest + 1}) is denial


def test_a_forecast_that_was_not_used_has_no_age():
    assert code(uses_prediction=False, prediction_age_s=math.nan) is Denial.NONE
    assert code(**REDUCING | {"prediction_age_s": math.nan}) is Denial.NONE


@pytest.mark.parametrize("way", [1, -1])
def test_clocks_may_differ_by_the_limit_either_way(way):
    assert code(clock_skew_s=way * 10.0) is Denial.NONE
    assert verdict(clock_skew_s=way * 10.5) == (Denial.CLOCK_SKEW, 10.0, 10.5)
    assert code(**REDUCING | {"clock_skew_s": way * 30.0}) is Denial.NONE
    assert code(**REDUCING | {"clock_skew_s": way * 30.5}) is Denial.CLOCK_SKEW
