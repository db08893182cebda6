import pytest

from defi_analytics.errors import (
    DataError,
    Malformed,
    OrderRejected,
    Unavailable,
)
from tests.venues.injective.chain.kit import (
    HEIGHT,
    MISMATCH,
    FakeNode,
    a_chain,
    account,
    an_order,
    block,
    posted_tx,
    refusal,
    signed,
    simulation,
    tx_of,
)


@pytest.mark.parametrize("error", [Unavailable("injective", "down"), Malformed("injective", "odd")])
async def test_without_a_height_nothing_is_signed(error: DataError):
    node = FakeNode(**{"blocks/latest": error})
    with pytest.raises(DataError):
        await signed(node)
    assert not node.sent("POST")


async def test_the_sequence_is_the_chains_for_every_signing_and_never_counted_here():
    node = FakeNode(**{"auth/v1beta1/accounts/": [account(3), account(3), account(12)]})
    chain = a_chain(node)
    sequences = [(await chain.sign([an_order()])).sequence for _ in range(3)]
    assert sequences == [3, 3, 12]


async def test_a_sequence_is_given_only_where_earlier_transactions_are_not_in_a_block_yet():
    node = FakeNode()
    made = await a_chain(node).sign([an_order()], sequence=5)
    assert made.sequence == tx_of(made.tx_bytes)[1].signer_infos[0].sequence == 5
    refusing = FakeNode(simulate=refusal(500, 2, MISMATCH))
    with pytest.raises(OrderRejected) as caught:
        await a_chain(refusing).sign([an_order()], sequence=5)
    assert (caught.value.order_code, caught.value.codespace) == (32, "sdk")
    assert len(refusing.sent("simulate")) == 1


async def test_a_sequence_mismatch_is_asked_about_once_more_at_a_newer_block():
    node = FakeNode(
        **{
            "blocks/latest": [block(), block(HEIGHT + 4)],
            "auth/v1beta1/accounts/": [account(3), account(9)],
            "simulate": [refusal(500, 2, MISMATCH), simulation()],
        }
    )
    made = await signed(node)
    assert made.sequence == 9
    assert [tx_of(posted_tx(body))[1].signer_infos[0].sequence for body in node.sent("simulate")] == [3, 9]
    assert [headers for headers in node.headers if headers][-1] == {"x-cosmos-block-height": str(HEIGHT + 4)}
    assert made.timeout_height == HEIGHT + 30


async def test_a_second_mismatch_is_a_refusal():
    node = FakeNode(simulate=refusal(500, 2, MISMATCH))
    with pytest.raises(OrderRejected, match="another transaction of this key") as caught:
        await signed(node)
    assert caught.value.order_code == 32
    assert len(node.sent("simulate")) == 2


async def test_what_is_simulated_is_what_is_signed_but_for_bill_and_signature():
    node = FakeNode()
    made = await signed(node)
    (simulated,) = node.sent("simulate")
    assert tx_of(posted_tx(simulated))[0] == tx_of(made.tx_bytes)[0]


async def test_the_accounts_number_is_asked_for_once_and_its_sequence_every_time():
    node = FakeNode()
    chain = a_chain(node)
    await chain.sign([an_order()], sequence=4)
    await chain.sign([an_order()], sequence=5)
    assert sum("accounts" in request for request in node.requests) == 1
    await chain.sign([an_order()])
    assert sum("accounts" in request for request in node.requests) == 2
