"""Whether the bytes about to be signed say exactly what was approved."""

from collections.abc import Iterator, Sequence
from decimal import localcontext
from typing import Any

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import ApprovedOrder, Cancel
from defi_analytics.errors import ExecutionError
from defi_analytics.venues.injective.chain.amounts import DIGITS, from_dec
from defi_analytics.venues.injective.chain.messages import expiration, shape_of
from defi_analytics.venues.injective.chain.protos import protos, type_url
from defi_analytics.venues.injective.chain.trader import Trader

_SUFFIXES = {OrderKind.POST_ONLY: "_PO"}
_SINGLES = {
    "MsgCreateSpotLimitOrder": (True, True),
    "MsgCreateSpotMarketOrder": (True, False),
    "MsgCreateDerivativeLimitOrder": (False, True),
    "MsgCreateDerivativeMarketOrder": (False, False),
}
"""Whether it is spot, and whether it rests."""
_LISTS = {
    "spot_market_orders_to_create": (True, False),
    "spot_orders_to_create": (True, True),
    "derivative_market_orders_to_create": (False, False),
    "derivative_orders_to_create": (False, True),
}
_CANCELS = ("MsgCancelSpotOrder", "MsgCancelDerivativeOrder")


def check(
    body: bytes, orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel], trader: Trader, height: int
) -> None:
    """Raises ExecutionError when anything differs, but for the order of a batch, which is the chain's."""
    try:
        messages = list(_opened(protos().tx.TxBody.FromString(body).messages))
        _check_cancels(messages, cancels, trader)
        _check_orders(messages, orders, trader, height)
    except (ValueError, ArithmeticError) as error:
        raise ExecutionError(f"what would be signed is not what was approved: {error}") from None


def _check_orders(
    messages: Sequence[Any], orders: Sequence[ApprovedOrder], trader: Trader, height: int
) -> None:
    wanted = {order.request.client_order_id: order for order in orders}
    found = [order for message in messages for order in _orders(message)]
    if sorted(message.order_info.cid for message, _, _ in found) != sorted(wanted):
        raise ValueError("other orders than were approved")
    for message, spot, rests in found:
        order = wanted[message.order_info.cid]
        if (spot, rests) != shape_of(order):
            raise ValueError("another kind of message")
        _compare(message, order, trader, height)


def _check_cancels(messages: Sequence[Any], cancels: Sequence[Cancel], trader: Trader) -> None:
    found = [one for message in messages for one in _cancels(message)]
    told = [(one.market_id, one.cid, one.order_hash) for one in found]
    wanted = [
        (one.market.market_id, one.client_order_id, "" if one.client_order_id else one.order_hash)
        for one in cancels
    ]
    if sorted(told) != sorted(wanted) or any(one.subaccount_id != trader.subaccount_id for one in found):
        raise ValueError("other cancels than were asked for")


def _opened(messages: Sequence[Any]) -> Iterator[Any]:
    """Each message, and instead of a delegation what it holds. Raises ValueError for any other kind."""
    exchange, authz = protos().exchange, protos().authz_messages
    names = (*_SINGLES, *_CANCELS, "MsgBatchUpdateOrders")
    kinds = {type_url(kind): kind for kind in (getattr(exchange, name) for name in names)}
    for message in messages:
        if message.type_url == type_url(authz.MsgExec):
            yield from _opened(authz.MsgExec.FromString(message.value).msgs)
        elif message.type_url in kinds:
            yield kinds[message.type_url].FromString(message.value)
        else:
            raise ValueError("a message that trades nothing")


def _orders(message: Any) -> Iterator[tuple[Any, bool, bool]]:
    """Every order, whether it is spot, and whether it rests."""
    name = message.DESCRIPTOR.name
    if name in _SINGLES:
        yield message.order, *_SINGLES[name]
    elif name not in _CANCELS:
        for field, (spot, rests) in _LISTS.items():
            yield from ((order, spot, rests) for order in getattr(message, field))


def _cancels(message: Any) -> Sequence[Any]:
    name = message.DESCRIPTOR.name
    if name in _CANCELS:
        return [message]
    return [] if name in _SINGLES else [*message.spot_orders_to_cancel, *message.derivative_orders_to_cancel]


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
