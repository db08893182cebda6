"""Orders of ours that rest, as the chain tells them.

Source: injective.exchange.v2 TraderSpotOrders, TraderDerivativeOrders, TraderDerivativeConditionalOrders;
SubaccountOrderMetadata, which names every derivative market twice, once for each side.
"""

from typing import Annotated, NamedTuple

import msgspec

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.order import OpenOrder
from defi_analytics.venues.injective.chain import wire
from defi_analytics.venues.wire import reading

_MOST = 10_000


Count = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


class Counts(NamedTuple):
    """How many orders of a subaccount wait in one derivative market."""

    resting: int
    conditional: int


class _Side(msgspec.Struct, gc=False):
    vanilla_limit_order_count: Count
    reduce_only_limit_order_count: Count
    vanilla_conditional_order_count: Count
    reduce_only_conditional_order_count: Count


class _MarketSide(msgspec.Struct, gc=False):
    metadata: _Side
    market_id: str


class _CountsAnswer(msgspec.Struct, gc=False):
    metadata: Annotated[list[_MarketSide], msgspec.Meta(max_length=_MOST)]


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
_COUNTS = msgspec.json.Decoder(_CountsAnswer)
_CONDITIONAL = msgspec.json.Decoder(_ConditionalAnswer)


def parse_resting(source: str, body: bytes, market: Market) -> list[OpenOrder]:
    """Whether one was post-only nobody can tell once it rests: all are LIMIT."""
    with reading(source, "open orders"):
        return [_resting(row, market) for row in _RESTING.decode(body).orders or ()]


def parse_conditional(source: str, body: bytes, market: Market) -> list[OpenOrder]:
    """All are STOP, also those that would become limit orders or take profit."""
    with reading(source, "conditional orders"):
        return [_conditional(row, market) for row in _CONDITIONAL.decode(body).orders or ()]


def parse_counts(source: str, body: bytes) -> dict[str, Counts]:
    """By market id."""
    with reading(source, "order counts"):
        found: dict[str, Counts] = {}
        for row in _COUNTS.decode(body).metadata:
            side, before = row.metadata, found.get(row.market_id.lower(), Counts(0, 0))
            found[row.market_id.lower()] = Counts(
                before.resting + side.vanilla_limit_order_count + side.reduce_only_limit_order_count,
                before.conditional
                + side.vanilla_conditional_order_count
                + side.reduce_only_conditional_order_count,
            )
        return found


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
