import math

import pytest

from defi_analytics.risk.codes import Denial
from defi_analytics.risk.verdict import PASSED, at_least, at_most, below, lost, refused_if, unknown

CODE = Denial.LEVERAGE


def test_whether_the_limit_itself_passes():
    assert [at_most(CODE, v, 2.0).code for v in (1.9, 2.0, 2.1)] == [0, 0, CODE]
    assert [at_least(CODE, v, 2.0).code for v in (1.9, 2.0, 2.1)] == [CODE, 0, 0]
    assert [below(CODE, v, 2.0).code for v in (1.9, 2.0, 2.1)] == [0, CODE, CODE]


@pytest.mark.parametrize("compare", [at_most, at_least, below])
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_finite_number_never_passes(compare, wrong):
    assert compare(CODE, wrong, 1.0).code is Denial.RISK_STATE_UNKNOWN
    assert compare(CODE, 1.0, wrong).code is Denial.RISK_STATE_UNKNOWN


@pytest.mark.parametrize(("compare", "value"), [(at_most, 3), (at_least, 1), (below, 2)])
def test_a_refusal_tells_both_numbers(compare, value):
    assert compare(CODE, value, 2) == (CODE, 2.0, value)


def test_a_condition_without_a_number():
    assert refused_if(CODE, broken=True) == (CODE, 0.0, 1.0)
    assert refused_if(CODE, broken=False) == PASSED == (0, 0.0, 0.0)
    assert unknown(1, 2) == (Denial.RISK_STATE_UNKNOWN, 1.0, 2.0)


def test_a_loss_is_a_fraction_of_what_there_was():
    assert (lost(0.5, 0.375), lost(2.0, 3.0)) == (0.25, -0.5)
    assert math.isnan(lost(0.0, 1.0))
    assert math.isnan(lost(math.nan, 1.0))
