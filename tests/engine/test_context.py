from dataclasses import replace

import pytest

from defi_analytics.domain.order import OrderState
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.bookkeeping import TrackedOrder
from defi_analytics.engine.context import context_of
from tests.engine.trading import World, an_agent


async def entered() -> tuple[Agent, TrackedOrder]:
    """With the order of its entry."""
    world = World()
    agent = an_agent(world)
    world.show(25.0, away=25.3)
    await agent.cycle()
    [order] = agent.ledger.books.orders.values()
    return agent, order


@pytest.mark.parametrize(("behind", "counted"), [(0, 1), (-1, 0), (1, 1)])
async def test_orders_that_can_enter_the_next_block_alone_are_counted_for_it(
    behind: int, counted: int
) -> None:
    agent, order = await entered()
    known, seen = await agent._known()
    portfolio = replace(known.portfolio, height=order.signed_height - behind)
    context = context_of(known._replace(portfolio=portfolio), seen.markets, {}, agent.terms)
    assert context.orders_this_block == counted


@pytest.mark.parametrize(("behind", "waits"), [(0, False), (1, True)])
async def test_what_the_portfolio_already_includes_is_not_in_flight_but_keeps_its_market(
    behind: int, waits: bool
) -> None:
    """What was just closed, and could not be counted, is not closed again; nor is it in the way of an exit."""
    agent, order = await entered()
    known, seen = await agent._known()
    portfolio = replace(known.portfolio, height=order.height - behind)
    agent.ledger.books.scanned_height = order.height - 1
    agent.ledger.books.orders[order.request.client_order_id] = replace(order, state=OrderState.OPEN)
    context = context_of(known._replace(portfolio=portfolio), seen.markets, {}, agent.terms)
    assert context.in_flight == ((order.request,) if waits else ())
    assert context.unresolved == {order.request.market.key}
