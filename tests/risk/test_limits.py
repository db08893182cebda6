import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.risk.limits import LARGER_IS_TIGHTER, RiskLimits, bounded, tightened
from defi_analytics.strategies.reversion import ORACLE

DEFAULTS = {
    "max_position_size": 1_000, "min_trade_size": 1, "max_trade_size": 500, "max_slippage": 0.01,
    "stop_loss": 0.05, "portfolio_stop_loss": 0.05, "max_soft_drawdown": 0.03, "max_daily_loss": 0.03,
    "max_daily_trades": 50, "cooldown_period_s": 300, "max_active_positions": 3,
    "min_profit_threshold": 0.0005, "max_exposure_total": 3_000, "max_exposure_asset": 2_000,
    "max_exposure_market": 1_500, "oracle_band": 0.05, "mid_band": 0.02, "max_book_age_s": 10,
    "max_oracle_age_s": 120, "max_prediction_age_s": 900, "max_balance_age_s": 30, "max_clock_skew_s": 10,
    "max_orders_per_minute": 20, "max_orders_per_block": 4, "max_leverage": 3,
    "min_liquidation_distance": 0.15, "max_gas_per_day": 0.1, "exit_width": 3, "max_resting_blocks": 40,
    "max_weekly_loss": 0.05, "max_leg_imbalance": 0.05, "fill_band": 0.05,
    "max_failed_exits": 3, "max_loss": math.inf,
}  # fmt: skip
LIMITS = st.builds(RiskLimits._make, st.tuples(*[st.floats(0, 100)] * len(RiskLimits._fields)))


def test_every_limit_but_what_a_person_has_to_ask_for_is_on_by_default_and_published():
    assert RiskLimits()._asdict() == DEFAULTS
    assert all(limit > 0 for limit in RiskLimits())
    assert [name for name, limit in DEFAULTS.items() if not math.isfinite(limit)] == ["max_loss"]


def test_the_soft_drawdown_comes_before_the_hard_one():
    assert RiskLimits().max_soft_drawdown < RiskLimits().portfolio_stop_loss


@settings(deadline=None)
@given(LIMITS, LIMITS)
def test_no_limit_is_looser_than_either(one, other):
    both = tightened(one, other)._asdict()
    for name, limit in both.items():
        pair = getattr(one, name), getattr(other, name)
        assert limit == (max(pair) if name in LARGER_IS_TIGHTER else min(pair))


@pytest.mark.parametrize("name", RiskLimits._fields)
def test_an_unknown_limit_stays_unknown(name):
    broken = RiskLimits()._replace(**{name: math.nan})
    assert math.isnan(getattr(tightened(broken, RiskLimits()), name))
    assert math.isnan(getattr(tightened(RiskLimits(), broken), name))


def test_what_a_larger_number_makes_stricter():
    named = {name for name in RiskLimits._fields if name.startswith(("min_", "cooldown"))}
    assert named == LARGER_IS_TIGHTER


def test_no_strategy_wishes_what_the_limits_would_refuse():
    loose = ORACLE._replace(
        max_notional=1e6, max_slippage=0.5, urgent_slippage=0.5, stop_loss=0.9, min_edge=-1.0
    )
    limits = RiskLimits(max_slippage=0.002)
    within = bounded(loose, limits, 250.0)
    assert within.max_notional == 250.0
    # However urgent: what the gate refuses leaves nobody out of a loss.
    assert (within.max_slippage, within.urgent_slippage) == (0.002, 0.006)
    assert (within.stop_loss, within.min_edge) == (0.05, 0.0005)
    assert bounded(ORACLE, RiskLimits(max_slippage=0.1), 500.0) == ORACLE
