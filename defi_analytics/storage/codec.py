"""Values as JSON and back: decimals as strings, times as RFC 3339, enums by value."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def encode(value: Any) -> str:
    """JSON of frozen dataclasses, named tuples, mappings and their leaves.

    Named tuples become arrays; a tuple as a mapping's key becomes its parts joined by `|`.
    Raises ValueError for what JSON could not give back: a number that is not finite, a time without zone,
    an unknown type.
    """
    try:
        return msgspec.json.encode(to_plain(value)).decode()
    except (TypeError, RecursionError, msgspec.MsgspecError) as error:
        raise ValueError(f"cannot be stored as JSON: {error}") from None


def decode(text: str) -> dict[str, Any]:
    """An encoded mapping, its leaves still as text. Raises ValueError."""
    return decode_as(text, dict[str, Any])


def decode_as(text: str, kind: type[T]) -> T:
    """An encoded value as its type. Raises ValueError."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"is not a stored {kind.__name__}: {error}") from None


def encode_body(body: Mapping[str, Any]) -> str | bytes:
    """JSON; MessagePack where an entry is bytes, which JSON could only hold a third longer.

    Raises ValueError as `encode` does.
    """
    if not any(isinstance(value, bytes) for value in body.values()):
        return encode(dict(body))
    try:
        return msgspec.msgpack.encode(to_plain(body))
    except (TypeError, RecursionError, OverflowError, msgspec.MsgspecError) as error:
        raise ValueError(f"cannot be stored as MessagePack: {error}") from None


def decode_body(stored: str | bytes) -> dict[str, Any]:
    """Either. Raises ValueError."""
    if isinstance(stored, str):
        return decode(stored)
    try:
        return msgspec.msgpack.decode(stored, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"is not a stored body: {error}") from None


def rfc3339(at: datetime) -> str:
    """A time in UTC with microseconds. Raises ValueError without a zone."""
    if at.utcoffset() is None:
        raise ValueError(f"{at} has no time zone")
    return msgspec.json.encode(at).decode().strip('"')


def to_plain(value: Any) -> Any:
    """The same value as mappings, lists and leaves that JSON has; raises ValueError as `encode` does."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    return rfc3339(value) if isinstance(value, datetime) else value


def _key(key: Any) -> str:
    return "|".join(map(str, key)) if isinstance(key, tuple) else str(key)
