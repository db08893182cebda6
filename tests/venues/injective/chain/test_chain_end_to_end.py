"""From an approved order to its fill, against a chain that answers over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import Cancel
from defi_analytics.domain.transaction import Sent
from defi_analytics.errors import AuthError, DataError, OrderRejected
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.venues.injective.chain.chain import InjectiveChain
from defi_analytics.venues.injective.chain.grants import trading_grant, unsigned_grant, unsigned_revoke
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from defi_analytics.venues.injective.chain.trader import Trader
from defi_analytics.venues.injective.networks import custom
from tests.fakes import FakeClock
from tests.venues.injective.chain.kit import ADDRESS, OTHER, OTHER_KEY, SUBACCOUNT, KeySigner, an_order
from tests.venues.injective.chain.kit_world import World, opened


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened(WallClock(), hold=True) as world:
        yield world


def test_the_sandboxs_account_is_the_key_that_everybody_knows():
    assert DEV_ADDRESS == ADDRESS


async def test_a_market_order_is_filled_and_paid_for(world: World):
    before = await world.chain.portfolio(world.markets)
    ticks = await world.price(world.spot, Side.BUY)
    order = an_order(world.spot, OrderKind.MARKET, ticks=ticks, lots=1500, client_order_id="take")
    result = await world.done([order])
    (fill,) = await world.filled(before.height)
    after = await world.chain.portfolio(world.markets)
    assert [one.client_order_id for one in result.orders] == ["take"]
    assert result.orders[0].order_hash == fill.order_hash
    assert (fill.side, fill.quantity, fill.client_order_id, fill.maker) == (
        Side.BUY,
        order.request.quantity,
        "take",
        False,
    )
    assert fill.height == result.height
    quote = world.spot.quote_denom
    paid = before.balances[quote].total - after.balances[quote].total
    # Our own fee recipient gets its share back.
    assert paid <= fill.price * fill.quantity + fill.fee
    assert paid == pytest.approx(fill.price * fill.quantity, rel=Decimal("0.001"))


@pytest.mark.parametrize("name", ["spot", "perp"])
async def test_an_order_rests_is_found_expires_by_a_block_and_can_be_cancelled(world: World, name: str):
    market: Market = getattr(world, name)
    ticks = await world.price(market, Side.BUY, "-0.05")
    order = an_order(market, OrderKind.POST_ONLY, ticks=ticks, lots=1000, leverage=Decimal(2))
    result = await world.done([order])
    (resting,) = (await world.chain.portfolio(world.markets)).open_orders
    assert (resting.client_order_id, resting.price, resting.remaining) == (
        "defi-1",
        order.request.price,
        order.request.quantity,
    )
    assert resting.order_hash == result.orders[0].order_hash
    await world.done([], [Cancel(market.key, market, client_order_id="defi-1")])
    assert not (await world.chain.portfolio(world.markets)).open_orders


async def test_what_a_dead_agent_leaves_on_the_book_is_gone_after_its_last_block(world: World):
    order = an_order(
        world.spot, ticks=await world.price(world.spot, Side.BUY, "-0.05"), expires_after_blocks=5
    )
    made = await world.chain.sign([order])
    await world.chain.broadcast(made)
    world.sandbox.advance()
    assert len((await world.chain.portfolio(world.markets)).open_orders) == 1
    world.sandbox.advance(6)
    portfolio = await world.chain.portfolio(world.markets)
    assert portfolio.height > made.expiry_height
    assert not portfolio.open_orders


async def test_but_for_the_stop_of_an_open_position_which_goes_with_it(world: World):
    ticks = await world.price(world.perp, Side.BUY)
    low = await world.price(world.perp, Side.BUY, "-0.05")
    stop = an_order(
        world.perp, OrderKind.STOP, side=Side.SELL, ticks=int(ticks * 0.8), trigger_ticks=int(ticks * 0.9),
        lots=2000, reduce_only=True, client_order_id="stop",
    )  # fmt: skip
    bid = an_order(world.perp, ticks=low, lots=1000, client_order_id="bid", expires_after_blocks=5)
    for order in (an_order(world.perp, OrderKind.MARKET, ticks=ticks, lots=2000), stop, bid):
        await world.done([order])
    world.sandbox.advance(50)
    left = await world.chain.portfolio(world.markets)
    assert [order.client_order_id for order in left.open_orders] == ["stop"]
    assert left.positions
    out = await world.price(world.perp, Side.SELL)
    await world.done(
        [an_order(world.perp, OrderKind.MARKET, side=Side.SELL, ticks=out, lots=2000, reduce_only=True)]
    )
    portfolio = await world.chain.portfolio(world.markets)
    assert (portfolio.positions, portfolio.open_orders) == ({}, ())


async def test_a_leveraged_position_a_stop_and_the_way_out(world: World):
    since = (await world.chain.block()).height
    ticks = await world.price(world.perp, Side.BUY)
    await world.done(
        [
            an_order(
                world.perp,
                OrderKind.MARKET,
                ticks=ticks,
                lots=2000,
                leverage=Decimal(3),
                client_order_id="in",
            )
        ]
    )
    portfolio = await world.chain.portfolio(world.markets)
    (position,) = portfolio.positions.values()
    assert position.quantity == world.perp.quantity(2000)
    assert position.liquidation_price is not None
    assert Decimal("0.6") < position.liquidation_price / position.entry_price < Decimal("0.8")
    low = int(ticks * Decimal("0.8"))
    stop = an_order(
        world.perp,
        OrderKind.STOP,
        side=Side.SELL,
        ticks=low,
        trigger_ticks=int(ticks * Decimal("0.9")),
        lots=2000,
        reduce_only=True,
        client_order_id="stop",
    )
    await world.done([stop])
    (waiting,) = (await world.chain.portfolio(world.markets)).open_orders
    assert (waiting.kind, waiting.client_order_id, waiting.reduce_only) == (OrderKind.STOP, "stop", True)
    out = await world.price(world.perp, Side.SELL)
    closing = an_order(
        world.perp,
        OrderKind.MARKET,
        side=Side.SELL,
        ticks=out,
        lots=2000,
        reduce_only=True,
        client_order_id="out",
    )
    await world.done([closing], [Cancel(world.perp.key, world.perp, client_order_id="stop")])
    portfolio = await world.chain.portfolio(world.markets)
    assert (portfolio.positions, portfolio.open_orders) == ({}, ())
    assert [one.client_order_id for one in await world.filled(since)] == ["in", "out"]


async def test_node_and_indexer_tell_the_same_fills():
    clock = FakeClock()
    async with opened(clock, hold=False) as world:

        def advance() -> None:
            clock.advance(world.sandbox.moment().block_s)

        since = 0
        for number, market in enumerate([world.spot, world.perp] * 3):
            side = (Side.BUY, Side.SELL)[number // 2 % 2]
            kind = (OrderKind.MARKET, OrderKind.LIMIT)[number % 2]
            ticks = await world.price(market, side)
            order = an_order(market, kind, side=side, ticks=ticks, lots=1000, client_order_id=f"o{number}")
            result = await world.done([order], advance=advance)
            # What the indexer has from before is what shows that it goes back so far.
            since = since if number > 1 else result.height + 1
        near = await world.filled(since)
        assert sorted(one.client_order_id for one in near) == ["o2", "o3", "o4", "o5"]
        # Of all but the last two blocks, the indexer shows that it is not behind.
        far = await world.filled(since, node_blocks=2)
        assert far[-1] == near[-1]
        assert [replace(one, funding_index=None) for one in far] == [
            replace(one, funding_index=None) for one in near
        ]
        # Only the chain's own events tell by which index a perpetual's funding was settled.
        for told, indexes in ((near, [Decimal(0), Decimal(0)]), (far, [None, Decimal(0)])):
            assert [one.funding_index for one in told if one.key == world.perp.key] == indexes


async def test_legs_that_belong_together_are_placed_in_one_block_or_not_at_all(world: World):
    legs = [
        an_order(
            world.spot,
            OrderKind.MARKET,
            ticks=await world.price(world.spot, Side.BUY),
            lots=1000,
            group="g",
            client_order_id="a",
        ),
        an_order(
            world.perp,
            OrderKind.MARKET,
            side=Side.SELL,
            ticks=await world.price(world.perp, Side.SELL),
            lots=1000,
            group="g",
            client_order_id="b",
        ),
    ]
    since = (await world.chain.block()).height
    result = await world.done(legs)
    assert [one.client_order_id for one in result.orders] == ["a", "b"]
    assert {one.height for one in await world.filled(since)} == {result.height}
    hopeless = replace(
        legs[1], request=replace(legs[1].request, ticks=legs[1].request.ticks * 2, client_order_id="c")
    )
    with pytest.raises(OrderRejected) as caught:
        await world.chain.sign(
            [replace(legs[0], request=replace(legs[0].request, client_order_id="d")), hopeless]
        )
    assert caught.value.codespace == "exchange"


async def test_the_simulation_says_no_before_anything_is_sent(world: World):
    ticks = await world.price(world.spot, Side.BUY)
    for order, code in (
        (an_order(world.spot, OrderKind.POST_ONLY, ticks=ticks, lots=1000), 59),
        (an_order(world.spot, OrderKind.LIMIT, ticks=ticks, lots=10**12), None),
        (
            an_order(
                world.perp,
                OrderKind.MARKET,
                side=Side.SELL,
                ticks=await world.price(world.perp, Side.SELL),
                reduce_only=True,
            ),
            None,
        ),
    ):
        with pytest.raises(OrderRejected) as caught:
            await world.chain.sign([order])
        assert caught.value.order_code == code if code else caught.value.order_code > 0, caught.value


async def test_two_transactions_in_a_block_need_the_second_sequence_told(world: World):
    ticks = await world.price(world.spot, Side.BUY, "-0.05")
    first = await world.chain.sign([an_order(world.spot, ticks=ticks, lots=1000, client_order_id="1")])
    assert (await world.chain.broadcast(first)).outcome is Sent.ACCEPTED
    with pytest.raises(OrderRejected) as caught:
        await world.chain.sign([an_order(world.spot, ticks=ticks, lots=1000, client_order_id="2")])
    assert (caught.value.order_code, caught.value.codespace) == (32, "sdk")
    second = await world.chain.sign(
        [an_order(world.spot, ticks=ticks, lots=1000, client_order_id="2")], sequence=first.sequence + 1
    )
    assert (await world.chain.broadcast(second)).outcome is Sent.ACCEPTED
    world.sandbox.advance()
    assert len((await world.chain.portfolio(world.markets)).open_orders) == 2


async def test_a_transaction_that_missed_its_blocks_is_proven_absent(world: World):
    chain = replace(world.chain, policy=ChainPolicy(timeout_blocks=2))
    made = await chain.sign([an_order(world.spot, ticks=await world.price(world.spot, Side.BUY, "-0.05"))])
    world.sandbox.advance(4)
    told = await chain.broadcast(made)
    assert (told.outcome, told.code, told.codespace) == (Sent.REJECTED, 30, "sdk")
    block = await chain.block()
    assert block.height > made.timeout_height
    assert await chain.find(made.tx_hash) is None


async def test_sent_twice_it_happens_once(world: World):
    made = await world.chain.sign(
        [an_order(world.spot, ticks=await world.price(world.spot, Side.BUY, "-0.05"))]
    )
    outcomes = [await world.chain.broadcast(made) for _ in range(2)]
    assert [one.outcome for one in outcomes] == [Sent.ACCEPTED, Sent.ACCEPTED]
    world.sandbox.advance()
    assert (await world.chain.broadcast(made)).outcome is not Sent.UNKNOWN
    world.sandbox.advance()
    assert len((await world.chain.portfolio(world.markets)).open_orders) == 1


async def test_a_granted_key_trades_for_the_account_only_where_it_may(world: World):
    http, network, assets = world.chain.http, world.chain.network, world.chain.assets
    world.sandbox._chain.fund(OTHER, "inj", 10**18)
    key = InjectiveChain(http, WallClock(), network, assets, KeySigner(OTHER_KEY), granter=ADDRESS)
    assert await key.shortcomings([world.spot]) == ("the account grants this key no trading, or no longer",)
    order = an_order(world.spot, OrderKind.MARKET, ticks=await world.price(world.spot, Side.BUY), lots=1000)
    with pytest.raises(OrderRejected):
        await key.sign([order])
    until = WallClock().now() + timedelta(days=1)
    delegated = Trader(OTHER, ADDRESS, SUBACCOUNT)
    granted = trading_grant(delegated, [world.spot], until)
    await world.sent_by_hand(unsigned_grant(delegated, granted, 0, 0))
    assert await key.shortcomings([world.spot]) == ()
    assert len(await key.shortcomings(world.markets)) == 1
    since = (await key.block()).height
    await world._replace(chain=key).done([order])
    assert [one.client_order_id for one in await world.filled(since)] == ["defi-1"]
    assert await key.gas_balance() < 1
    with pytest.raises(OrderRejected):
        await key.sign(
            [an_order(world.perp, OrderKind.LIMIT, ticks=await world.price(world.perp, Side.BUY), lots=1000)]
        )
    await world.sent_by_hand(unsigned_revoke(delegated, 0, 0))
    assert await key.shortcomings([world.spot])


async def test_the_wrong_network_is_refused_by_the_chain_itself(world: World):
    wrong = replace(world.chain, network=custom("mainnet", "injective-1", world.sandbox.url))
    with pytest.raises(AuthError, match="injective-777, not of injective-1"):
        await wrong.block()
    with pytest.raises(AuthError):
        await wrong.fills(world.markets, 1, 2)


async def test_blocks_that_are_still_to_come_are_an_error(world: World):
    height = (await world.chain.block()).height
    with pytest.raises(DataError):
        await world.chain.fills(world.markets, height, height + 5)


async def test_reads_can_run_side_by_side(world: World):
    height = (await world.chain.block()).height
    await asyncio.gather(
        world.chain.portfolio(world.markets),
        world.chain.fills(world.markets, height, height),
        world.chain.grants(),
    )


@pytest.mark.parametrize("fault", ["drop_after", "hang_after", "error_after"])
async def test_what_arrived_without_an_answer_is_unknown_until_it_is_found(world: World, fault: str):
    made = await world.chain.sign([await world.resting_order()])
    world.suffer(fault)
    assert (await world.chain.broadcast(made)).outcome is Sent.UNKNOWN
    world.suffer()
    assert await world.chain.find(made.tx_hash) is None
    world.sandbox.advance()
    found = await world.chain.find(made.tx_hash)
    assert found is not None
    assert found.code == 0


@pytest.mark.parametrize("fault", ["drop_before", "error_before"])
async def test_what_did_not_arrive_is_unknown_until_its_last_block_has_passed(world: World, fault: str):
    chain = replace(world.chain, policy=ChainPolicy(timeout_blocks=3))
    made = await chain.sign([await world.resting_order()])
    world.suffer(fault)
    assert (await chain.broadcast(made)).outcome is Sent.UNKNOWN
    world.suffer()
    world.sandbox.advance(4)
    assert (await chain.block()).height > made.timeout_height
    assert await chain.find(made.tx_hash) is None
    assert not (await chain.portfolio(world.markets)).open_orders


async def test_a_node_that_is_a_block_behind_moves_no_height_back_and_has_no_say(world: World):
    height = (await world.chain.block()).height
    order = await world.resting_order()
    world.suffer("stale_node")
    assert (await world.chain.block()).height == height
    for asking in (
        world.chain.sign([order]),
        world.chain.find("AB" * 32),
        world.chain.portfolio(world.markets),
        world.chain.fills(world.markets, height, height),
    ):
        with pytest.raises(DataError):
            await asking
    world.suffer()
    assert (await world.chain.sign([order])).timeout_height == height + 30
    assert await world.chain.find("AB" * 32) is None


async def test_a_foreign_transaction_of_the_same_key_is_a_refusal_with_its_code(world: World):
    made = await world.chain.sign([await world.resting_order()])
    world.suffer("foreign_tx")
    told = await world.chain.broadcast(made)
    assert (told.outcome, told.code, told.codespace) == (Sent.REJECTED, 32, "sdk")
