"""Fills from what a block did, which is where matching happens: no transaction's result tells them.

Source: CometBFT block_results; injective.exchange.v2 EventBatchSpotExecution and
EventBatchDerivativeExecution, whose attributes are the JSON of one field each: human units, bytes in base64.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, localcontext
from typing import NamedTuple

import msgspec

from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import Fill
from defi_analytics.domain.text import safe
from defi_analytics.errors import Unavailable
from defi_analytics.venues.injective.chain import wire
from defi_analytics.venues.injective.chain.relaying import taken
from defi_analytics.venues.wire import reading

SPOT = "injective.exchange.v2.EventBatchSpotExecution"
DERIVATIVE = "injective.exchange.v2.EventBatchDerivativeExecution"
_MAKERS = frozenset({"limitfill", "limitmatchrestingorder"})
"""What was done to orders that rested already. Source: injective.exchange.v2 ExecutionType."""
_LIQUIDATION = "marketliquidation"
_EMPTY = "null"
_DIGITS = 60
_SHOWN = 100


class Execution(NamedTuple):
    """A fill that has no id yet."""

    market: Market
    height: int
    order_hash: str
    client_order_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    """Quote that the subaccount paid, and for a liquidation what it forfeited."""
    maker: bool
    funding_index: Decimal | None = None
    at: datetime | None = None
    """When its block was made, where the source tells."""
    liquidation: bool = False


class _Trade(msgspec.Struct, gc=False):
    quantity: str
    price: str
    subaccount_id: str
    fee: str
    order_hash: str
    fee_recipient_address: str = ""
    cid: str = ""


class _Delta(msgspec.Struct, gc=False):
    is_long: bool
    execution_quantity: str
    execution_price: str


class _DerivativeTrade(msgspec.Struct, gc=False):
    position_delta: _Delta
    subaccount_id: str
    fee: str
    order_hash: str
    payout: str = ""
    fee_recipient_address: str = ""
    cid: str = ""


class _Tx(msgspec.Struct, gc=False):
    code: int = 0
    events: list[wire.ChainEvent] | None = None


class _Results(msgspec.Struct, gc=False):
    height: str
    txs_results: list[_Tx] | None = None
    begin_block_events: list[wire.ChainEvent] | None = None
    end_block_events: list[wire.ChainEvent] | None = None
    finalize_block_events: list[wire.ChainEvent] | None = None
    """What CometBFT calls both since 0.38."""


class _RpcError(msgspec.Struct, gc=False):
    message: str = ""
    data: str = ""


class _Answer(msgspec.Struct, gc=False):
    result: _Results | None = None
    error: _RpcError | None = None


_ANSWER = msgspec.json.Decoder(_Answer)
_TEXT = msgspec.json.Decoder(str)
_OPTIONAL = msgspec.json.Decoder(str | None)
_FLAG = msgspec.json.Decoder(bool)
_MAYBE = msgspec.json.Decoder(bool | None)
_SPOT = msgspec.json.Decoder(list[_Trade] | None)
_DERIVATIVE = msgspec.json.Decoder(list[_DerivativeTrade] | None)


def parse_block_results(
    source: str, body: bytes, height: int, markets: Mapping[str, Market], subaccount_id: str
) -> list[Execution]:
    """Those of the subaccount on these markets (by id), in the order of the block.

    Raises Unavailable where the node has no such block (pruned, or not made yet), else Malformed.
    """
    with reading(source, "block results"):
        answer = _ANSWER.decode(body)
        if answer.error is not None:
            raise Unavailable(source, f"block {height} is not told: {safe(answer.error.data, _SHOWN)}")
        results = answer.result
        if results is None:
            raise ValueError("neither a result nor an error")
        if wire.integer(results.height) != height:
            raise ValueError(f"asked for block {height}, was given another")
        return [
            found
            for event in _events(results)
            if event.type in {SPOT, DERIVATIVE}
            for found in _executions(event, height, markets, subaccount_id)
        ]


def is_liquidation(execution_type: str, client_order_id: str, *, told: bool) -> bool:
    """Whether the trader's own position was taken over; one whose order was met by that is told of it too."""
    forced = told or execution_type.lower() == _LIQUIDATION
    return forced and not client_order_id and not is_maker(execution_type)


