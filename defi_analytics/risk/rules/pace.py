"""How often and how much at once. Orders that reduce only answer to the order rate."""

import math

from defi_analytics.risk.codes import Denial
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.rules.state import reduces
from defi_analytics.risk.verdict import PASSED, Verdict, at_least, at_most
from defi_analytics.risk.views import AccountFacts, MarketFacts, OrderFacts


def position_count(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    """Only an order on a market where nothing is held or pending adds to the count."""
    idle = account.position_lots == 0 and account.pending_buys == 0 and account.pending_sells == 0
    if not idle:
        return PASSED
    after = _one_more(account.active_positions)
    return at_most(Denial.POSITION_COUNT, after, float(limits.max_active_positions))


def daily_trades(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    if reduces(order, account):
        return PASSED
    return at_most(Denial.DAILY_TRADES, _one_more(account.trades_today), float(limits.max_daily_trades))


def cooldown(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    if reduces(order, account):
        return PASSED
    return at_least(Denial.COOLDOWN, account.since_exit_s, limits.cooldown_period_s)


def minute_rate(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    after = _one_more(account.orders_last_minute)
    return at_most(Denial.RATE_LIMIT, after, float(limits.max_orders_per_minute))


def block_rate(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    after = _one_more(account.orders_this_block)
    return at_most(Denial.RATE_LIMIT, after, float(limits.max_orders_per_block))


def gas_budget(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    if reduces(order, account):
        return PASSED
    sound = account.gas_today >= 0.0 and order.gas >= 0.0
    after = account.gas_today + order.gas if sound else math.nan
    return at_most(Denial.GAS_BUDGET, after, limits.max_gas_per_day)


def _one_more(count: int) -> float:
    return count + 1.0 if count >= 0 else math.nan
