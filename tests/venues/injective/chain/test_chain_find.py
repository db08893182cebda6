from collections.abc import Mapping

import pytest

from defi_analytics.errors import AuthError, DataError, NotFound, Unavailable
from tests.venues.injective.chain.kit import HEIGHT, FakeNode, a_chain, block, refusal
from tests.venues.injective.chain.kit_outcome import HASH


async def test_only_the_gateways_own_not_found_means_that_there_is_none():
    node = FakeNode(**{"/txs/": refusal(404, 5, f"tx not found: {HASH}")})
    assert await a_chain(node).find(HASH) is None


def proxy_404(answer: bytes) -> DataError:
    error = NotFound("injective", "answered 404")
    error.status, error.answer = 404, answer
    return error


@pytest.mark.parametrize(
    "error",
    [
        proxy_404(b""),
        proxy_404(b"<html>404</html>"),
        proxy_404(b'{"message":"no route"}'),
        proxy_404(b'{"code":12,"message":"Not Implemented"}'),
        proxy_404(b"[" * 100_000),
        refusal(500, 5, "tx not found"),
        refusal(400, 3, "invalid hash"),
        Unavailable("injective", "down"),
    ],
)
async def test_anything_less_clear_is_not_an_absence(error: DataError):
    with pytest.raises(DataError):
        await a_chain(FakeNode(**{"/txs/": error})).find(HASH)


async def test_a_node_behind_the_highest_block_seen_has_no_say_in_an_absence():
    def lagging(headers: Mapping[str, str], body: bytes) -> bytes:
        raise (
            refusal(500, 2, "ahead")
            if int(headers["x-cosmos-block-height"]) > HEIGHT
            else refusal(404, 5, "tx not found")
        )

    chain = a_chain(FakeNode(**{"/txs/": lagging, "blocks/latest": [block(HEIGHT), block(HEIGHT + 40)]}))
    assert await chain.find(HASH) is None
    await chain.block()
    with pytest.raises(DataError):
        await chain.find(HASH)


async def test_a_node_of_another_chain_has_no_say_either():
    node = FakeNode(
        **{"/txs/": refusal(404, 5, "tx not found"), "blocks/latest": block(chain_id="injective-1")}
    )
    with pytest.raises(AuthError, match="injective-1"):
        await a_chain(node).find(HASH)
