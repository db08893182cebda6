import json

import pytest

from defi_analytics.errors import (
    AuthError,
    DataError,
    Malformed,
)
from tests.venues.injective.chain.kit import (
    HEIGHT,
    OTHER,
    FakeNode,
    a_chain,
    account,
    base_fee,
    block,
    refusal,
    signed,
)


async def test_the_account_is_read_as_of_the_latest_block_so_that_a_lagging_node_cannot_answer():
    node = FakeNode()
    await signed(node)
    asked = next(n for n, request in enumerate(node.requests) if "accounts" in request)
    assert node.headers[asked] == {"x-cosmos-block-height": str(HEIGHT)}


@pytest.mark.parametrize("chain_id", ["injective-1", "injective-777"])
async def test_a_node_of_another_chain_is_named_and_nothing_is_signed(chain_id: str):
    node = FakeNode(**{"blocks/latest": block(chain_id=chain_id)})
    with pytest.raises(AuthError) as caught:
        await signed(node)
    assert "injective-888" in str(caught.value)
    assert chain_id in str(caught.value)
    assert not node.sent("POST")


async def test_an_account_that_does_not_exist_yet_needs_inj_first():
    node = FakeNode(**{"accounts/": refusal(404, 5, "account not found")})
    with pytest.raises(AuthError, match="does not exist") as caught:
        await signed(node)
    assert "INJ" in caught.value.hint


async def test_a_404_of_something_else_does_not_mean_that_the_account_is_missing():
    error = refusal(404, 5, "")
    error.answer = b"<html>not found</html>"
    with pytest.raises(DataError):
        await signed(FakeNode(**{"accounts/": error}))


@pytest.mark.parametrize("answer", [account(address=OTHER), b"{}", b"[", account(sequence=-1)])
async def test_an_account_that_is_not_ours_or_none_is_malformed(answer: bytes):
    with pytest.raises(Malformed):
        await signed(FakeNode(**{"accounts/": answer}))


@pytest.mark.parametrize("text", ["160000000", "NaN", "-1.000000000000000000", "9" * 30 + "." + "0" * 18])
async def test_a_gas_price_that_is_none_is_malformed(text: str):
    with pytest.raises(Malformed, match="base fee"):
        await signed(FakeNode(cur_eip=base_fee(text)))


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"not json",
        block(0),
        block(chain_id=""),
        json.dumps(
            {"block": {"header": {"height": "1", "time": "0001-01-01T00:00:00Z", "chain_id": "x"}}}
        ).encode(),
    ],
)
async def test_a_block_that_is_none_is_malformed(body: bytes):
    with pytest.raises(Malformed, match="block"):
        await a_chain(FakeNode(**{"blocks/latest": body})).block()
