import pytest

from defi_analytics.domain.decision import SELL
from defi_analytics.risk.codes import Denial
from tests.risk.facts import LIMITS, REDUCING, code, verdict


@pytest.mark.parametrize(
    ("field", "last", "limit", "denial"),
    [
        ("active_positions", 2, 3.0, Denial.POSITION_COUNT),
        ("trades_today", 49, 50.0, Denial.DAILY_TRADES),
        ("orders_last_minute", 19, 20.0, Denial.RATE_LIMIT),
        ("orders_this_block", 3, 4.0, Denial.RATE_LIMIT),
    ],
)
def test_one_more_may_fill_the_limit(field, last, limit, denial):
    assert code(**{field: last}) is Denial.NONE
    assert verdict(**{field: last + 1}) == (denial, limit, limit + 1)
    assert code(**{field: 0}) is Denial.NONE
    assert code(**{field: -1}) is Denial.RISK_STATE_UNKNOWN


@pytest.mark.parametrize("busy", [{"position_lots": 1}, {"pending_buys": 1}, {"pending_sells": 1}])
def test_a_market_that_is_held_or_has_orders_pending_is_no_further_position(busy):
    assert code(active_positions=3) is Denial.POSITION_COUNT
    assert code(active_positions=3, **busy) is Denial.NONE


def test_a_short_market_is_held_too():
    assert code(active_positions=3, position_lots=-10_000) is Denial.NONE
    assert code(active_positions=3, side=SELL) is Denial.POSITION_COUNT


def test_a_cooldown_ends_with_its_last_second():
    assert code(since_exit_s=300.0) is Denial.NONE
    assert verdict(since_exit_s=299.0) == (Denial.COOLDOWN, 300.0, 299.0)
    assert code(since_exit_s=-5.0) is Denial.COOLDOWN


def test_gas_may_be_spent_to_the_last_bit():
    limits = LIMITS._replace(max_gas_per_day=0.09375)
    assert code(limits, gas_today=0.0625, gas=0.03125) is Denial.NONE
    assert verdict(limits, gas_today=0.0625, gas=0.0625) == (Denial.GAS_BUDGET, 0.09375, 0.125)
    assert code(gas_today=0.09, gas=0.0101) is Denial.GAS_BUDGET
    assert code(gas_today=0.0, gas=0.0) is Denial.NONE
    assert code(gas_today=-0.01) is Denial.RISK_STATE_UNKNOWN
    assert code(gas=-0.01) is Denial.RISK_STATE_UNKNOWN


def test_what_reduces_still_answers_to_the_order_rate():
    assert code(**REDUCING | {"orders_last_minute": 20}) is Denial.RATE_LIMIT
