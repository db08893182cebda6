"""Whether the bytes about to be signed say exactly what was approved."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import localcontext
from typing import Any

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import ApprovedOrder
from defi_analytics.errors import ExecutionError
from defi_analytics.venues.injective.chain.amounts import DIGITS, from_dec
from defi_analytics.venues.injective.chain.messages import expiration, shape_of
from defi_analytics.venues.injective.chain.protos import protos, type_url
from defi_analytics.venues.injective.chain.trader import Trader

_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_SUFFIXES = {OrderKind.POST_ONLY: "_PO"}
_LISTS = (
    ("spot_market_orders_to_create", True, False),
    ("spot_orders_to_create", True, True),
    ("derivative_market_orders_to_create", False, False),
    ("derivative_orders_to_create", False, True),
)


def check(body: bytes, orders: Sequence[ApprovedOrder], trader: Trader, height: int) -> tuple[str, ...]:
    """The client ids in the order of the messages. Raises ExecutionError when anything differs."""
    try:
        return _read(body, {order.request.client_order_id: order for order in orders}, trader, height)
    except (ValueError, ArithmeticError) as error:
        raise ExecutionError(f"what would be signed is not what was approved: {error}") from None


def _read(body: bytes, wanted: Mapping[str, ApprovedOrder], trader: Trader, height: int) -> tuple[str, ...]:
    found = list(_orders(protos().tx.TxBody.FromString(body).messages))
    ids = tuple(message.order_info.cid for message, _, _ in found)
    if sorted(ids) != sorted(wanted):
        raise ValueError("other orders than were approved")
    for message, spot, rests in found:
        order = wanted[message.order_info.cid]
        if (spot, rests) != shape_of(order):
            raise ValueError("another kind of message")
        _compare(message, order, trader, height)
    return ids


def _orders(messages: Sequence[Any]) -> Iterator[tuple[Any, bool, bool]]:
    """Every order, whether it is spot, and whether it rests."""
    exchange, authz = protos().exchange, protos().authz_messages
    singles = {
        type_url(exchange.MsgCreateSpotLimitOrder): (exchange.MsgCreateSpotLimitOrder, True, True),
        type_url(exchange.MsgCreateSpotMarketOrder): (exchange.MsgCreateSpotMarketOrder, True, False),
        type_url(exchange.MsgCreateDerivativeLimitOrder): (
            exchange.MsgCreateDerivativeLimitOrder,
            False,
            True,
        ),
        type_url(exchange.MsgCreateDerivativeMarketOrder): (
            exchange.MsgCreateDerivativeMarketOrder,
            False,
            False,
        ),
    }
    for message in messages:
        if message.type_url == type_url(authz.MsgExec):
            yield from _orders(authz.MsgExec.FromString(message.value).msgs)
        elif message.type_url == type_url(exchange.MsgBatchUpdateOrders):
            batch = exchange.MsgBatchUpdateOrders.FromString(message.value)
            for name, spot, rests in _LISTS:
                yield from ((order, spot, rests) for order in getattr(batch, name))
        elif message.type_url in singles:
            kind, spot, rests = singles[message.type_url]
            yield kind.FromString(message.value).order, spot, rests


def _compare(message: Any, order: ApprovedOrder, trader: Trader, height: int) -> None:
    request, info = order.request, message.order_info
    market = request.market
    trigger = from_dec(message.trigger_price)
    differ = {
        "market": message.market_id != market.market_id,
        "subaccount": info.subaccount_id != trader.subaccount_id,
        "fee recipient": info.fee_recipient != trader.account,
        "price": market.ticks(from_dec(info.price)) != request.ticks,
        "quantity": market.lots(from_dec(info.quantity)) != request.lots,
        "type": protos().order.OrderType.Name(message.order_type) != _type(order),
        "trigger": market.ticks(trigger) != (request.trigger_ticks if request.kind is OrderKind.STOP else 0),
        "expiration": message.expiration_block != expiration(order, height),
        "margin": market.kind is not MarketKind.SPOT and not _margin_fits(message, order),
    }
    wrong = [name for name, differs in differ.items() if differs]
    if wrong:
        raise ValueError(f"{request.client_order_id}: {', '.join(wrong)}")


def _type(order: ApprovedOrder) -> str:
    side = "BUY" if order.request.side is Side.BUY else "SELL"
    if order.request.kind is OrderKind.STOP:
        return f"STOP_{side}"
    return side + _SUFFIXES.get(order.request.kind, "")


def _margin_fits(message: Any, order: ApprovedOrder) -> bool:
    """Zero to reduce; else what the leverage demands, and less than one smallest unit above it."""
    request, held = order.request, from_dec(message.margin)
    if request.reduce_only:
        return not held
    unit = from_dec("1" + "0" * (18 - min(request.market.quote_decimals, 18)))
    with localcontext(prec=DIGITS):
        notional = request.price * request.quantity
        return (held - unit) * request.leverage < notional <= held * request.leverage
