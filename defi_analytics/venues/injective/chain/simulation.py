"""What the chain says a transaction would do. Source: cosmos.tx.v1beta1.Service Simulate."""

from base64 import b64decode
from typing import NamedTuple

import msgspec

from defi_analytics.domain.transaction import OrderResult
from defi_analytics.errors import DataError
from defi_analytics.venues.injective.chain import wire
from defi_analytics.venues.injective.chain.responses import order_results
from defi_analytics.venues.wire import reading

UNKNOWN, INVALID, ABSENT, PRECONDITION, ABORTED, RANGE = 2, 3, 5, 9, 10, 11
_ABOUT_THE_TRANSACTION = frozenset({UNKNOWN, INVALID, ABSENT, PRECONDITION, ABORTED, RANGE})
"""The others are about the node. Source: google.rpc.Code; the SDK answers UNKNOWN for a failed message."""


class Simulated(NamedTuple):
    gas_used: int
    orders: tuple[OrderResult, ...]


class _Gas(msgspec.Struct, gc=False):
    gas_used: str


class _Result(msgspec.Struct, gc=False):
    data: str | None = None
    events: list[wire.ChainEvent] | None = None


class _Answer(msgspec.Struct, gc=False):
    gas_info: _Gas
    result: _Result | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


def parse_simulation(source: str, body: bytes) -> Simulated:
    with reading(source, "simulation"):
        answer = _ANSWER.decode(body)
        result = answer.result or _Result()
        orders = order_results(b64decode(result.data or "", validate=True), result.events or ())
        return Simulated(wire.integer(answer.gas_info.gas_used), orders)


def verdict(error: DataError) -> str:
    """What the chain said against the transaction; empty where the node only could not tell."""
    answer = wire.gateway_error(error.answer)
    return answer.message if answer and answer.code in _ABOUT_THE_TRANSACTION else ""
