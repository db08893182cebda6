"""Whether the account may trade at all, and what counts as getting out.

| rule | new exposure | reduces | reduces, to end a loss or asked for by a person |
|---|---|---|---|
| HALTED | refused | refused | passes |
| REDUCING, a lost day or week, either drawdown, the largest loss | refused | passes | passes |
| size, exposure, pace, cooldown, profit, leverage, gas | judged | passes | passes |
| unresolved order on the market | refused | passes on perpetuals: the chain itself keeps reduce-only | same |
| price bands, slippage, ages, clock | judged | judged, `exit_width` times wider | same |
| no mid, or no oracle of now (not both) | refused | judged by the other alone, stops excepted | same |
| worth in account currency not known | refused | passes | passes |
| grid, duplicate id, market state, order rate, balance | judged | judged | judged |

Cancels never come here.
"""

import math

from defi_analytics.domain.decision import OrderKind
from defi_analytics.risk.codes import Denial, MarketState, TradingState
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.verdict import PASSED, Verdict, below, below_any, lost, refused_if, unknown
from defi_analytics.risk.views import AccountFacts, MarketFacts, OrderFacts


def lots_after(order: OrderFacts, account: AccountFacts) -> int:
    """Lots held in the order's direction, with it and the pending ones of its side filled; < 0: the other."""
    pending = account.pending_buys if order.side > 0 else account.pending_sells
    return order.side * account.position_lots + pending + order.lots


def reduces(order: OrderFacts, account: AccountFacts) -> bool:
    """Marked reduce-only, and so small that it cannot turn the position over."""
    return order.reduce_only and order.lots > 0 and lots_after(order, account) <= 0


def known(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    """What every order is measured in is there, and nothing that is counted counts backwards.

    What reduces is measured in lots, and in what it spends: what it is worth, nobody needs to know. Nor are
    equity and exposures among it.
    """
    smaller = reduces(order, account)
    amounts = order.needs if smaller else order.notional + market.quote_rate + order.needs
    counts = float(account.pending_buys + account.pending_sells)
    if not math.isfinite(amounts + counts):
        return unknown(0.0, amounts + counts)
    sound = smaller or (order.notional > 0.0 and market.quote_rate > 0.0)
    fewest = min(account.pending_buys, account.pending_sells)
    return PASSED if sound and order.needs >= 0.0 and fewest >= 0 else unknown(0.0, amounts)


def halted(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    if account.state == TradingState.ACTIVE or account.state == TradingState.REDUCING:  # noqa: PLR1714 - numba knows no `in` of members
        return PASSED
    if account.state != TradingState.HALTED:
        return unknown(0.0, math.nan)
    wanted = order.by_person or order.protects
    return refused_if(Denial.HALTED, not (wanted and reduces(order, account)))


def reduce_only(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    """Also of an order that says reduce-only and would not, and of a stop that could open a position."""
    only = account.state == TradingState.REDUCING or order.kind == OrderKind.STOP
    return refused_if(Denial.REDUCE_ONLY, (order.reduce_only or only) and not reduces(order, account))


def daily_loss(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    if reduces(order, account):
        return PASSED
    low, limit = account.day_low_equity, limits.max_daily_loss
    return _reached(Denial.DAILY_LOSS, account.day_start_equity, low, account.equity, limit)


def weekly_loss(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    if reduces(order, account):
        return PASSED
    low, limit = account.week_low_equity, limits.max_weekly_loss
    return _reached(Denial.WEEKLY_LOSS, account.week_start_equity, low, account.equity, limit)


def _reached(code: Denial, start: float, low: float, now: float, limit: float) -> Verdict:
    """Each on its own: `min` of the two may hide a NaN behind a number."""
    seen = below(code, lost(start, low), limit)
    return seen if seen.code != Denial.NONE else below(code, lost(start, now), limit)


def soft_drawdown(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    if reduces(order, account):
        return PASSED
    return below(Denial.DRAWDOWN_SOFT, lost(account.peak_equity, account.equity), limits.max_soft_drawdown)


def hard_drawdown(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    """Here it refuses one order; that trading halts for good is `halting.observed`."""
    if reduces(order, account):
        return PASSED
    return below(Denial.DRAWDOWN_HARD, lost(account.peak_equity, account.equity), limits.portfolio_stop_loss)


def max_loss(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    """Here it refuses one order; that trading halts for good is `halting.observed`."""
    if reduces(order, account):
        return PASSED
    return below_any(Denial.MAX_LOSS, account.day_lost, limits.max_loss)


def market_state(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    """After a standstill only what cannot trade at once is taken for some blocks."""
    posting = market.status == MarketState.POST_ONLY and order.kind == OrderKind.POST_ONLY
    return refused_if(Denial.MARKET_STATE, market.status != MarketState.ACTIVE and not posting)


def unresolved_order(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    safe = market.grid.perpetual and reduces(order, account)
    return refused_if(Denial.UNRESOLVED_ORDER, account.unresolved and not safe)


def duplicate_id(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    return refused_if(Denial.DUPLICATE_ID, account.duplicate)