def with_forfeited(fee: Decimal, payout: Decimal) -> Decimal:
    """What a liquidation charged: also what it left of the margin, which others get, not the trader.

    Where nothing is left, what is missing was taken from the trader's cash, as the price of the fill tells.
    Source: injective-core, modules/exchange/keeper, liquidatePosition and handlePositiveLiquidationPayout;
    the payout of EventBatchDerivativeExecution is what is left, its fee taken off.
    """
    with localcontext(prec=_DIGITS):
        return fee + max(Decimal(0), payout)


def is_maker(execution_type: str) -> bool:
    return execution_type.lower() in _MAKERS


def numbered(executions: Iterable[Execution], times: Mapping[int, datetime]) -> list[Fill]:
    """Fills, oldest first, whose ids do not depend on who told them. `times` has those of the other blocks.

    An order can be filled more than once in a block; those fills are numbered by what they are, because
    sources list them in different orders.
    """
    orders: dict[tuple[int, str, str], list[Execution]] = defaultdict(list)
    for one in executions:
        orders[one.height, one.market.market_id, one.order_hash].append(one)
    fills = []
    for (height, market_id, order_hash), own in sorted(orders.items()):
        for index, one in enumerate(sorted(own, key=_what_it_is)):
            fill_id = f"{market_id}:{height}:{order_hash}:{index}"
            fills.append(_fill(fill_id, one, one.at or times[height]))
    return fills


def _what_it_is(one: Execution) -> tuple[object, ...]:
    return one.maker, one.side, one.price, one.quantity, one.fee, one.client_order_id, one.liquidation


def _events(results: _Results) -> Iterator[wire.ChainEvent]:
    for tx in results.txs_results or ():
        if tx.code == 0:
            yield from tx.events or ()
    yield from results.begin_block_events or ()
    yield from results.end_block_events or ()
    yield from results.finalize_block_events or ()


def _executions(
    event: wire.ChainEvent, height: int, markets: Mapping[str, Market], subaccount_id: str
) -> Iterator[Execution]:
    told = {one.key: one.value or _EMPTY for one in event.attributes or ()}
    market = markets.get(_TEXT.decode(told["market_id"]).lower()) if "market_id" in told else None
    if market is None:
        if "market_id" not in told:
            raise ValueError("an execution on no market")
        return
    execution_type = _TEXT.decode(told.get("executionType", _EMPTY))
    funding = _OPTIONAL.decode(told.get("cumulative_funding", _EMPTY))
    forced = _MAYBE.decode(told.get("is_liquidation", _EMPTY)) is True
    for trade, side, price, quantity in _trades(event.type, told):
        if wire.hexadecimal(trade.subaccount_id) == subaccount_id:
            liquidation = event.type == DERIVATIVE and is_liquidation(execution_type, trade.cid, told=forced)
            yield Execution(
                market=market,
                height=height,
                order_hash=wire.hexadecimal(trade.order_hash),
                client_order_id=trade.cid,
                side=side,
                price=wire.unsigned(price),
                quantity=wire.unsigned(quantity),
                fee=_charged(trade, subaccount_id, liquidation=liquidation),
                maker=is_maker(execution_type),
                funding_index=None if funding is None else wire.dec(funding),
                liquidation=liquidation,
            )


def _charged(trade: _Trade | _DerivativeTrade, subaccount_id: str, *, liquidation: bool) -> Decimal:
    fee = taken(wire.dec(trade.fee), wire.hexadecimal(trade.fee_recipient_address), subaccount_id)
    if liquidation and isinstance(trade, _DerivativeTrade):
        return with_forfeited(fee, wire.dec(trade.payout))
    return fee


def _trades(kind: str, told: Mapping[str, str]) -> Iterator[tuple[_Trade | _DerivativeTrade, Side, str, str]]:
    trades = told.get("trades", _EMPTY)
    if kind == SPOT:
        side = Side.BUY if _FLAG.decode(told.get("is_buy", _EMPTY)) else Side.SELL
        for spot in _SPOT.decode(trades) or ():
            yield spot, side, spot.price, spot.quantity
        return
    for one in _DERIVATIVE.decode(trades) or ():
        delta = one.position_delta
        side = Side.BUY if delta.is_long else Side.SELL
        yield one, side, delta.execution_price, delta.execution_quantity


def _fill(fill_id: str, one: Execution, at: datetime) -> Fill:
    return Fill(
        fill_id=fill_id,
        key=one.market.key,
        client_order_id=one.client_order_id,
        order_hash=one.order_hash,
        side=one.side,
        price=one.price,
        quantity=one.quantity,
        fee=one.fee,
        at=at,
        height=one.height,
        maker=one.maker,
        funding_index=one.funding_index,
        liquidation=one.liquidation,
    )
