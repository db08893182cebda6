import hashlib
import json
from base64 import b64encode
from typing import Any

import pytest

from defi_analytics.errors import DataError, Malformed
from defi_analytics.venues.injective.chain.contents import parse_contents
from tests.venues.injective.chain.kit import HEIGHT, FakeNode, a_chain, account, block, refusal

RAW = b"a transaction"
HASH = hashlib.sha256(RAW).hexdigest().upper()


def filled(height: int, *raw: bytes, name: str = "block") -> bytes:
    txs = [b64encode(one).decode() for one in raw]
    return json.dumps({name: {"header": {"height": str(height)}, "data": {"txs": txs}}}).encode()


def test_a_block_tells_what_it_holds_by_hash() -> None:
    assert parse_contents("node", filled(7, RAW, b"another"), 7) >= {HASH}
    assert parse_contents("node", filled(7, RAW, name="sdk_block"), 7) == {HASH}
    assert parse_contents("node", block(7), 7) == frozenset()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"block": {"header": {"height": "7"}}}',
        filled(8, RAW),
        b'{"block": {"header": {"height": "7"}, "data": {"txs": ["%%%"]}}}',
        b'{"block": {"header": {"height": "7"}, "data": {"txs": [7]}}}',
        '{"block": {"header": {"height": "7"}, "data": {"txs": ["\u00e9"]}}}'.encode(),
        b"[" * 100_000,
    ],
)
def test_a_block_that_is_none_or_another_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_contents("node", body, 7)


def chain_of(**blocks: Any) -> Any:
    return a_chain(FakeNode(**{f"blocks/{height[1:]}": body for height, body in blocks.items()}))


async def test_every_block_of_the_span_is_looked_into() -> None:
    empty = {f"_{height}": filled(height) for height in range(100, 125)}
    assert not await chain_of(**empty).holds(HASH, 100, 124)
    assert await chain_of(**{**empty, "_124": filled(124, RAW)}).holds(HASH, 100, 124)
    assert await chain_of(**{**empty, "_100": filled(100, b"another", RAW)}).holds(HASH, 100, 124)


async def test_a_block_that_is_not_told_leaves_it_open() -> None:
    chain = chain_of(_100=filled(100), _101=refusal(400, 3, "not available"))
    with pytest.raises(DataError):
        await chain.holds(HASH, 100, 101)


async def test_the_sequence_is_that_of_the_signing_key_as_of_the_highest_block_seen() -> None:
    node = FakeNode(**{"/accounts/": account(9), "blocks/latest": block(HEIGHT + 2)})
    assert await a_chain(node).next_sequence() == 9


async def test_a_signed_transaction_keeps_the_height_it_cannot_be_below() -> None:
    from tests.venues.injective.chain.kit import signed

    assert (await signed(FakeNode())).height == HEIGHT
