import math

import pytest

from defi_analytics.domain.decision import BUY, SELL
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.rules.legs import Leg, balanced

LIMITS = RiskLimits(max_leg_imbalance=0.25)


def verdict(*legs, limits=LIMITS):
    return balanced([Leg(*leg) for leg in legs], limits)


def test_what_is_bought_and_sold_of_an_asset_hedges_each_other_up_to_the_limit():
    assert verdict(("INJ", BUY, 100.0), ("INJ", SELL, 100.0)).code is Denial.NONE
    assert verdict(("INJ", BUY, 100.0), ("INJ", SELL, 60.0)).code is Denial.NONE
    assert verdict(("INJ", BUY, 0.25), ("INJ", SELL, 0.25)).code is Denial.NONE
    assert verdict(("INJ", SELL, 100.0), ("INJ", BUY, 50.0)) == (Denial.LEG_IMBALANCE, 0.25, 50 / 150)


def test_assets_do_not_hedge_each_other_but_cash_is_no_risk():
    assert verdict(("INJ", BUY, 100.0), ("ATOM", SELL, 100.0)) == (Denial.LEG_IMBALANCE, 0.25, 1.0)
    triangle = ("INJ", BUY, 100.0), ("", SELL, 100.0), ("INJ", SELL, 100.0)
    assert verdict(*triangle).code is Denial.NONE


@pytest.mark.parametrize("notional", [math.nan, math.inf, 0.0, -1.0])
def test_legs_that_cannot_be_measured_are_refused(notional):
    assert verdict(("INJ", BUY, notional)).code is Denial.RISK_STATE_UNKNOWN
    assert verdict().code is Denial.RISK_STATE_UNKNOWN
