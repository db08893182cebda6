import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.transaction import SignedTransaction
from defi_analytics.errors import (
    AuthError,
    ConfigError,
    DataError,
    ExecutionError,
    Malformed,
    OrderRejected,
    Unavailable,
)
from defi_analytics.ports import Chain
from defi_analytics.venues.injective.chain import protos as protos_module
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from defi_analytics.venues.injective.chain.protos import protos
from defi_analytics.venues.injective.networks import MAINNET, TESTNET, custom
from tests.fakes import NOON
from tests.venues.injective.chain.kit import (
    ADDRESS,
    HEIGHT,
    OTHER,
    FakeNode,
    a_cancel,
    a_chain,
    account,
    an_order,
    base_fee,
    block,
    messages_of,
    perp,
    posted_tx,
    refusal,
    simulation,
    tx_of,
)

MISMATCH = "account sequence mismatch, expected 9, got 3: incorrect account sequence [x] with gas used: '0'"


async def signed(node: FakeNode, *orders: Any, **more: Any) -> SignedTransaction:
    return await a_chain(node, **more).sign(orders or [an_order()])


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


async def test_nothing_rests_of_a_market_order():
    assert (await signed(FakeNode(), an_order(kind=OrderKind.MARKET))).expiry_height == 0


@pytest.mark.parametrize("blocks", [1, 30, 1000])
async def test_every_transaction_times_out_beyond_the_latest_block(blocks: int):
    made = await signed(FakeNode(), policy=ChainPolicy(timeout_blocks=blocks))
    assert HEIGHT < made.timeout_height == HEIGHT + blocks == tx_of(made.tx_bytes)[0].timeout_height


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


async def test_the_account_is_read_as_of_the_latest_block_so_that_a_lagging_node_cannot_answer():
    node = FakeNode()
    await signed(node)
    asked = next(n for n, request in enumerate(node.requests) if "accounts" in request)
    assert node.headers[asked] == {"x-cosmos-block-height": str(HEIGHT)}


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


@pytest.mark.parametrize("chain_id", ["injective-1", "injective-777", ""])
async def test_a_node_of_another_chain_is_named_and_nothing_is_signed(chain_id: str):
    node = FakeNode(**{"blocks/latest": block(chain_id=chain_id)})
    with pytest.raises(AuthError) as caught:
        await signed(node)
    assert "injective-888" in str(caught.value)
    assert (chain_id or "?") in str(caught.value)
    assert not node.sent("POST")


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


async def test_gas_is_what_the_simulation_used_and_more_at_the_current_price():
    node = FakeNode(simulate=simulation(400_001), cur_eip=base_fee("200000000.5" + "0" * 17))
    made = await signed(node)
    assert made.gas == 520_002
    assert made.fee == Decimal(520_002 * 220_000_001) / 10**18


async def test_gas_is_never_less_than_such_a_transaction_is_known_to_need():
    made = await signed(FakeNode(simulate=simulation(10), cur_eip=base_fee("1." + "0" * 18)))
    assert (made.gas, made.fee) == (300_000, Decimal("0.000048"))


@pytest.mark.parametrize(
    ("policy", "answers"),
    [
        (ChainPolicy(max_gas=299_999), {}),
        (ChainPolicy(max_fee=Decimal("0.00001")), {}),
        (ChainPolicy(), {"simulate": simulation(5_000_000)}),
        (ChainPolicy(), {"cur_eip": base_fee("500000000000." + "0" * 18)}),
    ],
)
async def test_a_transaction_beyond_the_gas_budget_is_not_signed(
    policy: ChainPolicy, answers: Mapping[str, bytes]
):
    with pytest.raises(OrderRejected, match="it would need") as caught:
        await signed(FakeNode(**answers), policy=policy)
    assert caught.value.codespace == "local"


@pytest.mark.parametrize(
    ("said", "code", "codespace"),
    [
        (
            "failed to execute message; message index: 0: price 5.1235: invalid price [core/x.go:1] with gas used: '7'",
            16,
            "exchange",
        ),
        ("failed to execute message; message index: 0: subaccount has insufficient deposits", 6, "exchange"),
        ("spendable balance 0inj is smaller than 48000000000000inj: insufficient funds", 5, "sdk"),
        (
            "failed to execute message; message index: 1: 1usdt is smaller than 2usdt: insufficient funds",
            95,
            "exchange",
        ),
        ("failed to get grant: authorization not found", 2, "authz"),
        ("something nobody has seen", 0, ""),
    ],
)
async def test_what_the_simulation_refuses_is_told_by_code_and_in_plain_words(
    said: str, code: int, codespace: str
):
    with pytest.raises(OrderRejected) as caught:
        await signed(FakeNode(simulate=refusal(500, 2, said)))
    assert (caught.value.order_code, caught.value.codespace) == (code, codespace)


