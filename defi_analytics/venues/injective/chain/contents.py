"""Which transactions a block holds, by the block itself: it is there before any index of it.

Source: cosmos.base.tendermint.v1beta1.Service GetBlockByHeight; CometBFT, a transaction's key is the SHA-256
of its bytes.
"""

import hashlib
from base64 import b64decode

import msgspec

from defi_analytics.venues.injective.chain import wire
from defi_analytics.venues.injective.chain.node import Node
from defi_analytics.venues.injective.chain.together import all_of
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.wire import reading

AT_ONCE = 10
"""Blocks asked for together."""


class _Header(msgspec.Struct, gc=False):
    height: str


class _Data(msgspec.Struct, gc=False):
    txs: list[str] | None = None


class _Block(msgspec.Struct, gc=False):
    header: _Header
    data: _Data


class _Answer(msgspec.Struct, gc=False):
    block: _Block | None = None
    sdk_block: _Block | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


async def holds(node: Node, tx_hash: str, first_height: int, last_height: int) -> bool:
    """Whether one of these blocks holds it, executed or failed. Raises DataError where one is not told."""
    for start in range(first_height, last_height + 1, AT_ONCE):
        heights = range(start, min(start + AT_ONCE, last_height + 1))
        bodies = await all_of(
            node.lcd(f"cosmos/base/tendermint/v1beta1/blocks/{height}") for height in heights
        )
        for height, body in zip(heights, bodies, strict=True):
            if tx_hash in parse_contents(VENUE, body, height):
                return True
    return False


def parse_contents(source: str, body: bytes, height: int) -> frozenset[str]:
    """The hashes, in upper-case hexadecimal. Raises Malformed, also for another block."""
    with reading(source, "block"):
        answer = _ANSWER.decode(body)
        block = answer.block or answer.sdk_block
        if block is None or wire.integer(block.header.height) != height:
            raise ValueError("another block than was asked for")
        raw = [b64decode(text, validate=True) for text in block.data.txs or ()]
    return frozenset(hashlib.sha256(one).hexdigest().upper() for one in raw)
