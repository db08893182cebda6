"""A cap itself is still allowed."""

import pytest

from defi_analytics.domain.decision import BUY, SELL
from defi_analytics.risk.codes import Denial
from tests.risk.facts import LIMITS, code, verdict


def test_the_largest_and_smallest_order_are_allowed():
    assert code(notional=500.0) is Denial.NONE
    assert verdict(notional=501.0) == (Denial.ORDER_NOTIONAL, 500.0, 501.0)
    assert code(notional=1.0) is Denial.NONE
    assert verdict(notional=0.99) == (Denial.TRADE_SIZE_MIN, 1.0, 0.99)


@pytest.mark.parametrize(("side", "sign"), [(BUY, 1), (SELL, -1)])
def test_a_position_may_grow_to_its_limit_with_pending_orders_filled(side, sign):
    pending = "pending_buys" if side == BUY else "pending_sells"
    held = {"side": side, "position_lots": sign * 30_000}
    assert code(**held, **{pending: 6_000}) is Denial.NONE
    assert verdict(**held, **{pending: 6_040}) == (Denial.POSITION_SIZE, 1_000.0, 1_001.0)


def test_an_order_of_one_lot_has_a_size():
    assert code(lots=1) is not Denial.RISK_STATE_UNKNOWN
    assert code(lots=0) is Denial.GRID


def test_selling_out_of_a_large_position_is_not_refused_for_its_size():
    assert code(side=SELL, position_lots=400_000) is Denial.NONE


@pytest.mark.parametrize(
    ("field", "most", "denial"),
    [
        ("exposure_total", 2_900.0, Denial.EXPOSURE_TOTAL),
        ("exposure_market", 1_400.0, Denial.EXPOSURE_MARKET),
        ("asset_long", 1_900.0, Denial.EXPOSURE_ASSET),
    ],
)
def test_exposure_with_the_order_may_reach_its_limit(field, most, denial):
    assert code(**{field: most}) is Denial.NONE
    assert verdict(**{field: most + 1}) == (denial, most + 100, most + 101)
    assert code(**{field: -1.0} if field != "asset_long" else {field: -101.0}) is Denial.RISK_STATE_UNKNOWN
    assert code(**{field: 0.0}) is Denial.NONE


def test_a_short_exposure_has_the_same_limit():
    assert code(side=SELL, asset_short=-1_900.0) is Denial.NONE
    assert verdict(side=SELL, asset_short=-1_901.0) == (Denial.EXPOSURE_ASSET, 2_000.0, 2_001.0)


def test_a_hedge_is_welcome_however_large_the_other_side_is():
    assert code(side=SELL, asset_long=90_000.0, asset_short=80_000.0) is Denial.NONE
    assert code(side=BUY, asset_long=-80_000.0, asset_short=-90_000.0) is Denial.NONE


def test_equal_sides_are_possible():
    assert code(asset_long=5.0, asset_short=5.0) is Denial.NONE


@pytest.mark.parametrize("lots", [0, -4_000])
def test_an_order_of_nothing_has_no_size(lots):
    limits = LIMITS._replace(max_position_size=1e9)
    assert code(limits, lots=lots) is Denial.GRID
