"""The world's makers and the users' orders as one book."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from defi_analytics.sandbox.ledger.records import LiveOrder
from defi_analytics.sandbox.matching import Book, Order


class Merged(NamedTuple):
    book: Book
    """Never crossed."""
    buys: tuple[Order, ...]
    """The world's orders that would cross the users': its makers moved over them, so they come as takers."""
    sells: tuple[Order, ...]


def merged(world: Book, users: Iterable[LiveOrder], caps: Mapping[str, Decimal]) -> Merged:
    """Users come after the world's makers of the same price: no fill flatters them.

    `caps` is what reduce-only orders, by hash, may still trade.
    """
    resting = list(users)
    bids = entries((order for order in resting if order.is_buy), caps)
    asks = entries((order for order in resting if not order.is_buy), caps)
    if not resting:
        return Merged(world, (), ())
    top_bid = max((order.price for order in bids), default=None)
    top_ask = min((order.price for order in asks), default=None)
    buys = tuple(one for one in world.bids if top_ask is not None and one.price >= top_ask)
    sells = tuple(one for one in world.asks if top_bid is not None and one.price <= top_bid)
    # Both sides of the world's are sorted, and what crosses is the best of them.
    book = Book(
        tuple(sorted((*world.bids[len(buys) :], *bids), key=lambda order: -order.price)),
        tuple(sorted((*world.asks[len(sells) :], *asks), key=lambda order: order.price)),
    )
    return Merged(book, buys, sells)


def entries(users: Iterable[LiveOrder], caps: Mapping[str, Decimal]) -> tuple[Order, ...]:
    """For the matching, in which an order's owner is its hash."""
    wanted = ((order, caps.get(order.order_hash, order.fillable)) for order in users)
    return tuple(Order(order.price, quantity, order.order_hash) for order, quantity in wanted if quantity)


def theirs(book: Book, users: Iterable[str]) -> Book:
    """What is left of the world's own orders. `users` are the hashes of everyone else's."""
    hashes = frozenset(users)
    return Book(*(tuple(order for order in side if order.owner not in hashes) for side in book))
