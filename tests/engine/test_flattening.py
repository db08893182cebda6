from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.portfolio import Portfolio, Position
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.policy import OnExit
from defi_analytics.errors import OutcomeUnknown, Unavailable
from tests.engine.trading import PERP, Failing, World, an_agent, quantity


async def entered(world: World, **more: Any) -> Agent:
    """It holds a perpetual, and a stop that guards it."""
    world.show(25.0, away=25.3)
    agent = an_agent(world, on_exit=OnExit.FLATTEN, **more)
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


@pytest.mark.parametrize(("more", "closed"), [("0", True), ("0.0009", True), ("0.001", False)])
async def test_on_spot_what_the_account_had_before_is_not_open(more: str, closed: bool) -> None:
    agent = await entered(World())
    agent.terms = replace(agent.terms, reserved={"INJ": Decimal(7)})

    def told(own: Portfolio) -> Portfolio:
        inj = own.balances["inj"]
        there = inj.total + 7 + Decimal(more)
        return replace(own, balances={**own.balances, "inj": replace(inj, total=there, available=there)})

    agent.execution.chain = Telling(agent.execution.chain, told)
    if closed:
        await agent.finish()
        return
    with pytest.raises(OutcomeUnknown, match="1 positions could not be closed"):
        await agent.finish()


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