@pytest.mark.parametrize(
    "error", [Unavailable("injective", "down"), refusal(503, 14, "busy"), refusal(500, 13, "panic")]
)
async def test_a_simulation_that_could_not_be_asked_is_not_a_refusal(error: DataError):
    with pytest.raises(DataError):
        await signed(FakeNode(simulate=error))


async def test_a_batch_that_would_succeed_without_one_of_its_orders_is_refused():
    answer = protos().exchange.MsgBatchUpdateOrdersResponse(
        spot_order_hashes=["0x" + "ab" * 32, "59"],
        created_spot_orders_cids=["a"],
        failed_spot_orders_cids=["b"],
    )
    node = FakeNode(simulate=simulation(1000, answer))
    with pytest.raises(OrderRejected, match="b: a post-only order would have crossed") as caught:
        await signed(node, an_order(client_order_id="a"), an_order(client_order_id="b"))
    assert caught.value.order_code == 59


async def test_what_is_simulated_is_what_is_signed_but_for_bill_and_signature():
    node = FakeNode()
    made = await signed(node)
    (simulated,) = node.sent("simulate")
    assert tx_of(posted_tx(simulated))[0] == tx_of(made.tx_bytes)[0]


async def test_a_delegated_key_signs_for_the_granter_and_pays_itself():
    node = FakeNode()
    made = await signed(node, granter=OTHER, subaccount_index=2)
    (execute,) = messages_of(made.tx_bytes)
    assert (made.account, execute.grantee) == (OTHER, ADDRESS)
    assert any(f"accounts/{ADDRESS}" in request for request in node.requests)


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
        json.dumps(
            {"block": {"header": {"height": "1", "time": "0001-01-01T00:00:00Z", "chain_id": "x"}}}
        ).encode(),
    ],
)
async def test_a_block_that_is_none_is_malformed(body: bytes):
    with pytest.raises(Malformed, match="block"):
        await a_chain(FakeNode(**{"blocks/latest": body})).block()


async def test_cancels_alone_are_a_transaction_too():
    made = await a_chain().sign([], [a_cancel()])
    assert (made.client_order_ids, made.expiry_height) == ((), 0)


async def test_without_the_sdk_one_line_tells_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> Any:
        raise ImportError(name)

    protos_module.protos.cache_clear()
    monkeypatch.setattr(protos_module, "import_module", missing)
    with pytest.raises(ConfigError, match="not installed") as caught:
        protos_module.protos()
    assert "pip install" in caught.value.hint
    monkeypatch.undo()
    assert protos_module.protos()


async def test_what_is_signed_is_compared_with_what_was_approved(monkeypatch: pytest.MonkeyPatch):
    from defi_analytics.venues.injective.chain import chain as chain_module

    other = an_order(ticks=5124)
    built = chain_module.built
    monkeypatch.setattr(chain_module, "built", lambda orders, *rest: built([other], *rest))
    node = FakeNode()
    with pytest.raises(ExecutionError, match="price"):
        await signed(node)
    assert not node.sent("POST")


async def test_the_accounts_number_is_asked_for_once_and_its_sequence_every_time():
    node = FakeNode()
    chain = a_chain(node)
    await chain.sign([an_order()], sequence=4)
    await chain.sign([an_order()], sequence=5)
    assert sum("accounts" in request for request in node.requests) == 1
    await chain.sign([an_order()])
    assert sum("accounts" in request for request in node.requests) == 2


async def test_sending_again_sends_the_very_same_bytes_because_a_client_id_is_free_again_after_a_fill():
    answer = FakeNode(**{"/txs": b"{}"})
    made = await signed(FakeNode())
    for _ in range(2):
        await a_chain(answer).broadcast(made)
    assert [posted_tx(body) for body in answer.sent("/txs")] == [made.tx_bytes] * 2
