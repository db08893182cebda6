"""Protective stops on the chain: one for what strategies hold of a perpetual, none for what is gone.

Of all orders they alone outlive a dead agent, for no expiry can be put on them and their position needs them
most then. They only reduce, so that left alone they can open nothing.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import NamedTuple

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKey, MarketKind, MarketStatus
from defi_analytics.domain.order import Cancel, OrderRequest, OrderState
from defi_analytics.domain.portfolio import Position
from defi_analytics.engine.bookkeeping import Bookkeeping, TrackedOrder
from defi_analytics.engine.requests import order_id
from defi_analytics.engine.stops import strategies_holding
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.stops import protective_stop

STRATEGY = "stop"
"""What protective stops are booked under."""
_DIGITS = 60


class Protection(NamedTuple):
    """What a market's stops lack, and which of them guard nothing any more."""

    wanted: OrderRequest | None
    stale: tuple[Cancel, ...]


def protection(
    books: Bookkeeping, position: Position | None, market: Market, limits: RiskLimits, decision: str
) -> Protection:
    """A stop works while nobody is here, so it must be that of what is held: same side, size, price.

    One that is not proven yet counts as standing: it may become what is wanted, and cannot be cancelled. A
    paused market takes neither an order nor a cancel.
    """
    if market.status is MarketStatus.PAUSED:
        return Protection(None, ())
    name = order_id(decision, STRATEGY, market.key)
    ours = _ours(books, position, market) if position else None
    if ours is None and _held(books, market):
        # Whoever is right of venue and books: what only reduces does no harm if nothing is there.
        return Protection(None, ())
    wanted = protective_stop(ours, market, limits, STRATEGY, name) if ours else None
    stops = list(_stops(books, market.key))
    fitting = [stop for stop in stops if stop.state is not OrderState.OPEN or _same(stop.request, wanted)]
    stale = tuple(
        Cancel(market.key, market, stop.request.client_order_id, stop.order_hash)
        for stop in stops
        if stop not in fitting
    )
    return Protection(None if fitting else wanted, stale)


def guarding(books: Bookkeeping) -> list[TrackedOrder]:
    """Stops that reduce what is held, or may be: without them it would be open and unguarded."""
    return [order for order in books.live if _guards(order.request, books)]


def unguarded(books: Bookkeeping) -> list[Market]:
    """Perpetuals of which strategies hold something, or may, and no stop of it stands."""
    risked = [market for key, market in books.markets.items() if key in books.at_risk]
    held = [market for market in risked if _held(books, market) or _entering(books, market)]
    guarded = {stop.request.market.key for stop in guarding(books)}
    return [market for market in held if market.kind is not MarketKind.SPOT and market.key not in guarded]


def unneeded(books: Bookkeeping) -> list[TrackedOrder]:
    """What else is on the book."""
    resting = [order for order in books.live if order.request.kind is not OrderKind.MARKET]
    return [order for order in resting if not _guards(order.request, books)]


def _ours(books: Bookkeeping, position: Position, market: Market) -> Position | None:
    """So much of it as strategies hold, at what they paid: the rest is a person's, or unexplained."""
    held = _held(books, market)
    if held * position.quantity <= 0:
        return None
    with localcontext(prec=_DIGITS):
        paid = sum((own.cost for _, own in strategies_holding(books, market)), Decimal(0))
        return replace(position, quantity=min(held, position.quantity, key=abs), entry_price=paid / abs(held))


def _held(books: Bookkeeping, market: Market) -> Decimal:
    return sum((own.quantity for _, own in strategies_holding(books, market)), Decimal(0))


def _entering(books: Bookkeeping, market: Market) -> Decimal:
    """What orders may have brought whose fills are not counted yet; negative is short."""
    orders = [o for o in books.uncounted if o.request.market.key == market.key and not o.request.reduce_only]
    signs = ((1 if order.request.side is Side.BUY else -1, order) for order in orders)
    return sum((sign * (order.request.quantity - order.filled) for sign, order in signs), Decimal(0))


def _guards(request: OrderRequest, books: Bookkeeping) -> bool:
    if request.kind is not OrderKind.STOP or not request.reduce_only:
        return False
    sign, market = 1 if request.side is Side.BUY else -1, books.markets[request.market.key]
    return any(sign * own(books, market) < 0 for own in (_held, _entering))


def _stops(books: Bookkeeping, key: MarketKey) -> Iterator[TrackedOrder]:
    for order in books.live:
        if order.request.kind is OrderKind.STOP and order.request.market.key == key:
            yield order


def _same(stop: OrderRequest, wanted: OrderRequest | None) -> bool:
    """In units that a change of ticks leaves as they are.

    The rest of the price is left out: it only says how much worse than its trigger a stop may fill.
    """
    return wanted is not None and (stop.side, stop.quantity, stop.trigger_price) == (
        wanted.side,
        wanted.quantity,
        wanted.trigger_price,
    )
