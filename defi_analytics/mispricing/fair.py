"""A market against one fair value: enter now as a taker, leave at the fair value as a taker.

The gap is measured in units of the fair value's own uncertainty: a gap smaller than that says nothing.
"""

import math
from dataclasses import replace

from defi_analytics.domain.book import Levels, OrderBook
from defi_analytics.domain.edge import Edge, Reason, Rejection, Side, Signal
from defi_analytics.domain.market import Market
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.limits import Limits
from defi_analytics.mispricing.pricing import (
    carry,
    common_step,
    exhausted,
    gas_cost,
    pricing,
    rejection,
    seen,
    too_old,
    uncounted,
    with_bounds,
)
from defi_analytics.mispricing.walk import Terms, priced, top_edge


def gap(mid: float, fair: float) -> float:
    """How far the market is below its fair value, as a fraction of it; negative when it is dear."""
    return 1.0 - mid / fair


def plausible(ratio: float, limits: Limits) -> bool:
    """Whether two prices of one thing can both be in the same unit."""
    return 1 / limits.max_ratio <= ratio <= limits.max_ratio


def measured(edge: Edge, mid: float, fair: float, uncertainty: float, limits: Limits) -> Edge:
    """The edge with its signal, rejected if the units cannot be right or the gap is within the noise.

    `fair` and `mid` in the market's quote per base, `uncertainty` a fraction of `fair`, positive.
    """
    ratio = mid / fair
    if not plausible(ratio, limits):
        return replace(edge, rejection=Rejection(Reason.IMPLAUSIBLE, limits.max_ratio, ratio, "ratio"))
    z = gap(mid, fair) / uncertainty
    edge = replace(edge, signal=Signal(fair, uncertainty, z), side=Side.BUY if z > 0 else Side.SELL)
    # Not "smaller than": a z that is no number must not pass either.
    if not abs(z) >= limits.min_z:
        return replace(edge, rejection=Rejection(Reason.BELOW_UNCERTAINTY, limits.min_z, abs(z), "z"))
    return edge


def measured_on_book(edge: Edge, snapshot: Snapshot, fair: float, uncertainty: float, limits: Limits) -> Edge:
    """The edge measured by the middle of the market's deep book, which must be there, whole and fresh."""
    book = snapshot.books.get(edge.market.key)
    if book is None or book.mid is None:
        detail = (
            f"{edge.market.venue}: no order book" if book is None else f"{edge.market.venue}: one side only"
        )
        return replace(edge, rejection=Rejection(Reason.NO_BOOK, detail=detail))
    fresh = (seen(f"{book.key.venue} book", book.at, snapshot.time),)
    others = (i for i in edge.inputs if not i.name.endswith(" top") and i not in fresh)
    edge = replace(edge, inputs=(*fresh, *others))
    stale = too_old(fresh, limits.max_age_s, Reason.STALE_BOOK)
    return replace(edge, rejection=stale) if stale else measured(edge, book.mid, fair, uncertainty, limits)


def against_fair(edge: Edge, snapshot: Snapshot, limits: Limits) -> Edge:
    """An edge measured on the deep book, priced up to where the last unit meets the fair value.

    One that was rejected on the way is returned as it is.
    """
    if edge.signal is None or not edge.stands:
        return edge
    return _priced(edge, edge.signal, snapshot.books[edge.market.key], snapshot, limits)


def _priced(edge: Edge, signal: Signal, book: OrderBook, snapshot: Snapshot, limits: Limits) -> Edge:
    fair = Levels((signal.fair,), (math.inf,))
    side = Side.BUY if signal.z > 0 else Side.SELL
    asks, bids = (book.asks, fair) if side is Side.BUY else (fair, book.bids)
    terms = with_bounds(_terms(edge.market, side, snapshot, limits), edge.market, asks.prices[0], limits)
    result = priced(asks, bids, terms)
    edge = replace(
        edge,
        rejection=rejection(result),
        indicative=top_edge(asks, bids, terms),
        notes=(*edge.notes, *uncounted(snapshot, (edge.market,), limits)),
    )
    if result.quantity <= 0:
        return edge
    step = common_step((edge.market.quantity_tick,))
    shown = pricing(result, (asks, bids), terms, step, edge.market, limits)
    taken = book.asks if side is Side.BUY else book.bids
    return replace(
        edge, pricing=replace(shown, exhausted=exhausted(book, taken, result.quantity, terms.step))
    )


def _terms(market: Market, side: Side, snapshot: Snapshot, limits: Limits) -> Terms:
    minimum = max(float(market.min_notional), limits.of(market.key).min_notional)
    return Terms(
        buy_fee=float(market.taker_fee),
        sell_fee=float(market.taker_fee),
        carry=carry(snapshot, market, side, limits.holding_h),
        # One order in, one order out.
        fixed=2 * (gas_cost(snapshot, market.quote, limits) or 0.0),
        step=float(market.quantity_tick),
        min_quantity=float(market.min_quantity),
        min_buy_notional=minimum,
        min_sell_notional=minimum,
    )
