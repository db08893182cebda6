"""What an account holds, asked of a chain that answers over real sockets."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.ports import HttpClient
from tests.venues.injective.chain.kit import an_order
from tests.venues.injective.chain.kit_world import World, opened


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened(WallClock(), hold=True) as world:
        yield world


class Counting:
    def __init__(self, http: HttpClient) -> None:
        self.http, self.asked = http, []

    async def get(self, source, url, params=None, headers=None):
        self.asked.append(url)
        return await self.http.get(source, url, params, headers)


async def test_all_markets_cost_no_more_requests_than_those_where_something_waits(world: World):
    listed = list((await world.data.listing()).markets.values())
    http = Counting(world.chain.http)
    chain = replace(world.chain, http=http)
    assert len(listed) > 10
    await chain.portfolio(listed)
    # The block, the bank, deposits, positions and counts of orders: nothing waits anywhere.
    assert len(http.asked) == 5
    await leave_something_everywhere(world)
    http.asked.clear()
    whole = await chain.portfolio(listed)
    assert len(http.asked) == 5 + 1 + 2 + sum(
        {m.base_denom, m.quote_denom} & {world.spot.quote_denom} != set() and m.kind.value == "spot"
        for m in listed
    )
    some = await world.chain.portfolio(world.markets)
    assert (whole.open_orders, whole.positions) == (some.open_orders, some.positions)
    assert [order.client_order_id for order in whole.open_orders] == ["rests", "rests-too", "stop"]
    assert whole.positions.keys() == {world.perp.key}


async def leave_something_everywhere(world: World) -> None:
    entry = await world.price(world.perp, Side.BUY)
    low = await world.price(world.perp, Side.BUY, "-0.05")
    stop = an_order(
        world.perp, OrderKind.STOP, side=Side.SELL, ticks=int(entry * 0.8), trigger_ticks=int(entry * 0.9),
        lots=1000, reduce_only=True, client_order_id="stop",
    )  # fmt: skip
    for order in (
        an_order(world.perp, OrderKind.MARKET, ticks=entry, lots=1000, leverage=Decimal(2)),
        replace_id(await world.resting_order(), "rests"),
        an_order(world.perp, OrderKind.POST_ONLY, ticks=low, lots=1000, client_order_id="rests-too"),
        stop,
    ):
        await world.done([order])


def replace_id(order, client_order_id):
    return replace(order, request=replace(order.request, client_order_id=client_order_id))
