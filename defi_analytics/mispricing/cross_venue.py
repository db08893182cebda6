"""The same asset, cheaper here than there: buy one, sell the other.

Two stages. The tops of the books say whether a first unit could earn at all; only then are deep books read
and walked to the last profitable unit. Source of the two-stage rule: candidates validated on fresh, full
data before acting (github.com/bancorprotocol/fastlane-bot, issues 100 and 195).
"""

from dataclasses import replace
from typing import NamedTuple

from defi_analytics.domain.book import Levels, OrderBook, Top
from defi_analytics.domain.edge import Edge, EdgeKind, Reason, Rejection, Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.quote import Rate
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.limits import Limits
from defi_analytics.mispricing.pairing import Pairing
from defi_analytics.mispricing.pricing import (
    carry,
    common_step,
    exhausted,
    exit_fee,
    gas_cost,
    pricing,
    rejection,
    seen,
    seen_rates,
    too_old,
    uncounted,
    with_bounds,
)
from defi_analytics.mispricing.rates import ask, bid, find_rate, mid
from defi_analytics.mispricing.tops import best_prices, seen_tops, stale_top
from defi_analytics.mispricing.walk import Priced, Terms, priced, top_edge


class _Trade(NamedTuple):
    """One direction of a pairing, ready to walk."""

    side: Side
    asks: Levels
    bids: Levels
    terms: Terms


def screened(snapshot: Snapshot, pair: Pairing, limits: Limits) -> Edge:
    """The candidate as the tops of book show it: rejected, or standing until the deep books are read."""
    edge = Edge(EdgeKind.CROSS_VENUE, pair.home, pair.reference.venue, reference=pair.reference)
    home, other = (best_prices(snapshot, market.key, limits) for market in pair)
    if home is None or other is None:
        missing = pair.home if home is None else pair.reference
        return replace(edge, rejection=Rejection(Reason.NO_BOOK, detail=f"{missing.venue}: no quotes"))
    path = find_rate(snapshot.rates, pair.reference.quote, pair.home.quote)
    if path is None:
        return replace(edge, rejection=_no_rate(pair))
    tops = (home, other)
    inputs = (*seen_tops(snapshot, tops), *seen_rates(path, snapshot.time))
    edge = replace(edge, rates=path, inputs=inputs, rejection=stale_top(snapshot, tops, limits))
    return _screened_by_price(edge, tops, snapshot, pair, limits) if edge.stands else edge


def _screened_by_price(
    edge: Edge, tops: tuple[Top, Top], snapshot: Snapshot, pair: Pairing, limits: Limits
) -> Edge:
    books = _as_book(tops[0]), _as_book(tops[1])
    best = _best_direction(snapshot, pair, books, edge.rates, limits)
    wrong = _unpriceable(best, limits)
    if wrong is not None:
        return replace(edge, rejection=wrong)
    value = top_edge(best.asks, best.bids, best.terms)
    edge = replace(edge, side=best.side, indicative=value)
    if value <= 0:
        return replace(edge, rejection=Rejection(Reason.NOT_CROSSED, 0.0, value, "fraction"))
    if value < limits.min_edge:
        return replace(edge, rejection=Rejection(Reason.BELOW_MIN_EDGE, limits.min_edge, value, "fraction"))
    return edge


def cross_venue(snapshot: Snapshot, pair: Pairing, limits: Limits) -> Edge:
    """The candidate priced on the snapshot's deep books, or rejected by the first thing that is wrong."""
    edge = screened(snapshot, pair, limits)
    if not edge.stands:
        return edge
    home, other = snapshot.books.get(pair.home.key), snapshot.books.get(pair.reference.key)
    if home is None or other is None:
        missing = pair.home if home is None else pair.reference
        return replace(edge, rejection=Rejection(Reason.NO_BOOK, detail=f"{missing.venue}: no order book"))
    inputs = tuple(seen(f"{b.key.venue} book", b.at, snapshot.time) for b in (home, other))
    rates = seen_rates(edge.rates, snapshot.time)
    edge = replace(edge, inputs=(*inputs, *rates))
    stale = too_old(inputs, limits.max_age_s, Reason.STALE_BOOK) or too_old(
        rates, limits.max_rate_age_s, Reason.STALE_RATE
    )
    return replace(edge, rejection=stale) if stale else _priced(edge, snapshot, pair, limits)


def _priced(edge: Edge, snapshot: Snapshot, pair: Pairing, limits: Limits) -> Edge:
    home, other = snapshot.books[pair.home.key], snapshot.books[pair.reference.key]
    trade = _best_direction(
        snapshot, pair, ((home.bids, home.asks), (other.bids, other.asks)), edge.rates, limits
    )
    wrong = _unpriceable(trade, limits)
    if wrong is not None:
        return replace(edge, rejection=wrong)
    result = priced(trade.asks, trade.bids, trade.terms)
    edge = replace(
        edge,
        side=trade.side,
        indicative=top_edge(trade.asks, trade.bids, trade.terms),
        rejection=rejection(result),
        notes=_notes(snapshot, pair, limits),
    )
    if result.quantity <= 0:
        return edge
    step = common_step((pair.home.quantity_tick, pair.reference.quantity_tick))
    shown = pricing(result, (trade.asks, trade.bids), trade.terms, step, pair.home, limits)
    return replace(edge, pricing=replace(shown, exhausted=_exhausted(result, trade, (home, other))))


