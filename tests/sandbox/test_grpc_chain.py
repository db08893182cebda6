import importlib.util
import os
import sys
from decimal import Decimal

import httpx
import pytest

from defi_analytics.clock import WallClock
from defi_analytics.sandbox.sandbox import Sandbox

pytestmark = [
    # The SDK and its dependencies warn at import.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        importlib.util.find_spec("pyinjective") is None
        and (os.environ.get("CI") != "true" or sys.version_info >= (3, 13)),
        reason="the official SDK is not installed: pip install defi-analytics[injective]",
    ),
]

INJ_USDT = "0xa508cb32923323679f29a032c70342c147c17d0145625922b0ef22e955c844c0"
BTC_PERP = "0x4ca0f92fc28be0c9761326016b5a1a2177dd6375558365116b5bdda9abc229ce"
UNIT = Decimal("1e-18")


@pytest.fixture
async def sandbox():
    async with Sandbox(seed=3, clock=WallClock(), hold=True, grpc=True) as sandbox:
        yield sandbox


@pytest.fixture
async def sdk(sandbox):
    from pyinjective.async_client_v2 import AsyncClient
    from pyinjective.core.network import Network

    address = sandbox.endpoints["grpc"]
    network = Network.custom(
        lcd_endpoint=sandbox.url,
        tm_websocket_endpoint="",
        grpc_endpoint=address,
        grpc_exchange_endpoint=address,
        grpc_explorer_endpoint=address,
        chain_stream_endpoint=address,
        chain_id="injective-777",
        env="local",
        official_tokens_list_url=f"{sandbox.url}/sandbox/tokens.json",
    )
    client = AsyncClient(network)
    yield client
    await client.close_chain_channel()
    for channel in (client.exchange_channel, client.explorer_channel, client.chain_stream_channel):
        await channel.close()


def scaled(text):
    return Decimal(text) * UNIT


async def rest(sandbox, path):
    async with httpx.AsyncClient() as client:
        return (await client.get(sandbox.url + path)).json()


async def test_the_official_sdk_lists_the_spot_markets(sandbox, sdk):
    markets = await sdk.all_spot_markets()
    market = markets[INJ_USDT]
    assert (market.ticker, market.base_token.denom, market.base_token.decimals) == ("INJ/USDT", "inj", 18)
    assert market.quote_token.symbol == "USDT"
    assert market.min_price_tick_size == Decimal("0.001")
    assert market.taker_fee_rate == Decimal("0.0005")
    listed = await rest(sandbox, "/injective/exchange/v2/spot/markets")
    assert set(markets) == {one["market_id"] for one in listed["markets"]}


async def test_the_official_sdk_lists_the_perpetual_markets(sdk):
    markets = await sdk.all_derivative_markets()
    assert markets[BTC_PERP].ticker == "BTC/USDT PERP"
    assert markets[BTC_PERP].min_quantity_tick_size == Decimal("0.0001")
    full = await sdk.fetch_chain_derivative_market(market_id=BTC_PERP)
    assert Decimal(full["market"]["midPriceAndTob"]["midPrice"]) > 0
    assert scaled(full["market"]["markPrice"]) > 1000


@pytest.mark.parametrize(("kind", "market_id"), [("spot", INJ_USDT), ("derivative", BTC_PERP)])
async def test_the_official_sdk_reads_the_book_that_the_rest_api_serves(sandbox, sdk, kind, market_id):
    from pyinjective.client.model.pagination import PaginationOption

    fetch = {"spot": sdk.fetch_chain_spot_orderbook, "derivative": sdk.fetch_chain_derivative_orderbook}[kind]
    book = await fetch(market_id=market_id, pagination=PaginationOption(limit=25))
    served = await rest(sandbox, f"/injective/exchange/v2/{kind}/orderbook/{market_id}?limit=25")
    for theirs, ours in (("buysPriceLevel", "buys_price_level"), ("sellsPriceLevel", "sells_price_level")):
        assert len(book[theirs]) == 25
        read = [(scaled(level["p"]), scaled(level["q"])) for level in book[theirs]]
        assert read == [(Decimal(level["p"]), Decimal(level["q"])) for level in served[ours]]
    assert book["seq"] == served["seq"]


async def test_the_official_sdk_reads_tops_of_book_by_market_ids(sandbox, sdk):
    found = await sdk.fetch_chain_full_spot_markets(
        status="Active", market_ids=[INJ_USDT], with_mid_price_and_tob=True
    )
    (only,) = found["markets"]
    top = await rest(sandbox, f"/injective/exchange/v2/spot/mid_price_and_tob/{INJ_USDT}")
    assert scaled(only["midPriceAndTob"]["midPrice"]) == Decimal(top["mid_price"])


async def test_the_official_sdk_reads_the_chain_itself(sandbox, sdk):
    block = await sdk.fetch_latest_block()
    assert block["block"]["header"]["height"] == str(sandbox.moment().height)
    assert block["block"]["header"]["chainId"] == "injective-777"
    await sdk.sync_timeout_height()
    assert sdk.timeout_height > sandbox.moment().height
    assert (await sdk.fetch_node_info())["defaultNodeInfo"]["network"] == "injective-777"


async def test_an_unknown_market_is_the_grpc_error_that_means_not_found(sdk):
    import grpc

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await sdk.fetch_chain_spot_market(market_id="0x1")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
