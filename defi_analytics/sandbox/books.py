"""Order books: ladders that makers quote around a price, and what one block's takers do to them."""

import math
from decimal import Decimal
from typing import NamedTuple

from defi_analytics.sandbox.matching import Book, Order, match_limit_orders, match_market_orders
from defi_analytics.sandbox.prices import Noise


class Style(NamedTuple):
    """How makers quote. Distances are fractions of the price."""

    half_spread: float
    spacing: float
    levels: int
    notional: float
    """In quote, at the best level; deeper levels hold more."""


class Grid(NamedTuple):
    price_tick: Decimal
    quantity_step: Decimal


class Trade(NamedTuple):
    price: Decimal
    quantity: Decimal
    taker_buys: bool


class Flow(NamedTuple):
    """The world's own orders of one block, before they are matched."""

    resting: Book = Book()
    buys: tuple[Order, ...] = ()
    """Market orders."""
    sells: tuple[Order, ...] = ()
    crossing: tuple[Order, ...] = ()
    """Limit orders to buy."""


class Block(NamedTuple):
    """A market at the end of one block, as it is without users."""

    book: Book
    trades: tuple[Trade, ...]
    flow: Flow = Flow()


def significant(price: float, figures: int = 5) -> Decimal:
    """The tick of a grid of significant figures at this price."""
    return Decimal(1).scaleb(math.floor(math.log10(price)) + 1 - figures)


def ladder(price: float, style: Style, grid: Grid, noise: Noise) -> Book:
    """At least a tick apart from each other, and never on the wrong side of the price."""
    ticks = price / float(grid.price_tick)
    bids, asks = [], []
    bid_tick, ask_tick = math.floor(ticks) + 1, math.ceil(ticks) - 1
    for level in range(style.levels):
        distance = style.half_spread + style.spacing * (level + 0.06 * level * level)
        bid_tick = min(bid_tick - 1, math.floor(ticks * (1 - distance)))
        ask_tick = max(ask_tick + 1, math.ceil(ticks * (1 + distance)))
        notional = style.notional * (1 + 0.25 * level)
        bids.append(_order(bid_tick, notional * noise.between(2 * level, 0.6, 1.4), grid))
        asks.append(_order(ask_tick, notional * noise.between(2 * level + 1, 0.6, 1.4), grid))
    return Book(tuple(bids), tuple(asks))


def _order(tick: int, notional: float, grid: Grid) -> Order:
    price = grid.price_tick * tick
    steps = max(1, round(notional / float(price * grid.quantity_step)))
    return Order(price, grid.quantity_step * steps, "maker")


def trade(book: Book, grid: Grid, noise: Noise, mark_price: Decimal | None) -> Block:
    """One block: takers' market orders first, then a limit order that crosses now and then.

    Takers never ask for more than the best level holds, so the book moves by a level at most on each side.
    """
    buys = _takers(book.asks, grid, noise.fork(1), book.asks[-1].price)
    sells = _takers(book.bids, grid, noise.fork(2), book.bids[-1].price)
    buying, selling, rest = match_market_orders(book, buys, sells)
    trades = [Trade(fill.price, fill.quantity, taker_buys=True) for fill in buying.makers]
    trades += [Trade(fill.price, fill.quantity, taker_buys=False) for fill in selling.makers]
    crossing = _takers(rest.asks, grid, noise.fork(3), rest.asks[0].price, 0.25)
    auction = match_limit_orders(rest, crossing, (), mark_price)
    trades += [Trade(fill.price, fill.quantity, taker_buys=True) for fill in auction.sells]
    return Block(auction.book, tuple(trades), Flow(book, buys, sells, crossing))


def _takers(
    resting: tuple[Order, ...], grid: Grid, noise: Noise, price: Decimal, chance: float = 0.5
) -> tuple[Order, ...]:
    if noise.unit(0) >= chance:
        return ()
    steps = int(resting[0].quantity / grid.quantity_step * Decimal(noise.between(1, 0.1, 0.9)))
    return (Order(price, grid.quantity_step * max(1, steps), "taker"),)
