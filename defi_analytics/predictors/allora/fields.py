"""Fields as they arrive, bounded before they become numbers or times; any surprise leaves as `Malformed`."""

import re
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec

from defi_analytics.domain.text import safe
from defi_analytics.errors import Malformed

SOURCE = "allora"

SHOWN_CHARACTERS = 200
"""Of foreign text in a message."""

# The chain computes with 34 significant digits and clamps what it publishes to 1e-40 … 1e40.
_DECIMAL = re.compile(r"-?[0-9]{1,45}(?:\.[0-9]{1,60})?(?:[eE][-+]?[0-9]{1,2})?")
_WHOLE = re.compile(r"[0-9]{1,78}")
_INSTANT = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")
_LAST_SECOND = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())

Wire = TypeVar("Wire")


@contextmanager
def malformed(what: str) -> Iterator[None]:
    """The one place where anything a payload can do to a parser becomes `Malformed`."""
    try:
        yield
    except (msgspec.MsgspecError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise Malformed(SOURCE, f"{what}: {safe(str(error), SHOWN_CHARACTERS)}") from error


def decode(body: bytes | str | msgspec.Raw, shape: type[Wire]) -> Wire:
    """Raises what msgspec raises; call it under `malformed`."""
    wire: Wire = _decoder(cast("Hashable", shape)).decode(body)
    return wire


def number(text: str) -> Decimal:
    """Exact. Raises ValueError for what the network does not publish as a number."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text[:50]!r} is not a number")
    return Decimal(text)


def whole(value: str | int, most: int = 2**63 - 1) -> int:
    """A count, id or height, which the chain writes as a string. Raises ValueError."""
    text = str(value)
    if not _WHOLE.fullmatch(text) or int(text) > most:
        raise ValueError(f"{text[:50]!r} is not a whole number up to {most}")
    return int(text)


def instant(text: str) -> datetime:
    """RFC 3339 in UTC, as block headers write it; nanoseconds are cut to microseconds."""
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"{text[:50]!r} is not a time")
    return datetime.fromisoformat(text)


def from_unix(seconds: str | int) -> datetime:
    return datetime.fromtimestamp(whole(seconds, _LAST_SECOND), UTC)


def from_unix_millis(millis: str | int) -> datetime:
    return datetime.fromtimestamp(whole(millis, 1000 * _LAST_SECOND) / 1000, UTC)


@lru_cache(maxsize=64)
def _decoder(shape: Any) -> Any:
    return msgspec.json.Decoder(shape)