def _best_direction(
    snapshot: Snapshot,
    pair: Pairing,
    books: tuple[tuple[Levels, Levels], tuple[Levels, Levels]],
    path: tuple[Rate, ...],
    limits: Limits,
) -> _Trade:
    """Of buying at home and selling at home, the one whose first unit brings more."""
    (home_bids, home_asks), (other_bids, other_asks) = books
    buying = _Trade(Side.BUY, home_asks, other_bids, _terms(snapshot, pair, Side.BUY, path, limits))
    selling = _Trade(Side.SELL, other_asks, home_bids, _terms(snapshot, pair, Side.SELL, path, limits))
    best = max(buying, selling, key=lambda t: (_complete(t), top_edge(t.asks, t.bids, t.terms)))
    if not best.asks.prices:
        return best
    reference_price = best.asks.prices[0] * best.terms.buy_mid_rate
    return best._replace(terms=with_bounds(best.terms, pair.home, reference_price, limits))


def _terms(snapshot: Snapshot, pair: Pairing, side: Side, path: tuple[Rate, ...], limits: Limits) -> Terms:
    home, other = pair
    buyer, seller = (home, other) if side is Side.BUY else (other, home)
    minimum = max(float(home.min_notional), limits.of(home.key).min_notional)
    home_first = side is Side.BUY
    return Terms(
        buy_fee=float(buyer.taker_fee),
        sell_fee=float(seller.taker_fee),
        buy_rate=1.0 if home_first else ask(path),
        sell_rate=bid(path) if home_first else 1.0,
        buy_mid_rate=1.0 if home_first else mid(path),
        sell_mid_rate=mid(path) if home_first else 1.0,
        exit_fee=exit_fee(home, other),
        carry=carry(snapshot, buyer, Side.BUY, limits.holding_h)
        + carry(snapshot, seller, Side.SELL, limits.holding_h),
        fixed=gas_cost(snapshot, home.quote, limits) or 0.0,
        step=float(common_step((home.quantity_tick, other.quantity_tick))),
        min_quantity=float(max(home.min_quantity, other.min_quantity)),
        min_buy_notional=minimum if home_first else float(other.min_notional),
        min_sell_notional=float(other.min_notional) if home_first else minimum,
    )


def _as_book(top: Top) -> tuple[Levels, Levels]:
    """A top as a one-level book; a lone mid price stands for both sides, which can only flatter the edge."""
    bid_price, ask_price = top.bid or top.mid, top.ask or top.mid
    return (
        Levels((bid_price,), (1.0,)) if bid_price else Levels((), ()),
        Levels((ask_price,), (1.0,)) if ask_price else Levels((), ()),
    )


def _unpriceable(trade: _Trade, limits: Limits) -> Rejection | None:
    """No direction with both its sides, or prices of one asset that are factors apart.

    Decimals, contract sizes or identities that are mixed up show as an enormous gap in one of the directions;
    sides that are not traded prove nothing, for a lonely bid at a tenth of the price is common.
    """
    if not _complete(trade):
        return Rejection(Reason.NO_BOOK, detail="no direction has both its sides quoted")
    bought = trade.asks.prices[0] * trade.terms.buy_mid_rate
    ratio = trade.bids.prices[0] * trade.terms.sell_mid_rate / bought
    if ratio <= limits.max_ratio:
        return None
    return Rejection(Reason.IMPLAUSIBLE, limits.max_ratio, ratio, "ratio")


def _complete(trade: _Trade) -> bool:
    return bool(trade.asks.prices and trade.bids.prices)


def _exhausted(result: Priced, trade: _Trade, books: tuple[OrderBook, OrderBook]) -> bool:
    """Whether a book that the venue cut short is what ended the walk."""
    home, other = books
    buyer, seller = (home, other) if trade.side is Side.BUY else (other, home)
    step = trade.terms.step
    return exhausted(buyer, trade.asks, result.quantity, step) or exhausted(
        seller, trade.bids, result.quantity, step
    )


def _no_rate(pair: Pairing) -> Rejection:
    return Rejection(Reason.NO_RATE, detail=f"{pair.reference.quote}/{pair.home.quote}")


def _notes(snapshot: Snapshot, pair: Pairing, limits: Limits) -> tuple[str, ...]:
    left_out = uncounted(snapshot, pair, limits)
    if MarketKind.PERPETUAL not in {pair.home.kind, pair.reference.kind}:
        return left_out
    return (f"{pair.home.kind} against {pair.reference.kind}: the gap need not close", *left_out)
