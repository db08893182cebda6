"""The official SDK, unmodified, trades in the sandbox over gRPC."""

import asyncio
import importlib.util
import os
import sys
from decimal import Decimal

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.sandbox.chain.faults import parse
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS, DEV_KEY
from defi_analytics.sandbox.sandbox import Sandbox
from tests.venues.injective.chain.kit import an_order
from tests.venues.injective.chain.kit_world import trading_in

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
INJ_PERP = "0x9b9980167ecc3645ff1a5517886652d94a0825e54a77d2057cbbe3ebee015963"
USDT = "peggy0xdAC17F958D2ee523a2206206994597C13D831ec7"
SUBACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266" + "0" * 24
UNIT = Decimal("1e-18")


@pytest.fixture
async def sandbox():
    async with Sandbox(seed=3, clock=WallClock(), hold=True, grpc=True) as sandbox:
        yield sandbox


@pytest.fixture
async def network(sandbox):
    from pyinjective.core.network import Network

    address = sandbox.endpoints["grpc"]
    return Network.custom(
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


@pytest.fixture
async def sdk(network):
    from pyinjective.async_client_v2 import AsyncClient

    client = AsyncClient(network)
    yield client
    await client.close_chain_channel()
    for channel in (client.exchange_channel, client.explorer_channel, client.chain_stream_channel):
        await channel.close()


@pytest.fixture
def composer():
    from pyinjective.composer_v2 import Composer

    return Composer(network="local")


@pytest.fixture(params=["new_using_simulation", "new_using_gas_heuristics"])
def broadcaster(request, network, sdk, composer):
    from pyinjective.core.broadcaster import MsgBroadcasterWithPk

    make = getattr(MsgBroadcasterWithPk, request.param)
    return make(network=network, private_key=DEV_KEY, client=sdk, composer=composer)


@pytest.fixture
def send(broadcaster, sdk, sandbox):
    async def send(*messages):
        told = (await broadcaster.broadcast(list(messages)))["txResponse"]
        assert told["code"] == 0, told
        sandbox.advance()
        found = (await sdk.fetch_tx(told["txhash"]))["txResponse"]
        assert found["code"] == 0, found
        return found

    return send


def terms(market_id, price, quantity, cid):
    return {
        "market_id": market_id,
        "sender": DEV_ADDRESS,
        "subaccount_id": SUBACCOUNT,
        "fee_recipient": DEV_ADDRESS,
        "price": price.quantize(Decimal("0.001")),
        "quantity": Decimal(quantity),
        "cid": cid,
    }


async def test_it_takes_the_best_spot_price_and_is_paid_in_the_base(send, sdk, composer):
    top = await sdk.fetch_spot_mid_price_and_tob(market_id=INJ_USDT)
    ask = Decimal(top["bestSellPrice"]) * UNIT
    before = await sdk.fetch_bank_balance(address=DEV_ADDRESS, denom=USDT)
    order = terms(INJ_USDT, ask * Decimal("1.02"), "1.5", "take-1")
    found = await send(composer.msg_create_spot_market_order(**order, order_type="BUY"))
    assert int(found["gasUsed"]) < int(found["gasWanted"])
    after = await sdk.fetch_bank_balance(address=DEV_ADDRESS, denom=USDT)
    paid = int(before["balance"]["amount"]) - int(after["balance"]["amount"])
    assert paid == pytest.approx(float(ask * Decimal("1.5") * 10**6), rel=0.01)


@pytest.mark.parametrize("kind", ["spot", "derivative"])
async def test_it_rests_a_limit_order_finds_it_and_cancels_it(send, sdk, composer, kind):
    market_id = {"spot": INJ_USDT, "derivative": INJ_PERP}[kind]
    order = terms(market_id, Decimal(9), "2", "rest-1") | (
        {"margin": Decimal(18)} if kind == "derivative" else {}
    )
    create = getattr(composer, f"msg_create_{kind}_limit_order")
    cancel = getattr(composer, f"msg_cancel_{kind}_order")
    await send(create(**order, order_type="BUY_PO"))
    fetch = getattr(sdk, f"fetch_chain_trader_{kind}_orders")
    (resting,) = (await fetch(subaccount_id=SUBACCOUNT, market_id=market_id))["orders"]
    assert (Decimal(resting["price"]) * UNIT, resting["cid"], resting["isBuy"]) == (9, "rest-1", True)
    more = {"is_buy": True, "is_market_order": False, "is_conditional": False} if kind == "derivative" else {}
    await send(
        cancel(market_id=market_id, sender=DEV_ADDRESS, subaccount_id=SUBACCOUNT, cid="rest-1", **more)
    )
    assert (await fetch(subaccount_id=SUBACCOUNT, market_id=market_id))["orders"] == []


async def test_it_opens_a_position_and_hears_of_it_in_the_stream(send, sdk, composer, sandbox):
    heard = asyncio.Queue()
    wanted = {"subaccount_ids": ["*"], "market_ids": ["*"]}
    listening = asyncio.create_task(
        sdk.listen_chain_stream_updates(
            callback=heard.put,
            derivative_trades_filter=composer.chain_stream_trades_filter(**wanted),
            derivative_orders_filter=composer.chain_stream_orders_filter(**wanted),
            positions_filter=composer.chain_stream_positions_filter(**wanted),
            bank_balances_filter=composer.chain_stream_bank_balances_filter(accounts=[DEV_ADDRESS]),
            derivative_orderbooks_filter=composer.chain_stream_orderbooks_filter(market_ids=[INJ_PERP]),
        )
    )
    await asyncio.sleep(0.3)
    top = await sdk.fetch_derivative_mid_price_and_tob(market_id=INJ_PERP)
    price = Decimal(top["bestSellPrice"]) * UNIT * Decimal("1.02")
    order = terms(INJ_PERP, price, "3", "open-1") | {"margin": Decimal(60)}
    found = await send(composer.msg_create_derivative_market_order(**order, order_type="BUY"))
    message = await asyncio.wait_for(heard.get(), 5)
    listening.cancel()
    assert message["blockHeight"] == found["height"]
    (trade,) = message["derivativeTrades"]
    assert (trade["cid"], trade["isBuy"], trade["executionType"]) == ("open-1", True, "Market")
    (update,) = message["derivativeOrders"]
    assert (update["cid"], update["status"], update["order"]["isMarket"]) == ("open-1", "Matched", True)
    (position,) = message["positions"]
    assert (position["isLong"], Decimal(position["quantity"]) * UNIT) == (True, 3)
    (balance,) = message["bankBalances"]
    assert {coin["denom"] for coin in balance["balances"]} == {"inj", USDT}
    (book,) = message["derivativeOrderbookUpdates"]
    assert (book["seq"], book["orderbook"]["marketId"]) == (found["height"], INJ_PERP)
    (held,) = (await sdk.fetch_chain_subaccount_positions(subaccount_id=SUBACCOUNT))["state"]
    assert held["position"]["quantity"] == position["quantity"]


async def test_it_finds_and_cancels_what_was_placed_without_it(sandbox, sdk, broadcaster, composer):
    async with trading_in(sandbox) as world:
        below = {market.key: await world.price(market, Side.BUY, "-0.05") for market in world.markets}
        spot, perp = (
            an_order(market, OrderKind.POST_ONLY, ticks=below[market.key], lots=2000, client_order_id=name)
            for market, name in zip(world.markets, ("seen-spot", "seen-perp"), strict=True)
        )
        bought = an_order(
            world.perp, OrderKind.MARKET, ticks=await world.price(world.perp, Side.BUY), lots=1500,
            client_order_id="seen-fill",
        )  # fmt: skip
        own = await world.done([spot, perp, bought])
        placed = (await sdk.fetch_tx(own.tx_hash))["txResponse"]
        assert (placed["height"], placed["code"]) == (str(own.height), 0)
        hashes = {one.client_order_id: one.order_hash for one in own.orders}
        for market, kind, order in ((world.spot, "spot", spot), (world.perp, "derivative", perp)):
            fetch = getattr(sdk, f"fetch_chain_trader_{kind}_orders")
            (seen,) = (await fetch(subaccount_id=SUBACCOUNT, market_id=market.market_id))["orders"]
            assert (seen["cid"], seen["orderHash"]) == (f"seen-{market.kind.value[:4]}", hashes[seen["cid"]])
            assert Decimal(seen["price"]) * UNIT == order.request.price
            assert Decimal(seen["fillable"]) * UNIT == order.request.quantity
        (held,) = (await sdk.fetch_chain_subaccount_positions(subaccount_id=SUBACCOUNT))["state"]
        assert Decimal(held["position"]["quantity"]) * UNIT == bought.request.quantity
        told = (await world.chain.portfolio(world.markets)).positions[world.perp.key]
        assert Decimal(held["position"]["entryPrice"]) * UNIT == told.entry_price
        cancel = composer.msg_cancel_spot_order(
            market_id=INJ_USDT, sender=DEV_ADDRESS, subaccount_id=SUBACCOUNT, cid="seen-spot"
        )
        await broadcaster.broadcast([cancel])
        sandbox.advance()
        left = (await world.chain.portfolio(world.markets)).open_orders
        assert [order.client_order_id for order in left] == ["seen-perp"]


async def test_it_is_told_what_the_exchange_refuses(network, sdk, composer, sandbox):
    from pyinjective.core.broadcaster import MsgBroadcasterWithPk

    order = terms(INJ_USDT, Decimal(1), "1", "low-1")
    message = composer.msg_create_spot_market_order(**order, order_type="BUY")
    simulating = MsgBroadcasterWithPk.new_using_simulation(network, DEV_KEY, client=sdk, composer=composer)
    with pytest.raises(RuntimeError, match="satisfy current worst price"):
        await simulating.broadcast([message])
    blind = MsgBroadcasterWithPk.new_using_gas_heuristics(network, DEV_KEY, client=sdk, composer=composer)
    sdk.sequence = 0
    told = (await blind.broadcast([message]))["txResponse"]
    assert told["code"] == 0
    sandbox.advance()
    found = (await sdk.fetch_tx(told["txhash"]))["txResponse"]
    assert (found["code"], found["codespace"]) == (25, "exchange")


async def test_a_broadcast_that_is_reset_or_refused_is_unavailable(network, sdk, composer, sandbox):
    import grpc
    from pyinjective.core.broadcaster import MsgBroadcasterWithPk

    broadcaster = MsgBroadcasterWithPk.new_using_gas_heuristics(
        network, DEV_KEY, client=sdk, composer=composer
    )
    for fault, arrived in (("drop_before", 0), ("error_before", 0), ("drop_after", 1)):
        sandbox.chain.set_faults([parse(fault)], 0)
        sdk.number = 0
        message = composer.msg_create_spot_market_order(
            **terms(INJ_USDT, Decimal(1000), "1", fault), order_type="BUY"
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await broadcaster.broadcast([message])
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert len(sandbox.chain.mempool) == arrived


async def test_a_broadcast_that_hangs_ends_with_the_clients_patience(sandbox, network):
    import grpc
    from pyinjective.proto.cosmos.tx.v1beta1 import service_pb2, service_pb2_grpc

    sandbox.chain.set_faults([parse("hang_after")], 0)
    async with grpc.aio.insecure_channel(network.grpc_endpoint) as channel:
        request = service_pb2.BroadcastTxRequest(tx_bytes=b"x", mode=2)
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await service_pb2_grpc.ServiceStub(channel).BroadcastTx(request, timeout=0.2)
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_query_that_is_not_served_is_unimplemented(sdk):
    import grpc

    for asked in (sdk.fetch_exchange_balances, sdk.fetch_aggregate_volumes, sdk.fetch_fee_discount_schedule):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await asked()
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
