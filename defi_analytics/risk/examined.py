"""What every rule says of one order, with the figures that a pass does not carry. For people to read.

A rule tells its value and limit only when it refuses. So each that passed is asked again with a limit that
nothing can meet: what it then compares is what it compared before, and no rule is written down twice.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from types import FunctionType
from typing import NamedTuple

from defi_analytics.risk import gate
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.limits import LARGER_IS_TIGHTER, RiskLimits
from defi_analytics.risk.verdict import Verdict
from defi_analytics.risk.views import AccountFacts, MarketFacts, OrderFacts

Rule = Callable[[OrderFacts, MarketFacts, AccountFacts, RiskLimits], Verdict]
NEAR = 0.1
"""Of a limit: what comes so close is worth a warning."""
_FREE = "free"
"""Not a limit: what the account has."""
_UNMET = 1e18
"""Beyond every value a rule compares."""

_COMPARED_WITH = {
    "hard_drawdown": "portfolio_stop_loss",
    "max_loss": "max_loss",
    "daily_loss": "max_daily_loss",
    "weekly_loss": "max_weekly_loss",
    "soft_drawdown": "max_soft_drawdown",
    "clock_skew": "max_clock_skew_s",
    "stale_balance": "max_balance_age_s",
    "stale_book": "max_book_age_s",
    "stale_oracle": "max_oracle_age_s",
    "stale_prediction": "max_prediction_age_s",
    "oracle_band": "oracle_band",
    "mid_band": "mid_band",
    "fill_band": "fill_band",
    "slippage": "max_slippage",
    "min_profit": "min_profit_threshold",
    "cooldown": "cooldown_period_s",
    "daily_trades": "max_daily_trades",
    "minute_rate": "max_orders_per_minute",
    "block_rate": "max_orders_per_block",
    "gas_budget": "max_gas_per_day",
    "position_count": "max_active_positions",
    "trade_size_min": "min_trade_size",
    "order_notional": "max_trade_size",
    "position_size": "max_position_size",
    "exposure_market": "max_exposure_market",
    "exposure_asset": "max_exposure_asset",
    "exposure_total": "max_exposure_total",
    "leverage": "max_leverage",
    "liquidation_distance": "min_liquidation_distance",
    "balance": _FREE,
}
"""By rule: its limit. The others have none."""


_NAMED = tuple(vars(gate).get(name) for name in gate.judge.__code__.co_names)
"""What the gate calls, in its order, read off its code: a second list of its rules could differ."""

RULES: tuple[tuple[Rule, str], ...] = tuple(
    (rule, _COMPARED_WITH.get(rule.__name__, "")) for rule in _NAMED if isinstance(rule, FunctionType)
)
"""As the gate asks them, each with the limit it compares with."""


class Outcome(StrEnum):
    PASSED = "passed"
    NEAR = "near"
    REFUSED = "refused"
    EXEMPT = "exempt"
    """Does not hold for this order: it reduces, for instance."""


class Examined(NamedTuple):
    rule: str
    outcome: Outcome
    code: Denial
    """What it refuses with; NONE where it passed without a figure."""
    limit: float | None
    value: float | None


def examine(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> tuple[Examined, ...]:
    """Every rule's verdict, in the gate's order: the first refusal is the gate's."""
    return tuple(_examined(rule, name, order, market, account, limits) for rule, name in RULES)


def _examined(
    rule: Rule, name: str, order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Examined:
    title, verdict = rule.__name__, rule(order, market, account, limits)
    if verdict.code != Denial.NONE:
        return Examined(title, Outcome.REFUSED, Denial(verdict.code), verdict.limit, verdict.value)
    if not name or math.isinf(getattr(limits, name, 0.0)):
        return Examined(title, Outcome.PASSED, Denial.NONE, None, None)
    if name == _FREE:
        forced, limit = rule(order, market, account._replace(free=-_UNMET), limits), account.free
    else:
        unmet = _UNMET if name in LARGER_IS_TIGHTER else -_UNMET
        forced = rule(order, market, account, _with(limits, name, unmet))
        # A rule may widen its limit for orders that reduce.
        limit = getattr(limits, name) * (forced.limit / unmet)
    if forced.code == Denial.NONE:
        return Examined(title, Outcome.EXEMPT, Denial.NONE, None, None)
    near = abs(limit - forced.value) <= NEAR * abs(limit)
    return Examined(title, Outcome.NEAR if near else Outcome.PASSED, Denial(forced.code), limit, forced.value)


def _with(limits: RiskLimits, name: str, value: float) -> RiskLimits:
    pairs = zip(RiskLimits._fields, limits, strict=True)
    return RiskLimits._make(value if field == name else own for field, own in pairs)
