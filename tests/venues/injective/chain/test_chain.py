import hashlib
from decimal import Decimal

import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.errors import (
    AuthError,
    ExecutionError,
)
from defi_analytics.ports import Chain
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from defi_analytics.venues.injective.networks import MAINNET, TESTNET, custom
from tests.fakes import NOON
from tests.venues.injective.chain.kit import (
    ADDRESS,
    HEIGHT,
    OTHER,
    FakeNode,
    a_cancel,
    a_chain,
    an_order,
    block,
    messages_of,
    perp,
    posted_tx,
    signed,
    spot,
    tx_of,
)


async def test_it_is_the_chain_of_the_port():
    chain: Chain = a_chain()
    assert chain.account == ADDRESS
    assert a_chain(granter=OTHER).account == OTHER


async def test_a_signed_transaction_tells_all_that_is_needed_to_prove_what_became_of_it():
    made = await signed(
        FakeNode(), an_order(client_order_id="a"), an_order(perp(), OrderKind.STOP, client_order_id="b")
    )
    body, auth = tx_of(made.tx_bytes)
    assert made.tx_hash == hashlib.sha256(made.tx_bytes).hexdigest().upper()
    assert made.timeout_height == body.timeout_height == HEIGHT + 30
    assert made.sequence == auth.signer_infos[0].sequence == 3
    assert (made.account, made.signed_at, made.expiry_height) == (ADDRESS, NOON, HEIGHT + 50)
    assert made.client_order_ids == ("a", "b")
    assert made.gas == auth.fee.gas_limit
    assert made.fee == Decimal(auth.fee.amount[0].amount) / 10**18


@pytest.mark.parametrize("granter", ["", OTHER])
async def test_orders_are_told_as_they_were_approved_though_the_chain_sorts_a_batch(granter: str):
    approved = [
        an_order(perp(), client_order_id="a"),
        an_order(spot(), client_order_id="b"),
        an_order(perp(), OrderKind.MARKET, client_order_id="c"),
    ]
    made = await a_chain(granter=granter).sign(approved)
    assert made.client_order_ids == ("a", "b", "c")


async def test_nothing_rests_of_a_market_order():
    assert (await signed(FakeNode(), an_order(kind=OrderKind.MARKET))).expiry_height == 0


@pytest.mark.parametrize("blocks", [1, 30, 1000])
async def test_every_transaction_times_out_beyond_the_latest_block(blocks: int):
    made = await signed(FakeNode(), policy=ChainPolicy(timeout_blocks=blocks))
    assert HEIGHT < made.timeout_height == HEIGHT + blocks == tx_of(made.tx_bytes)[0].timeout_height


async def test_the_chain_is_compared_again_with_every_block():
    chain = a_chain(FakeNode(**{"blocks/latest": [block(), block(HEIGHT + 1, "injective-1")]}))
    await chain.sign([an_order()])
    with pytest.raises(AuthError, match="injective-1, not of injective-888"):
        await chain.sign([an_order()])


async def test_mainnet_ids_at_a_testnet_node_are_refused():
    mixed = custom("mainnet", MAINNET.chain_id, TESTNET.lcd_url)
    node = FakeNode(**{"blocks/latest": block(chain_id=TESTNET.chain_id)})
    with pytest.raises(AuthError, match="injective-888, not of injective-1"):
        await a_chain(node, network=mixed).sign([an_order()])


async def test_a_node_that_lags_does_not_turn_time_back():
    chain = a_chain(FakeNode(**{"blocks/latest": [block(HEIGHT + 2), block(HEIGHT)]}))
    heights = [(await chain.block()).height for _ in range(2)]
    assert heights == [HEIGHT + 2, HEIGHT + 2]


async def test_a_delegated_key_signs_for_the_granter_and_pays_itself():
    node = FakeNode()
    made = await signed(node, granter=OTHER, subaccount_index=2)
    (execute,) = messages_of(made.tx_bytes)
    assert (made.account, execute.grantee) == (OTHER, ADDRESS)
    assert any(f"accounts/{ADDRESS}" in request for request in node.requests)


async def test_cancels_alone_are_a_transaction_too():
    made = await a_chain().sign([], [a_cancel()])
    assert (made.client_order_ids, made.expiry_height) == ((), 0)


async def test_what_is_signed_is_compared_with_what_was_approved(monkeypatch: pytest.MonkeyPatch):
    from defi_analytics.venues.injective.chain import chain as chain_module

    other = an_order(ticks=5124)
    built = chain_module.built
    monkeypatch.setattr(chain_module, "built", lambda orders, *rest: built([other], *rest))
    node = FakeNode()
    with pytest.raises(ExecutionError, match="price"):
        await signed(node)
    assert not node.sent("POST")


async def test_sending_again_sends_the_very_same_bytes_because_a_client_id_is_free_again_after_a_fill():
    answer = FakeNode(**{"/txs": b"{}"})
    made = await signed(FakeNode())
    for _ in range(2):
        await a_chain(answer).broadcast(made)
    assert [posted_tx(body) for body in answer.sent("/txs")] == [made.tx_bytes] * 2
