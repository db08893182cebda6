"""A market against what an oracle publishes for the same asset.

The unit of the gap is the widest of four: the oracle's confidence, the deviation it may let pass without
publishing, and half the spread of the market and of the conversion; a gap inside any of them is not a signal.
Source: Pyth price feeds, best practices on confidence intervals (docs.pyth.network).
"""

from dataclasses import replace

from defi_analytics.domain.book import Top
from defi_analytics.domain.edge import Edge, EdgeKind, Reason, Rejection
from defi_analytics.domain.market import Market
from defi_analytics.domain.quote import Quote
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.fair import against_fair, measured, measured_on_book
from defi_analytics.mispricing.limits import Limits
from defi_analytics.mispricing.pricing import seen, seen_rates, too_old
from defi_analytics.mispricing.rates import find_rate, half_spread, mid


def oracle_screened(snapshot: Snapshot, market: Market, quote: Quote, limits: Limits) -> Edge:
    """The candidate as the top of the book shows it: rejected, or standing until the deep book is read."""
    edge = Edge(EdgeKind.ORACLE, market, quote.source)
    top = snapshot.tops.get(market.key)
    path = find_rate(snapshot.rates, quote.quote, market.quote)
    if path is None:
        return replace(edge, rejection=Rejection(Reason.NO_RATE, detail=f"{quote.quote}/{market.quote}"))
    aged = (seen(quote.source, quote.at, snapshot.time),)
    rates = seen_rates(path, snapshot.time)
    edge = replace(edge, rates=path, inputs=(*aged, *rates))
    stale = too_old(aged, limits.max_oracle_age_s, Reason.STALE_ORACLE) or too_old(
        rates, limits.max_rate_age_s, Reason.STALE_RATE
    )
    if stale:
        return replace(edge, rejection=stale)
    if top is None or top.mid is None:
        return replace(
            edge, rejection=Rejection(Reason.NO_BOOK, detail=f"{market.venue}: no two-sided quotes")
        )
    edge = replace(edge, inputs=(seen(f"{market.venue} top", top.at, snapshot.time), *edge.inputs))
    unit = max(_uncertainty(quote, top, limits), half_spread(path))
    return measured(edge, top.mid, quote.price * mid(path), unit, limits)


def oracle_deviation(snapshot: Snapshot, market: Market, quote: Quote, limits: Limits) -> Edge:
    """The candidate priced on the deep book, or rejected by the first thing that is wrong."""
    edge = oracle_screened(snapshot, market, quote, limits)
    if edge.signal is None or not edge.stands:
        return edge
    edge = measured_on_book(edge, snapshot, edge.signal.fair, edge.signal.uncertainty, limits)
    return against_fair(edge, snapshot, limits)


def _uncertainty(quote: Quote, top: Top, limits: Limits) -> float:
    spread = 0.0 if top.bid is None or top.ask is None else (top.ask - top.bid) / (top.ask + top.bid)
    return max((quote.confidence or 0.0) / quote.price, limits.oracle_threshold, spread)
