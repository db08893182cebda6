"""Injective's frequent batch auction: what one block does to one market's order book.

Source: injective-core v1.17.2, modules/exchange/keeper/spot_limit_order_processor.go and
derivative_orders_processor.go; the worked examples of the exchange's API documentation.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import NamedTuple

_DIGITS = 60
_CHAIN_UNIT = Decimal(1).scaleb(-18)
"""The chain's decimals have 18 places, rounded half to even."""
_ZERO = Decimal(0)


class Order(NamedTuple):
    price: Decimal
    """Of a limit order its limit, of a market order the worst price it accepts."""
    quantity: Decimal
    owner: str = ""


class Fill(NamedTuple):
    order: Order
    quantity: Decimal
    price: Decimal


class Book(NamedTuple):
    """Resting orders, best price first."""

    bids: tuple[Order, ...] = ()
    asks: tuple[Order, ...] = ()

    @property
    def mid(self) -> Decimal | None:
        """The only best price when the other side is empty."""
        best = [side[0].price for side in self if side]
        return sum(best, _ZERO) / len(best) if best else None


class MarketMatch(NamedTuple):
    """What the market orders of one side did; whatever they did not fill was cancelled."""

    clearing_price: Decimal | None
    """What every one of them pays or gets: the average price of the resting orders they consumed."""
    takers: tuple[Fill, ...]
    makers: tuple[Fill, ...]


class LimitMatch(NamedTuple):
    clearing_price: Decimal | None
    buys: tuple[Fill, ...]
    sells: tuple[Fill, ...]
    book: Book


def match_market_orders(
    book: Book, buys: Sequence[Order] = (), sells: Sequence[Order] = ()
) -> tuple[MarketMatch, MarketMatch, Book]:
    """Market buys and sells against the resting book: (the buys' match, the sells' match, the book after).

    Resting orders fill at their own prices. The most permissive market order goes first.
    """
    buying, asks = _consume(book.asks, sorted(buys, key=lambda order: -order.price), 1)
    selling, bids = _consume(book.bids, sorted(sells, key=lambda order: order.price), -1)
    return buying, selling, Book(bids, asks)


def match_limit_orders(
    book: Book, buys: Sequence[Order] = (), sells: Sequence[Order] = (), mark_price: Decimal | None = None
) -> LimitMatch:
    """New limit orders merged with the resting book, matched while bid >= ask, everyone at one price.

    That price is the resting mid clamped to the last matched sell and buy, or `mark_price` (derivatives)
    when it lies between those two. What stays unfilled rests.
    """
    bids = sorted((*book.bids, *buys), key=lambda order: -order.price)
    asks = sorted((*book.asks, *sells), key=lambda order: order.price)
    total, last_buy, last_sell = _crossing(bids, asks)
    if not total:
        return LimitMatch(None, (), (), Book(tuple(bids), tuple(asks)))
    price = _clearing_price(book.mid, last_buy, last_sell, mark_price)
    bought, bids_left = _take(bids, total, price)
    sold, asks_left = _take(asks, total, price)
    return LimitMatch(price, bought, sold, Book(bids_left, asks_left))


def levels(orders: Iterable[Order]) -> tuple[tuple[Decimal, Decimal], ...]:
    """Orders as (price, quantity) levels, in the same sequence."""
    totals: dict[Decimal, Decimal] = {}
    for order in orders:
        totals[order.price] = totals.get(order.price, _ZERO) + order.quantity
    return tuple(totals.items())


def _consume(
    resting: Sequence[Order], takers: Sequence[Order], sign: int
) -> tuple[MarketMatch, tuple[Order, ...]]:
    """`sign` is 1 when the takers buy, -1 when they sell."""
    left = list(resting)
    taken: list[tuple[Order, Decimal]] = []
    makers: list[Fill] = []
    for taker in takers:
        missing = taker.quantity
        while missing and left and left[0].price * sign <= taker.price * sign:
            best = left[0]
            quantity = min(missing, best.quantity)
            makers.append(Fill(best, quantity, best.price))
            missing -= quantity
            left[:1] = [best._replace(quantity=best.quantity - quantity)] if quantity < best.quantity else []
        taken.append((taker, taker.quantity - missing))
    price = _average(makers)
    fills = tuple(Fill(taker, quantity, price) for taker, quantity in taken if quantity and price is not None)
    return MarketMatch(price, fills, tuple(makers)), tuple(left)


def _average(fills: Sequence[Fill]) -> Decimal | None:
    if not fills:
        return None
    with localcontext(prec=_DIGITS):
        cost = sum((fill.quantity * fill.price for fill in fills), _ZERO)
        return _rounded(cost / sum((fill.quantity for fill in fills), _ZERO))


def _crossing(bids: Sequence[Order], asks: Sequence[Order]) -> tuple[Decimal, Decimal, Decimal]:
    """How much trades, and the prices of the last buy and sell that do."""
    total = last_buy = last_sell = _ZERO
    bid_left = ask_left = _ZERO
    i = j = -1
    while True:
        if not bid_left:
            i += 1
            bid_left = bids[i].quantity if i < len(bids) else _ZERO
        if not ask_left:
            j += 1
            ask_left = asks[j].quantity if j < len(asks) else _ZERO
        if i == len(bids) or j == len(asks) or bids[i].price < asks[j].price:
            return total, last_buy, last_sell
        quantity = min(bid_left, ask_left)
        bid_left, ask_left, total = bid_left - quantity, ask_left - quantity, total + quantity
        last_buy, last_sell = bids[i].price, asks[j].price


def _clearing_price(
    mid: Decimal | None, last_buy: Decimal, last_sell: Decimal, mark_price: Decimal | None
) -> Decimal:
    if mark_price is not None and last_sell <= mark_price <= last_buy:
        return mark_price
    with localcontext(prec=_DIGITS):
        wanted = (last_buy + last_sell) / 2 if mid is None else mid
        return _rounded(max(last_sell, min(last_buy, wanted)))


def _take(
    orders: Sequence[Order], total: Decimal, price: Decimal
) -> tuple[tuple[Fill, ...], tuple[Order, ...]]:
    """The first `total` of the orders filled at `price`, and what is left of them all."""
    fills: list[Fill] = []
    left: list[Order] = []
    for order in orders:
        quantity = min(order.quantity, total)
        total -= quantity
        if quantity:
            fills.append(Fill(order, quantity, price))
        if quantity < order.quantity:
            left.append(order._replace(quantity=order.quantity - quantity))
    return tuple(fills), tuple(left)


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_CHAIN_UNIT, ROUND_HALF_EVEN)
