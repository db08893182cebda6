"""A market against one fair value: enter now as a taker, leave at the fair value as a taker.

The gap is measured in units of the fair value's own uncertainty, because a gap smaller than that says nothing.
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
    gas_cost,
    pricing,
    rejection,
    seen,
    too_old,
    with_bounds,
)
from defi_analytics.mispricing.walk import Terms, priced, top_edge


def gap(mid: float, fair: float) -> float:
    """How far the market is below its fair value, as a fraction of it; negative when it is dear."""
    return 1.0 - mid / fair


def measured(edge: Edge, mid: float, fair: float, uncertainty: float, limits: Limits) -> Edge:
    """The edge with its signal, rejected if the units cannot be right or the gap is within the noise.

    `fair` and `mid` in the market's quote per base, `uncertainty` a fraction of `fair`, positive.
    """
    ratio = mid / fair
    if not 1 / limits.max_ratio <= ratio <= limits.max_ratio:
        return replace(edge, rejection=Rejection(Reason.IMPLAUSIBLE, limits.max_ratio, ratio, "ratio"))
    z = gap(mid, fair) / uncertainty
    edge = replace(edge, signal=Signal(fair, uncertainty, z), side=Side.BUY if z > 0 else Side.SELL)
    if abs(z) < limits.min_z:
        return replace(edge, rejection=Rejection(Reason.BELOW_UNCERTAINTY, limits.min_z, abs(z), "z"))
    return edge


def against_fair(edge: Edge, snapshot: Snapshot, limits: Limits) -> Edge:
    """A measured edge, priced on the market's deep book up to where the last unit meets the fair value."""
    book = snapshot.books.get(edge.market.key)
    if book is None or edge.signal is None or edge.side is None:
        return replace(
            edge, rejection=Rejection(Reason.NO_BOOK, detail=f"{edge.market.venue}: no order book")
        )
    fresh = (seen(f"{book.key.venue} book", book.at, snapshot.time),)
    edge = replace(edge, inputs=(*fresh, *(i for i in edge.inputs if not i.name.endswith(" top"))))
    stale = too_old(fresh, limits.max_age_s, Reason.STALE_BOOK)
    return replace(edge, rejection=stale) if stale else _priced(edge, book, snapshot, limits)


def _priced(edge: Edge, book: OrderBook, snapshot: Snapshot, limits: Limits) -> Edge:
    assert edge.signal is not None  # noqa: S101 - `against_fair` made sure
    fair = Levels((edge.signal.fair,), (math.inf,))
    asks, bids = (book.asks, fair) if edge.side is Side.BUY else (fair, book.bids)
    terms = _terms(edge.market, edge.side or Side.BUY, snapshot, limits)
    if asks.prices:
        terms = with_bounds(terms, edge.market, asks.prices[0], limits)
    result = priced(asks, bids, terms)
    edge = replace(edge, rejection=rejection(result), indicative=top_edge(asks, bids, terms))
    if result.quantity <= 0:
        return edge
    step = common_step((edge.market.quantity_tick,))
    return replace(edge, pricing=pricing(result, (asks, bids), terms, step, edge.market, limits))


def _terms(market: Market, side: Side, snapshot: Snapshot, limits: Limits) -> Terms:
    minimum = max(float(market.min_notional), limits.of(market.key).min_notional)
    return Terms(
        buy_fee=float(market.taker_fee),
        sell_fee=float(market.taker_fee),
        carry=carry(market, snapshot.tops.get(market.key), side, limits.holding_h),
        # One order in, one order out.
        fixed=2 * (gas_cost(snapshot, market.quote, limits) or 0.0),
        step=float(market.quantity_tick),
        min_quantity=float(market.min_quantity),
        min_buy_notional=minimum,
        min_sell_notional=minimum,
    )
