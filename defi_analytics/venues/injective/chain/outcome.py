"""A transaction that is in a block. Source: cosmos.tx.v1beta1.Service GetTx."""

from contextlib import suppress

import msgspec

from defi_analytics.domain.transaction import OrderResult, TransactionResult
from defi_analytics.venues.injective.blocks import Time, block_time
from defi_analytics.venues.injective.chain import wire
from defi_analytics.venues.injective.chain.responses import failures, order_results
from defi_analytics.venues.wire import UNREADABLE, reading

_LONGEST_LOG = 500


class _Response(msgspec.Struct, gc=False):
    txhash: str
    height: str
    code: int
    gas_used: str
    timestamp: Time
    codespace: str = ""
    data: str = ""
    raw_log: str = ""
    events: list[wire.ChainEvent] | None = None


class _Answer(msgspec.Struct, gc=False):
    tx_response: _Response


_ANSWER = msgspec.json.Decoder(_Answer)


def parse_outcome(source: str, body: bytes, tx_hash: str) -> TransactionResult:
    """`orders` is empty for a transaction that failed: then none of its messages happened.

    Of one that succeeded it leaves out what cannot be read. That it is in a block is proven all the same, and
    an account that cannot believe that can never trade again.
    """
    with reading(source, "transaction"):
        answer = _ANSWER.decode(body).tx_response
        height = wire.integer(answer.height)
        if answer.txhash.upper() != tx_hash or height < 1:
            raise ValueError("another transaction than was asked for, or in no block")
        return TransactionResult(
            tx_hash=tx_hash,
            height=height,
            at=block_time(answer.timestamp),
            code=answer.code,
            codespace=answer.codespace,
            log=answer.raw_log[:_LONGEST_LOG],
            gas_used=wire.integer(answer.gas_used),
            orders=_orders(answer) if answer.code == 0 else (),
        )


def _orders(answer: _Response) -> tuple[OrderResult, ...]:
    events = answer.events or ()
    with suppress(*UNREADABLE):
        return order_results(bytes.fromhex(answer.data), events)
    with suppress(*UNREADABLE):
        return tuple(failures(events))
    return ()
