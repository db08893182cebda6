"""What the exchange module answered to each order of a transaction.

Source: cosmos.base.abci TxMsgData; injective.exchange.v2 Msg…Response, whose batch holds a failed order's
error code in decimal where its hash would be, and nothing, in no list of client ids either, for an order in a
market that is not active; EventOrderFail.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from defi_analytics.domain.transaction import OrderResult
from defi_analytics.venues.injective.chain.protos import protos, type_url
from defi_analytics.venues.injective.chain.wire import ChainEvent

ORDER_FAIL = "injective.exchange.v2.EventOrderFail"
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_CODE = re.compile(r"[0-9]{1,9}")
_BATCHES = (
    ("spot_order_hashes", "created_spot_orders_cids", "failed_spot_orders_cids"),
    ("derivative_order_hashes", "created_derivative_orders_cids", "failed_derivative_orders_cids"),
    ("spot_market_order_hashes", "created_spot_market_orders_cids", "failed_spot_market_orders_cids"),
    (
        "derivative_market_order_hashes",
        "created_derivative_market_orders_cids",
        "failed_derivative_market_orders_cids",
    ),
)
INACTIVE = 41
"""Invalid market status: what an order that was passed over would have been refused with by itself."""
_FLAGS = msgspec.json.Decoder(list[int])
_CIDS = msgspec.json.Decoder(list[str])


def order_results(data: bytes, events: Iterable[ChainEvent]) -> tuple[OrderResult, ...]:
    """One for each order of a transaction that succeeded; without a client id for one that was passed over.

    Raises ValueError for data that are none.
    """
    try:
        answers = protos().results.TxMsgData.FromString(data).msg_responses
        every = [result for answer in answers for result in _of(answer.type_url, answer.value)]
    except (protos().decode_error, UnicodeDecodeError) as error:
        raise ValueError(f"message responses: {error}") from None
    named = {result.client_order_id: result for result in every if result.client_order_id}
    named |= {result.client_order_id: result for result in failures(events)}
    return (*named.values(), *(result for result in every if not result.client_order_id))


def failures(events: Iterable[ChainEvent]) -> Iterator[OrderResult]:
    """Raises ValueError."""
    for event in events:
        if event.type != ORDER_FAIL:
            continue
        told = {one.key: one.value or "[]" for one in event.attributes or ()}
        flags, cids = _FLAGS.decode(told.get("flags", "[]")), _CIDS.decode(told.get("cids", "[]"))
        if len(flags) != len(cids):
            raise ValueError("failed orders without their codes")
        yield from (OrderResult(cid, error_code=flag) for cid, flag in zip(cids, flags, strict=True))


def _of(url: str, value: bytes) -> Iterator[OrderResult]:
    exchange, authz = protos().exchange, protos().authz_messages
    if url == type_url(authz.MsgExecResponse):
        # What a delegated key sends is always a batch.
        for result in authz.MsgExecResponse.FromString(value).results:
            yield from _of_batch(exchange.MsgBatchUpdateOrdersResponse.FromString(result))
    elif url == type_url(exchange.MsgBatchUpdateOrdersResponse):
        yield from _of_batch(exchange.MsgBatchUpdateOrdersResponse.FromString(value))
    else:
        for kind in _singles():
            if url == type_url(kind):
                answer = kind.FromString(value)
                yield OrderResult(answer.cid, order_hash=_hash(answer.order_hash))


def _of_batch(answer: Any) -> Iterator[OrderResult]:
    for hashes, created, failed in _BATCHES:
        yield from _slots(getattr(answer, hashes), getattr(answer, created), getattr(answer, failed))


def _slots(slots: Sequence[str], created: Sequence[str], failed: Sequence[str]) -> Iterator[OrderResult]:
    codes = [slot for slot in slots if _CODE.fullmatch(slot)]
    hashes = [slot for slot in slots if slot and not _CODE.fullmatch(slot)]
    if (len(hashes), len(codes)) != (len(created), len(failed)):
        raise ValueError("a batch whose orders and client ids do not match")
    placed, refused = iter(created), iter(failed)
    for slot in slots:
        if not slot:
            yield OrderResult("", error_code=INACTIVE)
        elif _CODE.fullmatch(slot):
            yield OrderResult(next(refused), error_code=int(slot))
        else:
            yield OrderResult(next(placed), order_hash=_hash(slot))


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text):
        raise ValueError("an order's hash that is none")
    return text.lower()


def _singles() -> tuple[Any, ...]:
    exchange = protos().exchange
    return (
        exchange.MsgCreateSpotLimitOrderResponse,
        exchange.MsgCreateSpotMarketOrderResponse,
        exchange.MsgCreateDerivativeLimitOrderResponse,
        exchange.MsgCreateDerivativeMarketOrderResponse,
    )
