"""Orders of ours that rest, as the chain tells them.

Source: injective.exchange.v2 TraderSpotOrders, TraderDerivativeOrders, TraderDerivativeConditionalOrders.
"""

from typing import Annotated

import msgspec

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.order import OpenOrder
from defi_analytics.venues.injective.chain import wire
from defi_analytics.venues.wire import reading

_MOST = 10_000


class _Resting(msgspec.Struct, gc=False):
    is_buy: bool = msgspec.field(name="isBuy")
    price: str
    quantity: str
    fillable: str
    order_hash: str
    cid: str = ""
    margin: str | None = None


class _Conditional(msgspec.Struct, gc=False):
    is_buy: bool = msgspec.field(name="isBuy")
    price: str
    quantity: str
    margin: str
    trigger_price: str = msgspec.field(name="triggerPrice")
    order_hash: str
    cid: str = ""


class _RestingAnswer(msgspec.Struct, gc=False):
    orders: Annotated[list[_Resting], msgspec.Meta(max_length=_MOST)] | None = None


class _ConditionalAnswer(msgspec.Struct, gc=False):
    orders: Annotated[list[_Conditional], msgspec.Meta(max_length=_MOST)] | None = None


_RESTING = msgspec.json.Decoder(_RestingAnswer)
_CONDITIONAL = msgspec.json.Decoder(_ConditionalAnswer)


def parse_resting(source: str, body: bytes, market: Market) -> list[OpenOrder]:
    """Whether one was post-only nobody can tell once it rests: all are LIMIT."""
    with reading(source, "open orders"):
        return [_resting(row, market) for row in _RESTING.decode(body).orders or ()]


def parse_conditional(source: str, body: bytes, market: Market) -> list[OpenOrder]:
    """All are STOP, also those that would become limit orders or take profit."""
    with reading(source, "conditional orders"):
        return [_conditional(row, market) for row in _CONDITIONAL.decode(body).orders or ()]


def _resting(row: _Resting, market: Market) -> OpenOrder:
    return OpenOrder(
        key=market.key,
        order_hash=wire.hexadecimal(row.order_hash),
        client_order_id=row.cid,
        side=_side(buying=row.is_buy),
        kind=OrderKind.LIMIT,
        price=wire.unsigned(row.price),
        quantity=wire.unsigned(row.quantity),
        remaining=wire.unsigned(row.fillable),
        reduce_only=market.kind is not MarketKind.SPOT and not wire.unsigned(row.margin or _MISSING),
    )


def _conditional(row: _Conditional, market: Market) -> OpenOrder:
    quantity = wire.unsigned(row.quantity)
    return OpenOrder(
        key=market.key,
        order_hash=wire.hexadecimal(row.order_hash),
        client_order_id=row.cid,
        side=_side(buying=row.is_buy),
        kind=OrderKind.STOP,
        price=wire.unsigned(row.price),
        quantity=quantity,
        remaining=quantity,
        reduce_only=not wire.unsigned(row.margin),
        trigger_price=wire.unsigned(row.trigger_price),
    )


def _side(*, buying: bool) -> Side:
    return Side.BUY if buying else Side.SELL


_MISSING = ""
"""No decimal: a derivative's order always tells its margin."""
