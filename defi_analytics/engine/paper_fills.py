"""What a paper order gets from the books of one moment: the exchange's answers and its prices."""

import hashlib
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from defi_analytics.domain.book import OrderBook
from defi_analytics.domain.decision import BUY, SELL, Ladder, OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.order import Fill, OrderRequest
from defi_analytics.domain.transaction import Block, OrderResult
from defi_analytics.engine.bookkeeping import TrackedOrder
from defi_analytics.engine.views import grid_of, ladder_of
from defi_analytics.errors import Malformed
from defi_analytics.mispricing.auction import (
    NOT_EXECUTED,
    Executed,
    crosses,
    fee_units,
    limit_fill,
    market_fill,
    traded_through,
)

NO_FUNDING = Decimal(0)
"""The index of what a perpetual paid, which stays: on paper nothing is paid for holding one."""

NO_LIQUIDITY, TOO_DEAR, POST_ONLY_CROSSES = 24, 25, 59
"""Source: injective-core, exchange module, errors."""
_PLACES = Decimal("1e-18")
_DIGITS = 60

Ladders = tuple[Ladder, Ladder]
"""Bids and asks of one market."""


def on_grid(book: OrderBook, market: Market) -> Ladders:
    """Raises Malformed for a market whose grid is not known."""
    try:
        grid = grid_of(market)
        return ladder_of(book.bids, grid, BUY), ladder_of(book.asks, grid, SELL)
    except ValueError as error:
        raise Malformed(market.venue, f"{market.ticker}: {error}") from None


def rests(request: OrderRequest) -> bool:
    return request.kind is not OrderKind.MARKET


def entered(request: OrderRequest, ladders: Ladders, block: Block) -> tuple[OrderResult, Fill | None]:
    """What the block says of a new order, and what it traded at once."""
    side, opposite = _facing(request, ladders)
    refused = _refused(request, side, opposite)
    if refused:
        return OrderResult(request.client_order_id, error_code=refused), None
    order_hash = "0x" + hashlib.sha256(request.client_order_id.encode()).hexdigest()
    done = NOT_EXECUTED
    if request.kind is OrderKind.MARKET:
        done = market_fill(side, request.lots, request.ticks, opposite)
    elif request.kind is OrderKind.LIMIT:
        done = limit_fill(side, request.lots, request.ticks, opposite, 0)
    return OrderResult(request.client_order_id, order_hash), _fill(request, order_hash, done, block)


def touched(order: TrackedOrder, ladders: Ladders, block: Block) -> Fill | None:
    """What a resting order trades: all that is left once the market went through it, or at its trigger."""
    request = order.request
    side, opposite = _facing(request, ladders)
    if not opposite.ticks:
        return None
    best = opposite.ticks[0]
    left = request.lots - request.market.lots(order.filled)
    if request.kind is OrderKind.STOP:
        reached = (best - request.trigger_ticks) * side >= 0
        done = market_fill(side, left, request.ticks, opposite) if reached else NOT_EXECUTED
        return _fill(request, order.order_hash, done, block)
    through = traded_through(side, request.ticks, best, best)
    done = Executed(left, left * request.ticks) if through else NOT_EXECUTED
    return _fill(request, order.order_hash, done, block, maker=True)


def _facing(request: OrderRequest, ladders: Ladders) -> tuple[int, Ladder]:
    return (BUY, ladders[1]) if request.side is Side.BUY else (SELL, ladders[0])


def _refused(request: OrderRequest, side: int, opposite: Ladder) -> int:
    """The exchange's error code for an order that cannot enter; 0 when it can."""
    if request.kind is OrderKind.POST_ONLY:
        return POST_ONLY_CROSSES if crosses(side, request.ticks, opposite) else 0
    if request.kind is not OrderKind.MARKET:
        return 0
    if not opposite.ticks:
        return NO_LIQUIDITY
    return 0 if crosses(side, request.ticks, opposite) else TOO_DEAR


def _fill(
    request: OrderRequest, order_hash: str, done: Executed, block: Block, *, maker: bool = False
) -> Fill | None:
    if not done.lots:
        return None
    market = request.market
    with localcontext(prec=_DIGITS):
        unit = market.price_tick * market.quantity_tick
        average = (done.cash * market.price_tick / done.lots).quantize(_PLACES, ROUND_HALF_EVEN)
        rate = market.maker_fee if maker else market.taker_fee
        fee = fee_units(done.cash, float(rate)) * unit
    return Fill(
        fill_id=f"{block.height}|{order_hash}",
        key=market.key,
        client_order_id=request.client_order_id,
        order_hash=order_hash,
        side=request.side,
        price=average,
        quantity=market.quantity(done.lots),
        fee=fee,
        at=block.at,
        height=block.height,
        maker=maker,
        funding_index=NO_FUNDING if market.kind is MarketKind.PERPETUAL else None,
    )
