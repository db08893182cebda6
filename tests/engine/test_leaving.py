"""What is on the book when a run has ended."""

from typing import Any

import pytest

from defi_analytics.engine.agent import Agent, OnExit
from defi_analytics.errors import OrderRejected, OutcomeUnknown, Unavailable
from tests.engine.trading import PERP, World, an_agent, quantity


async def test_leaving_keeps_the_stop_of_a_position_that_stays_open_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world, cycles=2)
    await agent.run()
    assert quantity(agent, PERP.key) > 0
    assert [o.request.strategy for o in agent.ledger.books.live] == ["stop"]
    assert "INJ/USDT stays open, and its stop on the book" in caplog.text


async def closed_with_its_stop_left(world: World) -> Agent:
    """The position was closed by the last thing it did: its stop guards nothing any more."""
    world.show(25.0, away=25.3)
    agent = an_agent(world, cycles=2)
    await agent.cycle()
    await agent.cycle()
    await agent.flatten()
    assert [o.request.strategy for o in agent.ledger.books.live] == ["stop"]
    return agent


async def test_leaving_takes_the_stop_of_what_was_closed_off_the_book() -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    await agent.finish()
    assert not agent.ledger.books.live


async def test_what_cannot_be_closed_keeps_its_stop() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world, on_exit=OnExit.FLATTEN)
    await agent.cycle()
    await agent.cycle()
    world.books[PERP.key] = ([], world.books[PERP.key][1])
    with pytest.raises(OutcomeUnknown, match="1 positions could not be closed"):
        await agent.finish()
    assert [o.request.strategy for o in agent.ledger.books.live] == ["stop"]


async def test_an_order_that_stays_on_the_book_is_not_said_to_be_gone() -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    chain: Any = agent.execution.chain
    chain._cancelled = type("Deaf", (set,), {"__ior__": lambda self, other: self})()
    with pytest.raises(OutcomeUnknown, match="1 orders are still on the book"):
        await agent.finish()


class Failing:
    """The same chain, one of whose calls fails so many times first."""

    def __init__(self, chain: Any, name: str, *errors: Exception) -> None:
        self.chain, self.name, self.left = chain, name, list(errors)

    def __getattr__(self, name: str) -> Any:
        then = getattr(self.chain, name)

        async def called(*given: Any) -> Any:
            if self.left:
                raise self.left.pop(0)
            return await then(*given)

        return called if name == self.name else then


async def test_an_order_that_went_while_it_was_cancelled_does_not_keep_the_others_on_the_book() -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    agent.execution.chain = Failing(agent.execution.chain, "sign", OrderRejected("order doesnt exist"))
    await agent.finish()
    assert not agent.ledger.books.live


async def test_a_node_that_does_not_answer_at_the_end_is_asked_again() -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    agent.execution.chain = Failing(agent.execution.chain, "block", Unavailable("injective", "down"))
    await agent.finish()
    assert not agent.ledger.books.live


async def test_a_run_that_ends_in_doubt_says_so() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world)
    await agent.cycle()
    await agent.cycle()
    down = [Unavailable("injective", "down")] * 60
    agent.execution.chain = Failing(agent.execution.chain, "block", *down)
    with pytest.raises(OutcomeUnknown, match="not proven yet"):
        await agent.finish()
