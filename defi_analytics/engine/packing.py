"""Records that repeat each other, made small: now and then one whole, the others as what changed.

Every one is `{"sum": number, "packed": bytes}`; one that tells what changed since the record before it names
that record's `sum` as `on`. Reading can start at any that is whole. `packed` is MessagePack, deflated.
Journals of before have `{"packed": text}`: JSON, deflated, in base64, each whole; these are read too.
"""

import zlib
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import msgspec

from defi_analytics.engine.delta import delta, patched
from defi_analytics.errors import Mismatch

WHOLE_EVERY = 200
"""Records. A whole one costs as much as some ten others."""


class Packer:
    """What makes records small; one for each process that writes them."""

    def __init__(self) -> None:
        self._last: dict[str, Any] | None = None
        self._sum = self._since_whole = 0

    def packed(self, content: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any]:
        """`content` as the part of a record's body that `Unpacker` reads. Times in it must have a zone.

        `whole` is larger, and ten times as fast.
        """
        plain: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(content))
        whole = whole or self._last is None or self._since_whole >= WHOLE_EVERY - 1
        told = _deflated(plain if whole else delta(self._last, plain))
        on = {} if whole else {"on": self._sum}
        self._since_whole = 0 if whole else self._since_whole + 1
        self._last, self._sum = plain, zlib.crc32(told)
        return {**on, "sum": self._sum, "packed": told}

    def forget(self) -> None:
        """The next one is whole: the last was not written down after all."""
        self._last = None


class Unpacker:
    """Reads the records of one journal, which it has to be shown all, in order."""

    def __init__(self) -> None:
        self._tree: Any = None
        self._sum: int | None = None
        """Of the last that was shown; None where nothing can follow it."""
        self._changes: list[bytes] = []
        """Since the tree; a whole one is the first of them where there is no tree."""

    def follow(self, body: Mapping[str, Any]) -> None:
        """Takes note of one that need not be read."""
        packed, on = body.get("packed"), body.get("on")
        if on is None:
            self._tree, self._changes = None, []
        if isinstance(packed, bytes) and (on is None or on == self._sum):
            self._changes.append(packed)
            self._sum = zlib.crc32(packed)
        else:
            self._sum = None

    def unpacked(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The content of one, which must not be changed. Raises Mismatch where it is not whole."""
        self.follow(body)
        try:
            packed = body["packed"]
            return _of_text(packed) if isinstance(packed, str) else self._caught_up()
        except (LookupError, AttributeError, TypeError, ArithmeticError, ValueError, zlib.error) as error:
            self._sum = None
            raise Mismatch(f"a decision in the journal cannot be read: {error}") from None

    def _caught_up(self) -> dict[str, Any]:
        if self._sum is None:
            raise ValueError("the one that it follows is missing")
        for change in self._changes:
            told = _inflated(change)
            self._tree = told if self._tree is None else patched(self._tree, told)
        self._changes = []
        whole: dict[str, Any] = self._tree
        return whole


def _of_text(packed: str) -> dict[str, Any]:
    whole: dict[str, Any] = msgspec.json.decode(zlib.decompress(b64decode(packed)))
    return whole


def _deflated(tree: Any) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(tree))


def _inflated(packed: bytes) -> Any:
    return msgspec.msgpack.decode(zlib.decompress(packed))
