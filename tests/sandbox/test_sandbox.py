import time
from datetime import UTC, datetime

import httpx
import pytest

from defi_analytics.sandbox.listings import SPOT
from defi_analytics.sandbox.sandbox import Sandbox
from tests.fakes import NOON, FakeClock

BOOK = f"/injective/exchange/v2/spot/orderbook/{SPOT[0].market_id}"
PATHS = (
    "/injective/exchange/v2/spot/full_markets?with_mid_price_and_tob=true",
    "/injective/exchange/v2/derivative/markets?with_mid_price_and_tob=true",
    "/injective/oracle/v1beta1/pyth_price_states",
    "/cosmos/base/tendermint/v1beta1/blocks/latest",
    BOOK,
    "/binance/api/v3/depth?symbol=INJUSDT",
    "/binance/api/v3/klines?symbol=INJUSDT&interval=1m&limit=20",
    "/allora/emissions/v10/latest_network_inferences/14",
    "/api/exchange/derivative/v1/fundingRates?marketId=0x9b9980167ecc3645ff1a5517886652d94a0825e54a77d2057cbbe3ebee015963",
    "/sandbox/truth?min_edge=0",
)


async def everything(seed, block=0, start=NOON):
    clock = FakeClock(start)
    async with (
        Sandbox(seed=seed, clock=clock, hold=True, start_block=block) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url) as client,
    ):
        found = [(await client.get(path)).content for path in PATHS]
        found.append((await client.post("/hyperliquid/info", json={"type": "metaAndAssetCtxs"})).content)
        return found


async def test_the_same_seed_and_block_give_identical_bytes_after_a_restart():
    assert await everything(7, 12) == await everything(7, 12)


async def test_the_time_of_day_changes_no_price():
    later = datetime(2027, 7, 7, 7, 7, 7, tzinfo=UTC)
    here, there = await everything(7, 12), await everything(7, 12, later)
    for path, one, other in zip(PATHS, here, there, strict=False):
        same = one == other
        assert same == (path in (PATHS[0], BOOK, PATHS[5], PATHS[7], PATHS[9])), path


async def test_another_seed_or_block_gives_other_bytes():
    base = await everything(7, 12)
    for other in (await everything(8, 12), await everything(7, 13)):
        assert all(
            one != two for one, two, path in zip(base, other, PATHS, strict=False) if path in (BOOK, PATHS[5])
        )


async def test_a_held_sandbox_keeps_its_prices_fresh_until_it_is_advanced(client, get, clock, sandbox):
    book, status = await get(BOOK), await get("/sandbox/status")
    clock.advance(3_600)
    assert await get(BOOK) == book
    assert (await get("/sandbox/status"))["time"] > status["time"]
    advanced = (await client.post("/sandbox/advance?blocks=4")).json()
    assert advanced["block"] == status["block"] + 4 == sandbox.moment().block
    assert await get(BOOK) != book


async def test_every_service_has_its_own_base_url(sandbox):
    assert set(sandbox.endpoints) == {"lcd", "tm", "indexer", "chart", "hyperliquid", "binance", "allora"}
    assert all(url.startswith(sandbox.url) for url in sandbox.endpoints.values())


async def test_a_failing_start_leaves_nothing_running(monkeypatch):
    def broken(name):
        raise ImportError(name)

    monkeypatch.setattr("defi_analytics.sandbox.sandbox.importlib.import_module", broken)
    sandbox = Sandbox(seed=1, clock=FakeClock(), grpc=True)
    with pytest.raises(ImportError):
        async with sandbox:
            pass
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(sandbox.url)


async def test_it_counts_what_it_was_asked_and_waits_as_told():
    clock = FakeClock()
    async with Sandbox(seed=1, clock=clock, latency_s=0.05) as sandbox, httpx.AsyncClient() as client:
        await client.get(sandbox.url + BOOK)
    assert sandbox.server.requests == {BOOK: 1}
    assert clock.slept == [0.05]


async def test_it_serves_its_first_request_within_150_milliseconds():
    async with httpx.AsyncClient() as client:
        took = []
        for seed in range(5):
            start = time.perf_counter()
            async with Sandbox(seed=seed, clock=FakeClock()) as sandbox:
                assert (await client.get(sandbox.url + PATHS[0])).status_code == 200
            took.append(time.perf_counter() - start)
    assert min(took) < 0.15
