"""Approved orders as the chain's messages, exactly, and the proof of it.

Source: injective.exchange.v2 MsgCreate…, MsgCancel… and MsgBatchUpdateOrders; cosmos.authz MsgExec. Prices,
quantities and margins are human units in LegacyDec.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import LONGEST_CLIENT_ORDER_ID, ApprovedOrder, Cancel
from defi_analytics.venues.injective.chain.amounts import margin, to_dec
from defi_analytics.venues.injective.chain.protos import packed, protos
from defi_analytics.venues.injective.chain.refusals import local
from defi_analytics.venues.injective.chain.trader import Trader

ANY_ORDER = 1
"""Cancels whatever rests under the id, conditional or not. Source: injective.exchange.v2 OrderMask."""
ZERO = "0"
RESTING = frozenset({OrderKind.LIMIT, OrderKind.POST_ONLY})
"""What can carry an expiration block: limit orders only.

The chain refuses it on market orders, and a stop is a market order that waits for its trigger. So the stop of
an agent that died stays, and it is meant to: it only reduces, and it is placed for a position that is open.
The chain takes it off when the position is gone, at the latest when the agent's last limit order there has
expired. Source: injective-core, modules/exchange/keeper, ErrInvalidExpirationBlock and
InvalidateConditionalOrdersIfNoMarginLocked.
"""
_TYPES = {
    (Side.BUY, OrderKind.MARKET): "BUY",
    (Side.SELL, OrderKind.MARKET): "SELL",
    (Side.BUY, OrderKind.LIMIT): "BUY",
    (Side.SELL, OrderKind.LIMIT): "SELL",
    (Side.BUY, OrderKind.STOP): "STOP_BUY",
    (Side.SELL, OrderKind.STOP): "STOP_SELL",
    (Side.BUY, OrderKind.POST_ONLY): "BUY_PO",
    (Side.SELL, OrderKind.POST_ONLY): "SELL_PO",
}


class Shape(NamedTuple):
    """Which message and which list of a batch an order belongs to."""

    spot: bool
    rests: bool


_SINGLES = {
    Shape(spot=True, rests=True): "MsgCreateSpotLimitOrder",
    Shape(spot=True, rests=False): "MsgCreateSpotMarketOrder",
    Shape(spot=False, rests=True): "MsgCreateDerivativeLimitOrder",
    Shape(spot=False, rests=False): "MsgCreateDerivativeMarketOrder",
}
_LISTS = {
    Shape(spot=True, rests=False): "spot_market_orders_to_create",
    Shape(spot=True, rests=True): "spot_orders_to_create",
    Shape(spot=False, rests=False): "derivative_market_orders_to_create",
    Shape(spot=False, rests=True): "derivative_orders_to_create",
}
"""In the order in which the chain works through a batch, cancels before them."""


def built(
    orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel], trader: Trader, height: int
) -> tuple[Any, ...]:
    """The messages of the one transaction that does all of it.

    One order or cancel is a message of its own, which fails the transaction when it fails. So are the legs
    of one group: all or none, with a batch of the cancels before them. Anything else is a batch, whose orders
    fail one by one while the transaction succeeds. A delegated key may only send batches: that is what it is
    granted, so there even legs may fail one by one, after a simulation that placed them all. Raises
    OrderRejected.
    """
    _check(orders, cancels)
    groups = {order.request.group for order in orders}
    belong_together = len(groups) == 1 and "" not in groups
    alone = len(orders) + len(cancels) == 1
    if trader.delegated:
        return (_executed(_batch(orders, cancels, trader, height), trader),)
    if belong_together or (alone and orders):
        legs = tuple(_single(order, trader, height) for order in orders)
        return (_batch((), cancels, trader, height), *legs) if cancels else legs
    if alone:
        return (_single_cancel(cancels[0], trader),)
    return (_batch(orders, cancels, trader, height),)


def expiration(order: ApprovedOrder, height: int) -> int:
    """The last block in which it can rest; 0 for an order that cannot carry one."""
    return height + order.expires_after_blocks if order.request.kind in RESTING else 0


def shape_of(order: ApprovedOrder) -> Shape:
    request = order.request
    return Shape(request.market.kind is MarketKind.SPOT, request.kind in RESTING)


def _check(orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel]) -> None:
    if not orders and not cancels:
        raise local("a transaction without orders and cancels")
    for order in orders:
        fault = _fault(order)
        if fault:
            raise local(f"{order.request.client_order_id}: {fault}")
    repeated = [cid for cid, count in Counter(o.request.client_order_id for o in orders).items() if count > 1]
    if repeated:
        raise local(f"{repeated[0]}: two orders of one client id")
    if any(not (cancel.client_order_id or cancel.order_hash) for cancel in cancels):
        raise local("a cancel that names no order")


def _fault(order: ApprovedOrder) -> str:
    request = order.request
    faults = {
        "its client id must have 1 to 36 characters": not (
            0 < len(request.client_order_id) <= LONGEST_CLIENT_ORDER_ID
        ),
        "price and quantity must be at least one step": request.ticks < 1 or request.lots < 1,
        "the spot exchange has no stop orders": (
            request.kind is OrderKind.STOP and request.market.kind is MarketKind.SPOT
        ),
        "a stop order needs a trigger": request.kind is OrderKind.STOP and request.trigger_ticks < 1,
        # The spot exchange knows no such flag; a sale is kept within what is held by risk.
        "buying on spot reduces nothing": (
            request.reduce_only and request.market.kind is MarketKind.SPOT and request.side is Side.BUY
        ),
        "its leverage must be at least 1": not (request.leverage.is_finite() and request.leverage >= 1),
        "a resting order must expire": request.kind in RESTING and order.expires_after_blocks < 1,
    }
    return next((fault for fault, present in faults.items() if present), "")


def _single(order: ApprovedOrder, trader: Trader, height: int) -> Any:
    kind = getattr(protos().exchange, _SINGLES[shape_of(order)])
    return kind(sender=trader.account, order=_order(order, trader, height))


def _single_cancel(cancel: Cancel, trader: Trader) -> Any:
    exchange = protos().exchange
    names = {**_named(cancel), "sender": trader.account, "subaccount_id": trader.subaccount_id}
    if cancel.market.kind is MarketKind.SPOT:
        return exchange.MsgCancelSpotOrder(**names)
    return exchange.MsgCancelDerivativeOrder(**names, order_mask=ANY_ORDER)


def _batch(orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel], trader: Trader, height: int) -> Any:
    exchange = protos().exchange
    message = exchange.MsgBatchUpdateOrders(sender=trader.account)
    for cancel in cancels:
        spot = cancel.market.kind is MarketKind.SPOT
        data = message.spot_orders_to_cancel if spot else message.derivative_orders_to_cancel
        data.append(
            exchange.OrderData(**_named(cancel), subaccount_id=trader.subaccount_id, order_mask=ANY_ORDER)
        )
    for order in orders:
        getattr(message, _LISTS[shape_of(order)]).append(_order(order, trader, height))
    return message


def _executed(message: Any, trader: Trader) -> Any:
    return protos().authz_messages.MsgExec(grantee=trader.signer, msgs=[packed(message)])


def _named(cancel: Cancel) -> dict[str, str]:
    name = {"cid": cancel.client_order_id} if cancel.client_order_id else {"order_hash": cancel.order_hash}
    return {"market_id": cancel.market.market_id, **name}


def _order(order: ApprovedOrder, trader: Trader, height: int) -> Any:
    request, types = order.request, protos().order
    info = types.OrderInfo(
        subaccount_id=trader.subaccount_id,
        fee_recipient=trader.account,
        price=to_dec(request.price),
        quantity=to_dec(request.quantity),
        cid=request.client_order_id,
    )
    fields: dict[str, Any] = {
        "market_id": request.market.market_id,
        "order_info": info,
        "order_type": _TYPES[request.side, request.kind],
        "trigger_price": to_dec(request.trigger_price) if request.kind is OrderKind.STOP else ZERO,
        "expiration_block": expiration(order, height),
    }
    if request.market.kind is MarketKind.SPOT:
        return types.SpotOrder(**fields)
    return types.DerivativeOrder(**fields, margin=_margin(order))


def _margin(order: ApprovedOrder) -> str:
    request = order.request
    if request.reduce_only:
        return ZERO
    places = request.market.quote_decimals
    return to_dec(margin(request.price, request.quantity, request.leverage, places))
