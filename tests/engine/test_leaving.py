import pytest

from defi_analytics.domain.order import OrderState
from defi_analytics.engine.leaving import Leaving
from defi_analytics.engine.protection import unneeded
from defi_analytics.errors import OutcomeUnknown, Unavailable
from tests.engine.trading import PERP, Failing, World, an_agent


async def test_where_nothing_was_sent_nobody_is_asked() -> None:
    agent = an_agent(World())
    down = [Unavailable("injective", "down")] * 100
    agent.execution.chain = Failing(agent.execution.chain, "block", *down)
    await Leaving(agent.execution, agent.clock, 0.5).proven()
    assert len(agent.execution.chain.left) == 100


async def test_a_node_that_stays_silent_leaves_doubt_for_so_long_and_no_longer() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world)
    for _ in range(2):
        await agent.cycle()
    assert [order.state for order in agent.ledger.books.live] == [OrderState.OPEN]
    agent.execution.chain = Failing(
        agent.execution.chain, "block", *[Unavailable("injective", "down")] * 1000
    )
    began = world.clock.monotonic()
    with pytest.raises(OutcomeUnknown, match="not proven yet"):
        await Leaving(agent.execution, agent.clock, 0.5).proven()
    assert world.clock.monotonic() - began == 30.0


async def test_what_is_needed_stays_on_the_book() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world)
    for _ in range(2):
        await agent.cycle()
    await Leaving(agent.execution, agent.clock, 0.5).cancelled(lambda: unneeded(agent.ledger.books))
    assert len(agent.ledger.books.live) == 1
    await Leaving(agent.execution, agent.clock, 0.5).cancelled(lambda: agent.ledger.books.live)
    assert not agent.ledger.books.live
