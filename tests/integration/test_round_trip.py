"""Another client of the account that is in and out again between two looks, so that no quantity has moved."""

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import BASELINE, Ledger
from defi_analytics.engine.reconcile import reconcile
from tests.engine.memory_journal import MemoryJournal
from tests.venues.injective.chain.kit import an_order
from tests.venues.injective.chain.kit_world import World, opened


async def bought_or_sold(world: World, side: Side, name: str):
    ticks = await world.price(world.spot, side)
    return an_order(world.spot, OrderKind.MARKET, side=side, ticks=ticks, lots=1000, client_order_id=name)


@pytest.mark.parametrize("trips", [0, 1])
async def test_it_is_counted_before_an_order_of_ours_takes_its_blocks_for_empty(trips):
    async with opened(WallClock(), hold=True) as world:
        chain, markets = world.chain, world.markets
        ledger = Ledger.opened(MemoryJournal(), WallClock())
        execution, start = Execution(chain, ledger), await chain.portfolio(markets)
        owned = {one.asset: str(one.total) for one in start.balances.values()}
        ledger.write(BASELINE, {"height": start.height, "balances": owned})
        assert await execution.counting.explained(start, markets) == ()
        for side in (Side.BUY, Side.SELL) * trips:
            await world.done([await bought_or_sold(world, side, f"by-hand-{side.value}")])
        assert await execution.counting.explained(await chain.portfolio(markets), markets) == ()
        await execution.submit([await bought_or_sold(world, Side.BUY, "ours")])
        world.sandbox.advance()
        await execution.prove()
        found = (await reconcile(ledger, chain, markets)).differences
        # Gas that somebody else paid is told, and is no difference that stops anyone.
        assert [one for one in found if one.refuses] == []
        assert found == () or trips


async def test_it_is_counted_while_an_order_of_ours_rests() -> None:
    async with opened(WallClock(), hold=True) as world:
        chain, markets = world.chain, world.markets
        ledger = Ledger.opened(MemoryJournal(), WallClock())
        execution, start = Execution(chain, ledger), await chain.portfolio(markets)
        owned = {one.asset: str(one.total) for one in start.balances.values()}
        ledger.write(BASELINE, {"height": start.height, "balances": owned})
        assert await execution.counting.explained(start, markets) == ()
        far = int(await world.price(world.spot, Side.BUY) * 0.5)
        resting = an_order(world.spot, OrderKind.POST_ONLY, ticks=far, lots=1000, client_order_id="rests")
        await execution.submit([resting])
        world.sandbox.advance()
        await execution.prove()
        for side in (Side.BUY, Side.SELL):
            await world.done([await bought_or_sold(world, side, f"by-hand-{side.value}")])
        await execution.settle()
        assert await execution.counting.explained(await chain.portfolio(markets), markets) == ()
        assert execution.books.foreign_fills == 2
        assert [one for one in (await reconcile(ledger, chain, markets)).differences if one.refuses] == []
