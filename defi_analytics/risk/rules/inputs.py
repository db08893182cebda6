"""How old what the order was decided on may be. An age that is not known is too old."""

import math

from defi_analytics.risk.codes import Denial
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.rules.price import leaves_by_the_book, width
from defi_analytics.risk.rules.state import reduces
from defi_analytics.risk.verdict import PASSED, Verdict, at_most
from defi_analytics.risk.views import AccountFacts, MarketFacts, OrderFacts


def stale_book(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    wide = width(order, account, limits)
    return _aged(Denial.STALE_BOOK, market.book_age_s, limits.max_book_age_s * wide, limits)


def stale_oracle(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    if not market.has_oracle or leaves_by_the_book(order, market, account, limits):
        return PASSED
    wide = width(order, account, limits)
    return _aged(Denial.STALE_ORACLE, market.oracle_age_s, limits.max_oracle_age_s * wide, limits)


def stale_prediction(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    if not order.uses_prediction or reduces(order, account):
        return PASSED
    return _aged(Denial.STALE_PREDICTION, market.prediction_age_s, limits.max_prediction_age_s, limits)


def stale_balance(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    wide = width(order, account, limits)
    return _aged(Denial.STALE_BALANCE, account.balance_age_s, limits.max_balance_age_s * wide, limits)


def clock_skew(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    most = limits.max_clock_skew_s * width(order, account, limits)
    return at_most(Denial.CLOCK_SKEW, abs(account.clock_skew_s), most)


def _aged(code: Denial, age_s: float, limit_s: float, limits: RiskLimits) -> Verdict:
    """Dated in the future is refused like too old, beyond what two clocks may differ by."""
    if not math.isfinite(age_s):
        return Verdict(code, float(limit_s), float(age_s))
    early = at_most(Denial.CLOCK_SKEW, -age_s, limits.max_clock_skew_s)
    return early if early.code != Denial.NONE else at_most(code, age_s, limit_s)
