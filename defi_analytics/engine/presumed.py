"""What our orders did on perpetuals, where the venue shows it and nobody can read their fills.

Fills are told by one service of a node, positions by another. While the first is silent a position that was
just entered must get its stop all the same, and what was just closed must not be closed again.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import Fill
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.engine.bookkeeping import Bookkeeping, TrackedOrder
from defi_analytics.engine.shares import shares


def unread(books: Bookkeeping, portfolio: Portfolio) -> list[TrackedOrder]:
    """What is in a block that `portfolio` includes, but was not counted: nobody could read its fills."""
    return [order for order in books.uncounted if 0 < order.height <= portfolio.height]


def presumed(books: Bookkeeping, portfolio: Portfolio) -> Bookkeeping:
    """To decide by, and never to be written down: the books with the positions that the venue tells.

    As far as unread orders explain these, each at most filled, at the venue's average price or the worst that
    they accept. What else has moved a position stays unexplained. The same books where all is read; spot
    stays as it was counted, for a balance does not tell who moved it.
    """
    held, net = dict(books.held), dict(books.net)
    for order in unread(books, portfolio):
        market = order.request.market
        for fill in _filled(order, net.get(market.key, Inventory()).quantity, portfolio):
            for strategy, part in shares(fill, order.request, held, market):
                owner = strategy, market.key
                held[owner] = held.get(owner, Inventory()).after(part)
            net[market.key] = net.get(market.key, Inventory()).after(fill)
    return books if net == books.net else replace(books, held=held, net=net)


def _filled(order: TrackedOrder, booked: Decimal, portfolio: Portfolio) -> Iterator[Fill]:
    """So much of the order as takes what is booked towards what is there; at most one."""
    request = order.request
    if request.market.kind is MarketKind.SPOT:
        return
    position = portfolio.positions.get(request.market.key)
    moved = (position.quantity if position else Decimal(0)) - booked
    quantity = min(moved if request.side is Side.BUY else -moved, request.quantity - order.filled)
    if quantity <= 0:
        return
    yield Fill(
        fill_id=request.client_order_id,
        key=request.market.key,
        client_order_id=request.client_order_id,
        order_hash=order.order_hash,
        side=request.side,
        price=request.price if position is None or request.reduce_only else position.entry_price,
        quantity=quantity,
        fee=Decimal(0),
        at=portfolio.at,
        height=order.height,
    )
