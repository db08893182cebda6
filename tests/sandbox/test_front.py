import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from defi_analytics.clock import WallClock
from defi_analytics.sandbox.chain.faults import parse
from defi_analytics.sandbox.sandbox import Sandbox
from tests.sandbox.chain.signing import Wallet, encoded, needs_sdk

TXS = "/cosmos/tx/v1beta1/txs"
pytestmark = needs_sdk


@pytest.fixture
def on(sandbox):
    def on(*faults, seed=0):
        sandbox.chain.set_faults([parse(one) for one in faults], seed)

    return on


@pytest.fixture
def wallet():
    return Wallet()


@pytest.fixture
def send(client, wallet):
    async def send(sequence=0, **more):
        raw = wallet.sign(wallet.market_order(f"n{sequence}"), sequence=sequence, **more)
        return await client.post(TXS, json={"tx_bytes": encoded(raw), "mode": "BROADCAST_MODE_SYNC"})

    return send


@pytest.mark.parametrize(("fault", "arrived"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_broadcast_is_a_reset_connection(sandbox, send, on, fault, arrived):
    on(fault)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await send()
    assert len(sandbox.chain.mempool) == arrived
    assert sandbox.chain.faults.counts == {fault: 1}


@pytest.mark.parametrize(("fault", "arrived"), [("error_before", 0), ("error_after", 1)])
async def test_an_error_is_a_503_whether_or_not_it_arrived(sandbox, send, on, fault, arrived):
    on(fault)
    answer = await send()
    assert (answer.status_code, answer.json()["code"]) == (503, 14)
    assert len(sandbox.chain.mempool) == arrived


async def test_a_hanging_broadcast_arrived_and_does_not_keep_the_sandbox_from_closing(
    sandbox, client, send, on
):
    on("hang_after")
    client.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        await asyncio.wait_for(send(), 5)
    assert len(sandbox.chain.mempool) == 1


async def test_a_late_inclusion_is_by_so_many_blocks(sandbox, send, on):
    on("late_inclusion=2")
    tx_hash = (await send()).json()["tx_response"]["txhash"]
    sandbox.advance(2)
    assert sandbox.chain.find(tx_hash) is None
    sandbox.advance()
    assert sandbox.chain.find(tx_hash).code == 0


async def test_a_sequence_mismatch_may_be_a_lie_of_the_broadcast_or_of_the_simulation(
    client, send, on, wallet
):
    on("sequence_mismatch")
    told = (await send()).json()["tx_response"]
    assert (told["code"], "expected 1, got 0" in told["raw_log"]) == (32, True)
    raw = wallet.sign(wallet.market_order())
    answer = await client.post("/cosmos/tx/v1beta1/simulate", json={"tx_bytes": encoded(raw)})
    assert (answer.status_code, answer.json()["code"]) == (500, 2)
    assert "account sequence mismatch, expected 1, got 0" in answer.json()["message"]
    on()
    assert (await send()).json()["tx_response"]["code"] == 0


async def test_a_transaction_from_elsewhere_comes_first_and_is_in_the_block(get, sandbox, send, on, wallet):
    on("foreign_tx")
    assert (await send()).json()["tx_response"]["code"] == 32
    on()
    assert (await send(1)).json()["tx_response"]["code"] == 0
    sandbox.advance()
    height = sandbox.moment().height
    block = await get(f"/cosmos/base/tendermint/v1beta1/blocks/{height}")
    assert len(block["block"]["data"]["txs"]) == 2
    account = await get(f"/cosmos/auth/v1beta1/accounts/{wallet.address}")
    assert account["account"]["base_account"]["sequence"] == "2"


async def test_a_stale_node_is_a_block_behind(get, sandbox, send, on, wallet):
    tx_hash = (await send()).json()["tx_response"]["txhash"]
    sandbox.advance()
    latest, height = "/cosmos/base/tendermint/v1beta1/blocks/latest", sandbox.moment().height
    account = f"/cosmos/auth/v1beta1/accounts/{wallet.address}"
    on("stale_node")
    assert (await get(latest))["block"]["header"]["height"] == str(height - 1)
    assert (await get(account))["account"]["base_account"]["sequence"] == "0"
    await get(f"{TXS}/{tx_hash}", 404)
    sandbox.advance()
    assert (await get(account))["account"]["base_account"]["sequence"] == "1"
    await get(f"{TXS}/{tx_hash}")


async def test_latency_is_what_a_read_waits(get, clock, on):
    on("latency=0.3")
    await get("/status")
    assert clock.slept == [0.3]


async def test_a_halted_chain_accepts_and_includes_nothing_until_it_goes_on(sandbox, send, on, clock):
    on("halt=5")
    status = (await send()).json()["tx_response"]
    assert status["code"] == 0
    assert sandbox.chain.clock.halted
    clock.advance(5)
    sandbox.advance()
    assert sandbox.chain.find(status["txhash"]).code == 0


async def test_a_halt_by_chance_begins_with_a_broadcast(sandbox, send, on):
    on("halt=5@1")
    assert not sandbox.chain.clock.halted
    await send()
    assert sandbox.chain.clock.halted
    assert sandbox.chain.faults.counts == {"halt": 1}


async def test_a_node_refuses_to_answer_as_of_a_block_it_does_not_have(client, sandbox, on):
    path, height = "/cosmos/auth/v1beta1/params", sandbox.moment().height

    async def asked(at):
        answer = await client.get(path, headers={"x-cosmos-block-height": str(at)})
        return (
            answer.status_code,
            answer.json().get("code"),
            answer.headers["grpc-metadata-x-cosmos-block-height"],
        )

    assert await asked(height) == (200, None, str(height))
    assert await asked(height + 1) == (500, 2, str(height))
    on("stale_node")
    assert await asked(height) == (500, 2, str(height - 1))
    assert await asked("x") == (200, None, str(height - 1))
    on()
    sandbox.advance(100)
    assert await asked(height) == (200, None, str(height))
    assert await asked(height - 1) == (500, 2, str(height + 100))


async def test_a_node_tells_what_was_at_the_height_it_is_asked_for(client, sandbox, send, wallet):
    """Money, deposits, sequences: before, and after each of two orders."""
    first = sandbox.moment().height

    async def told(height):
        headers = {"x-cosmos-block-height": str(height)}
        bank = await client.get(f"/cosmos/bank/v1beta1/balances/{wallet.address}", headers=headers)
        account = await client.get(f"/cosmos/auth/v1beta1/accounts/{wallet.address}", headers=headers)
        assert bank.headers["grpc-metadata-x-cosmos-block-height"] == str(height)
        return bank.json()["balances"], account.json()["account"]["base_account"]["sequence"]

    then = []
    for sequence in (0, 1, 2):
        then.append(await told(first + sequence))
        await send(sequence)
        sandbox.advance()
    sandbox.advance(50)
    assert [sequence for _, sequence in then] == ["0", "1", "2"]
    assert then[0][0] != then[1][0] != then[2][0]
    assert [await told(first + blocks) for blocks in (0, 1, 2)] == then


async def test_a_transaction_is_found_whatever_height_is_asked_for(client, sandbox, send):
    tx_hash = (await send()).json()["tx_response"]["txhash"]
    height = sandbox.moment().height
    sandbox.advance()
    answer = await client.get(f"{TXS}/{tx_hash}", headers={"x-cosmos-block-height": str(height)})
    assert answer.status_code == 200


async def test_the_index_of_transactions_lags_behind_the_blocks(get, sandbox, send, on):
    tx_hash = (await send()).json()["tx_response"]["txhash"]
    sandbox.advance()
    height = sandbox.moment().height
    on("tx_index_lag=2")
    await get(f"{TXS}/{tx_hash}", 404)
    block = await get(f"/cosmos/base/tendermint/v1beta1/blocks/{height}")
    assert len(block["block"]["data"]["txs"]) == 1
    sandbox.advance(2)
    await get(f"{TXS}/{tx_hash}")


async def test_the_rpc_is_behind_the_gateway(client, get, sandbox, on):
    height = sandbox.moment().height
    on("rpc_behind=1")
    told = await get("/status")
    assert told["result"]["sync_info"]["latest_block_height"] == str(height - 1)
    assert (await client.get("/block_results", params={"height": str(height)})).status_code == 500
    await get(f"/block_results?height={height - 1}")
    latest = await get("/cosmos/base/tendermint/v1beta1/blocks/latest")
    assert latest["block"]["header"]["height"] == str(height)


async def test_the_indexer_lags_behind_the_chain(get, sandbox, send, on):
    path = "/api/exchange/spot/v2/trades"
    await send()
    sandbox.advance()
    assert len((await get(path))["trades"]) == 1
    on("indexer_lag=3")
    assert (await get(path))["trades"] == []
    sandbox.advance(3)
    assert len((await get(path))["trades"]) == 1


async def test_a_fee_that_rose_refuses_what_was_signed_for_less(get, sandbox, send, on, wallet):
    path, gas = "/injective/txfees/v1beta1/cur_eip_base_fee", 300_000
    usual = float((await get(path))["base_fee"]["base_fee"])
    on("base_fee=2@1")
    assert (await send()).json()["tx_response"]["code"] == 13
    assert float((await get(path))["base_fee"]["base_fee"]) == usual
    on("base_fee=2")
    assert (await send()).json()["tx_response"]["code"] == 13
    dear = int(float((await get(path))["base_fee"]["base_fee"]))
    assert dear == 2 * usual
    assert (await send(fee=gas * dear)).json()["tx_response"]["code"] == 0
    sandbox.advance()
    account = await get(f"/cosmos/auth/v1beta1/accounts/{wallet.address}")
    assert account["account"]["base_account"]["sequence"] == "1"


async def test_blocks_of_20_milliseconds_include_and_fill_as_the_clock_goes(wallet):
    async with (
        Sandbox(seed=11, clock=WallClock(), block_s=0.02) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url) as client,
    ):
        hashes = []
        for n in range(5):
            raw = wallet.sign(wallet.market_order(f"quick{n}"), sequence=n)
            told = await client.post(TXS, json={"tx_bytes": encoded(raw), "mode": "BROADCAST_MODE_SYNC"})
            hashes.append(told.json()["tx_response"]["txhash"])
        await asyncio.sleep(0.1)
        heights = []
        for tx_hash in hashes:
            found = (await client.get(f"{TXS}/{tx_hash}")).json()["tx_response"]
            assert found["code"] == 0
            heights.append(int(found["height"]))
        assert heights == sorted(heights)
        assert [one.cid for one in sandbox.chain.ledger.trades()] == [f"quick{n}" for n in range(5)]
        block = await client.get(f"/cosmos/base/tendermint/v1beta1/blocks/{heights[-1]}")
        made = datetime.fromisoformat(block.json()["block"]["header"]["time"])
        assert abs((datetime.now(UTC) - made).total_seconds()) < 2
