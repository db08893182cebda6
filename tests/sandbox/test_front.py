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
