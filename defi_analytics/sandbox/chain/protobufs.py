"""The official SDK's protobuf classes, by name, without the rest of the SDK.

Source: injective-py 1.16.2. Its package runs a quarter of a second of imports that the stubs do not need.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

_STUBS = (
    "cosmos.tx.v1beta1.tx_pb2",
    "cosmos.tx.v1beta1.service_pb2",
    "cosmos.base.abci.v1beta1.abci_pb2",
    "cosmos.bank.v1beta1.tx_pb2",
    "cosmos.authz.v1beta1.tx_pb2",
    "cosmos.crypto.secp256k1.keys_pb2",
    "injective.crypto.v1beta1.ethsecp256k1.keys_pb2",
    "injective.types.v1beta1.account_pb2",
    "injective.exchange.v1beta1.tx_pb2",
    "injective.exchange.v2.tx_pb2",
    "injective.exchange.v2.authz_pb2",
    "injective.exchange.v2.events_pb2",
)
_QUERIES = (
    "cosmos.auth.v1beta1.query_pb2",
    "cosmos.authz.v1beta1.query_pb2",
    "cosmos.bank.v1beta1.query_pb2",
    "cosmos.base.tendermint.v1beta1.query_pb2",
    "injective.exchange.v2.query_pb2",
    "injective.oracle.v1beta1.query_pb2",
    "injective.stream.v2.query_pb2",
    "injective.txfees.v1beta1.query_pb2",
)


@cache
def available() -> bool:
    """Whether the `injective` extra is installed."""
    return importlib.util.find_spec("pyinjective") is not None


def new(name: str) -> Any:
    """An empty message of a type's full name. Raises KeyError when no such type is known."""
    return _kind(name)()


def parsed(name: str, raw: bytes) -> Any:
    """Raises KeyError for an unknown type and ValueError for bytes that are not one of it."""
    try:
        return _kind(name).FromString(raw)
    except _decode_error() as error:
        raise ValueError(str(error)) from error


def service(name: str) -> Any:
    """The descriptor of a service by its full name."""
    load()
    _load_queries()
    pool = importlib.import_module("google.protobuf.descriptor_pool").Default()
    return pool.FindServiceByName(name)


@cache
def _kind(name: str) -> Any:
    load()
    pool = importlib.import_module("google.protobuf.descriptor_pool").Default()
    factory = importlib.import_module("google.protobuf.message_factory")
    try:
        return factory.GetMessageClass(pool.FindMessageTypeByName(name))
    except KeyError:
        _load_queries()
        return factory.GetMessageClass(pool.FindMessageTypeByName(name))


@cache
def _decode_error() -> type[Exception]:
    error: type[Exception] = importlib.import_module("google.protobuf.message").DecodeError
    return error


@cache
def load() -> None:
    """Makes every type known. Raises ModuleNotFoundError without the `injective` extra."""
    _import(_STUBS)


@cache
def _load_queries() -> None:
    _import(_QUERIES)


def _import(stubs: tuple[str, ...]) -> None:
    with _bare_package():
        for stub in stubs:
            importlib.import_module(f"pyinjective.proto.{stub}")


@contextmanager
def _bare_package() -> Iterator[None]:
    """`pyinjective` without what its `__init__` imports; whoever imports the SDK later gets it whole."""
    found = importlib.util.find_spec("pyinjective") if "pyinjective" not in sys.modules else None
    if found is None or found.submodule_search_locations is None:
        yield
        return
    bare = ModuleType("pyinjective")
    bare.__path__ = list(found.submodule_search_locations)
    sys.modules["pyinjective"] = bare
    try:
        yield
    finally:
        del sys.modules["pyinjective"]
