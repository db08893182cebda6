from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.market import MarketStatus
from defi_analytics.domain.portfolio import Portfolio, Position
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.policy import OnExit
from defi_analytics.errors import OutcomeUnknown, Unavailable
from tests.engine.memory_journal import MemoryJournal
from tests.engine.shared_account import moved_by, shared
from tests.engine.trading import HOME, PERP, Failing, World, an_agent, quantity


async def entered(world: World, **more: Any) -> Agent:
    """It holds a perpetual, and a stop that guards it."""
    return await holding(an_agent(world, on_exit=OnExit.FLATTEN, **more))


async def holding(agent: Agent) -> Agent:
    chain: Any = agent.execution.chain
    world = chain.venue
    world.show(25.0, away=25.3)
    await agent.cycle()
    await agent.cycle()
    assert quantity(agent, world.home.key) > 0
    return agent


@pytest.mark.parametrize("read", ["portfolio", "block", "find"])
async def test_a_node_that_does_not_answer_at_first_does_not_keep_a_position_open(read: str) -> None:
    agent = await entered(World(PERP))
    down = [Unavailable("injective", "down")] * 3
    agent.execution.chain = Failing(agent.execution.chain, read, *down)
    await agent.flatten()
    assert quantity(agent, PERP.key) == 0


async def test_where_nothing_can_be_closed_what_is_not_needed_is_cancelled_all_the_same() -> None:
    world = World(PERP)
    agent = await entered(world)
    await agent.flatten()
    assert [o.request.strategy for o in agent.ledger.books.live] == ["stop"]
    world.failure = Unavailable("injective", "down")
    with pytest.raises(OutcomeUnknown, match="what is held could not be closed: injective: down"):
        await agent.finish()
    assert not agent.ledger.books.live


async def test_why_it_could_not_be_closed_is_told_with_the_way_out_of_it() -> None:
    world = World(PERP)
    agent = await entered(world)
    world.failure = Unavailable("injective", "pruned", hint="use a node that keeps it")
    with pytest.raises(OutcomeUnknown) as told:
        await agent.flatten()
    assert told.value.hint == "use a node that keeps it"
    world.failure = Unavailable("injective", "down")
    with pytest.raises(OutcomeUnknown) as told:
        await agent.flatten()
    assert told.value.hint == "see: defi positions; try again: defi risk flatten"


async def test_what_the_gate_did_not_let_out_is_told_with_its_code() -> None:
    world = World(PERP)
    agent = await entered(world)
    world.home = replace(PERP, status=MarketStatus.PAUSED)
    with pytest.raises(
        OutcomeUnknown, match=r"1 positions could not be closed: INJ/USDT \(MARKET_STATE\)$"
    ) as told:
        await agent.flatten()
    assert told.value.hint == "see: defi explain MARKET_STATE; defi positions; try again: defi risk flatten"


class Telling:
    """The same chain, whose account is told otherwise than the books have it."""

    def __init__(self, chain: Any, change: Callable[[Portfolio], Portfolio]) -> None:
        self.chain, self.change = chain, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self.chain, name)

    async def portfolio(self, markets: Any) -> Portfolio:
        return self.change(await self.chain.portfolio(markets))


async def test_closed_is_what_the_venue_says_is_closed() -> None:
    agent = await entered(World(PERP))
    still = {PERP.key: Position(PERP.key, Decimal(3), Decimal(25), Decimal(75))}
    agent.execution.chain = Telling(
        agent.execution.chain, lambda own: replace(own, positions=own.positions or still)
    )
    with pytest.raises(OutcomeUnknown, match="1 positions could not be closed"):
        await agent.finish()
    assert quantity(agent, PERP.key) == 0


@pytest.mark.parametrize(("asset", "more"), [("INJ", "5"), ("USDT", "5"), ("INJ", "1e-18")])
async def test_what_came_in_is_nothing_to_close(asset: str, more: str) -> None:
    agent, chain = shared(World(), MemoryJournal())
    agent.terms = replace(agent.terms, reserved={"INJ": Decimal(1)})
    await holding(agent)
    agent.execution.chain = Telling(chain, lambda own: moved_by(own, asset, Decimal(more)))
    await agent.flatten()
    assert quantity(agent) == 0
    there = (await chain.portfolio([HOME])).balances["inj"].total
    assert there == 1, "nothing but what the strategies bought was sold"


async def test_what_was_bought_and_no_fill_tells_of_is_open() -> None:
    agent, chain = shared(World(), MemoryJournal())
    await holding(agent)
    chain.told = False
    chain.trade(HOME.key, Decimal(1), 1)
    with pytest.raises(OutcomeUnknown, match="1 positions could not be closed: INJ/USDT"):
        await agent.flatten()


async def test_what_a_thin_book_leaves_open_is_closed_once_there_is_more_of_it() -> None:
    world = World(PERP)
    agent = await entered(world)
    world.books[PERP.key] = ([], world.books[PERP.key][1])
    slept = world.clock.sleep

    async def refilled(seconds: float) -> None:
        world.show(25.0)
        await slept(seconds)

    world.clock.sleep = refilled  # type: ignore[method-assign]  # what happens while it waits
    await agent.finish()
    assert quantity(agent, PERP.key) == 0
