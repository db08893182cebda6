"""Whether the account can pay for an order, and carry what comes of it."""

import math

from defi_analytics.risk.codes import Denial
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.rules.state import reduces
from defi_analytics.risk.verdict import PASSED, Verdict, at_least, at_most
from defi_analytics.risk.views import AccountFacts, MarketFacts, OrderFacts


def balance(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    """What reduces a perpetual spends nothing: then it does not matter what other orders took."""
    if reduces(order, account) and order.needs == 0.0:
        return PASSED
    return at_most(Denial.INSUFFICIENT_BALANCE, order.needs, account.free)


def leverage(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    if reduces(order, account):
        return PASSED
    times = order.leverage if order.leverage > 0.0 else math.nan
    return at_most(Denial.LEVERAGE, times, limits.max_leverage)


def liquidation_distance(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    if reduces(order, account):
        return PASSED
    return at_least(
        Denial.LIQUIDATION_DISTANCE, account.liquidation_distance, limits.min_liquidation_distance
    )
