"""The official SDK's protobuf messages, imported once something is to be signed or decoded.

Only the generated messages: the SDK's composer rounds at 28 digits and writes decimals that are no integers,
its client keeps a sequence of its own and falls back to transactions that never expire.
"""

from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from defi_analytics.errors import ConfigError

_ROOT = "pyinjective.proto"


class Protos(NamedTuple):
    """Generated modules, each by what it is for."""

    exchange: Any
    order: Any
    authz_messages: Any
    tx: Any
    signing: Any
    coin: Any
    keys: Any
    results: Any
    any: Any
    decode_error: type[Exception]


@cache
def protos() -> Protos:
    """Raises ConfigError where the SDK is not installed."""
    try:
        return Protos(
            exchange=import_module(f"{_ROOT}.injective.exchange.v2.tx_pb2"),
            order=import_module(f"{_ROOT}.injective.exchange.v2.order_pb2"),
            authz_messages=import_module(f"{_ROOT}.cosmos.authz.v1beta1.tx_pb2"),
            tx=import_module(f"{_ROOT}.cosmos.tx.v1beta1.tx_pb2"),
            signing=import_module(f"{_ROOT}.cosmos.tx.signing.v1beta1.signing_pb2"),
            coin=import_module(f"{_ROOT}.cosmos.base.v1beta1.coin_pb2"),
            keys=import_module(f"{_ROOT}.injective.crypto.v1beta1.ethsecp256k1.keys_pb2"),
            results=import_module(f"{_ROOT}.cosmos.base.abci.v1beta1.abci_pb2"),
            any=import_module("google.protobuf.any_pb2"),
            decode_error=import_module("google.protobuf.message").DecodeError,
        )
    except ImportError:
        raise ConfigError(
            "trading on Injective needs its SDK, which is not installed",
            hint="pip install 'defi-analytics[injective]' (Python 3.11 or 3.12)",
        ) from None


def packed(message: Any) -> Any:
    """The message as an Any whose type URL starts with a slash, as the chain wants it."""
    return protos().any.Any(
        type_url=type_url(type(message)), value=message.SerializeToString(deterministic=True)
    )


def type_url(kind: Any) -> str:
    return f"/{kind.DESCRIPTOR.full_name}"
