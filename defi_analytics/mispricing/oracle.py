"""A market against what an oracle publishes for the same asset.

The unit of the gap is the widest of four: the oracle's confidence, the deviation it may let pass without
publishing, and half the spread of the market and of the conversion; a gap inside any of them is not a signal.
Of several sources for one asset the freshest usable one is compared with, and a source that contradicts it
is named: whichever is right, the gap is then no better known than the two agree.
Source: Pyth price feeds, best practices on confidence intervals (docs.pyth.network).
"""

from collections.abc import Sequence
from dataclasses import replace

from defi_analytics.domain.book import Top
from defi_analytics.domain.edge import Edge, EdgeKind, Reason, Rejection
from defi_analytics.domain.market import Market
from defi_analytics.domain.quote import Quote
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.fair import against_fair, measured, measured_on_book, plausible
from defi_analytics.mispricing.limits import Limits
from defi_analytics.mispricing.pricing import seen, seen_rates, too_old
from defi_analytics.mispricing.rates import find_rate, half_spread, mid
from defi_analytics.mispricing.tops import best_prices, seen_tops, stale_top


def oracle_screened(snapshot: Snapshot, market: Market, quote: Quote, limits: Limits) -> Edge:
    """The candidate as the top of the book shows it: rejected, or standing until the deep book is read."""
    edge = Edge(EdgeKind.ORACLE, market, quote.source)
    top = best_prices(snapshot, market.key, limits)
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
    fair = quote.price * mid(path)
    edge = replace(edge, notes=_contradictions(snapshot, market, quote, fair, limits))
    if top is None or top.mid is None:
        return replace(
            edge, rejection=Rejection(Reason.NO_BOOK, detail=f"{market.venue}: no two-sided quotes")
        )
    late = stale_top(snapshot, (top,), limits)
    edge = replace(edge, inputs=(*seen_tops(snapshot, (top,)), *edge.inputs), rejection=late)
    if late:
        return edge
    unit = max(_uncertainty(quote, top, limits), half_spread(path))
    return measured(edge, top.mid, fair, unit, limits)


def oracle_deviation(snapshot: Snapshot, market: Market, quote: Quote, limits: Limits) -> Edge:
    """The candidate priced on the deep book, or rejected by the first thing that is wrong."""
    edge = oracle_screened(snapshot, market, quote, limits)
    if edge.signal is None or not edge.stands:
        return edge
    edge = measured_on_book(edge, snapshot, edge.signal.fair, edge.signal.uncertainty, limits)
    return against_fair(edge, snapshot, limits)


def chosen_quote(snapshot: Snapshot, market: Market, quotes: Sequence[Quote], limits: Limits) -> Quote:
    """Of the sources for a market's asset (at least one) the freshest within its age limit and plausible.

    Where none is, the freshest: its rejection then says what is wrong. Of equally fresh ones the first.
    """
    if len(quotes) == 1:
        return quotes[0]
    return max(quotes, key=lambda quote: (_usable(snapshot, market, quote, limits), quote.at))


def _usable(snapshot: Snapshot, market: Market, quote: Quote, limits: Limits) -> bool:
    fair = _fresh_price(snapshot, market, quote, limits)
    if fair is None:
        return False
    top = best_prices(snapshot, market.key, limits)
    return top is None or top.mid is None or plausible(top.mid / fair, limits)


def _fresh_price(snapshot: Snapshot, market: Market, quote: Quote, limits: Limits) -> float | None:
    """In the market's quote; None if it is too old or nothing converts it."""
    aged = (seen(quote.source, quote.at, snapshot.time),)
    path = find_rate(snapshot.rates, quote.quote, market.quote)
    if path is None or too_old(aged, limits.max_oracle_age_s, Reason.STALE_ORACLE):
        return None
    return quote.price * mid(path)


def _contradictions(
    snapshot: Snapshot, market: Market, quote: Quote, fair: float, limits: Limits
) -> tuple[str, ...]:
    """The other fresh sources that differ by more than both together allow for, implausible ones included."""
    notes = []
    for other in snapshot.quotes:
        if other.base != quote.base or other == quote:
            continue
        price = _fresh_price(snapshot, market, other, limits)
        if price is not None and abs(price - fair) > fair * _doubt(quote, limits) + price * _doubt(
            other, limits
        ):
            notes.append(
                f"{other.source} says {price:.6g} {market.quote}, {quote.source} {fair:.6g}: "
                "further apart than both allow for"
            )
    return tuple(notes)


def _doubt(quote: Quote, limits: Limits) -> float:
    """A fraction of the price: the stated confidence, else how far it may move without being published."""
    return limits.oracle_threshold if quote.confidence is None else quote.confidence / quote.price


def _uncertainty(quote: Quote, top: Top, limits: Limits) -> float:
    spread = 0.0 if top.bid is None or top.ask is None else (top.ask - top.bid) / (top.ask + top.bid)
    return max((quote.confidence or 0.0) / quote.price, limits.oracle_threshold, spread)
