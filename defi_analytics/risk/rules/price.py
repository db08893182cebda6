"""Whether an order can be expressed on its market, and at a price that makes sense there."""

import math

from defi_analytics.domain.decision import BUY, SELL, OrderKind
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.rules.state import reduces
from defi_analytics.risk.verdict import PASSED, Verdict, at_least, at_most, refused_if, unknown
from defi_analytics.risk.views import AccountFacts, MarketFacts, OrderFacts

RECENT_S = 60.0
"""A fill of the account's own tells what the market is worth for so long."""
MOST_UNITS = 2**53
"""Ticks times lots beyond this are no exact float, and a step from no exact 64-bit integer."""


def width(order: OrderFacts, account: AccountFacts, limits: RiskLimits) -> float:
    """How many times wider than for a new position the sanity limits are."""
    return limits.exit_width if reduces(order, account) else 1.0


def grid(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    """Whole positive ticks and lots, of a known side and kind, not below the market's minimums."""
    shaped = order.side in (BUY, SELL) and OrderKind.MARKET <= order.kind <= OrderKind.STOP
    triggered = (order.kind == OrderKind.STOP) == (order.trigger >= 1)
    stops = order.kind != OrderKind.STOP or market.grid.perpetual
    if not (shaped and triggered and stops and min(order.ticks, order.lots) >= 1 and order.trigger >= 0):
        return refused_if(Denial.GRID, broken=True)
    least = at_least(Denial.GRID, float(order.lots), float(market.grid.min_lots))
    if least.code != Denial.NONE:
        return least
    # As floats: a product of 64-bit integers that overflows comes back small.
    units = float(order.ticks) * float(order.lots)
    most = at_most(Denial.GRID, units, float(MOST_UNITS))
    return most if most.code != Denial.NONE else at_least(Denial.GRID, units, float(market.grid.min_notional))


def mid_band(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    """A one-sided book has no mid: then what reduces is judged by the oracle alone, if there is one."""
    if math.isnan(market.mid) and market.has_oracle and reduces(order, account):
        return PASSED
    crossed = not 0.0 < market.bid < market.ask < math.inf
    inside = market.bid <= market.mid <= market.ask and not crossed
    off = _off(order, market.mid if inside else math.nan)
    return at_most(Denial.PRICE_BAND_MID, off, limits.mid_band * width(order, account, limits))


def oracle_band(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    """A perpetual settles on an oracle: without one nothing is entered there."""
    if leaves_by_the_book(order, market, account, limits):
        return PASSED
    if not market.has_oracle:
        return unknown(limits.oracle_band, market.oracle) if market.grid.perpetual else PASSED
    off = _off(order, market.oracle)
    return at_most(Denial.PRICE_BAND_ORACLE, off, limits.oracle_band * width(order, account, limits))


def leaves_by_the_book(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> bool:
    """Whether no oracle tells a price of now, and the order reduces and has a mid to be judged by instead.

    A source that is silent must keep nobody in a position: `mid_band`, `exit_width` times wider, bounds the
    price then, and `slippage` the worst one. Not for a stop: without an oracle nobody can tell that its
    trigger will be reached.
    """
    if order.kind == OrderKind.STOP or math.isnan(market.mid) or not reduces(order, account):
        return False
    told = market.has_oracle and not math.isnan(market.oracle + market.oracle_age_s)
    return not told or market.oracle_age_s > limits.max_oracle_age_s * limits.exit_width


def fill_band(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    """Of what the account itself paid or got a moment ago; what reduces may follow the market anywhere."""
    if reduces(order, account):
        return PASSED
    since_s = account.since_fill_s
    old = math.isfinite(since_s) and since_s > RECENT_S
    off = 0.0 if old else _off(order, account.last_fill if math.isfinite(since_s) else math.nan)
    return at_most(Denial.PRICE_BAND_FILL, off, limits.fill_band)


def slippage(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    most = limits.max_slippage * width(order, account, limits)
    return at_most(Denial.SLIPPAGE, order.slippage, most)


def min_profit(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    if reduces(order, account):
        return PASSED
    return at_least(Denial.MIN_PROFIT, order.net_edge, limits.min_profit_threshold)


def _off(order: OrderFacts, reference: float) -> float:
    """Distance from the reference as a fraction of it; NaN without one.

    A stop waits for its trigger to be reached, so its price is measured from there; a reference is asked for
    all the same, or nobody could tell that the trigger will be.
    """
    if not (math.isfinite(reference) and reference > 0.0):
        return math.nan
    if order.kind == OrderKind.STOP:
        reference = float(order.trigger) if order.trigger > 0 else math.nan
    return abs(order.ticks - reference) / reference
