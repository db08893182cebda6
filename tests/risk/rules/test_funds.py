import math

import pytest

from defi_analytics.risk.codes import Denial
from tests.risk.facts import REDUCING, code, verdict


def test_all_that_is_free_may_be_spent():
    assert code(needs=50.0, free=50.0) is Denial.NONE
    assert verdict(needs=50.5, free=50.0) == (Denial.INSUFFICIENT_BALANCE, 50.0, 50.5)
    assert code(needs=0.0, free=-1.0) is Denial.INSUFFICIENT_BALANCE


@pytest.mark.parametrize("free", [-50.0, math.nan])
def test_what_spends_nothing_gets_out_though_other_orders_took_all(free):
    assert code(**REDUCING | {"needs": 0.0, "free": free}) is Denial.NONE
    assert code(**REDUCING | {"needs": 0.1, "free": free}) is not Denial.NONE


def test_leverage_may_reach_its_cap():
    assert code(leverage=3.0) is Denial.NONE
    assert verdict(leverage=3.5) == (Denial.LEVERAGE, 3.0, 3.5)


@pytest.mark.parametrize("leverage", [0.0, -1.0])
def test_there_is_no_leverage_of_nothing(leverage):
    assert code(leverage=leverage) is Denial.RISK_STATE_UNKNOWN


def test_liquidation_may_be_as_close_as_the_limit():
    assert code(liquidation_distance=0.15) is Denial.NONE
    assert verdict(liquidation_distance=0.14) == (Denial.LIQUIDATION_DISTANCE, 0.15, 0.14)
    assert code(liquidation_distance=-0.1) is Denial.LIQUIDATION_DISTANCE
