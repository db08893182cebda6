from dataclasses import replace

import pytest

from defi_analytics.cli.run_sizes import bound_by
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import OrderRequest
from tests.engine.trading import PERP, World, an_agent


def asked(lots, side=Side.SELL):
    return OrderRequest("one", PERP, side, OrderKind.MARKET, 24_000, lots, "convergence")


@pytest.mark.parametrize(("lots", "bound"), [(3900, "book"), (4000, "strategy")])
async def test_a_sale_is_measured_at_the_best_bid_it_meets(lots, bound):
    world = World(PERP)
    agent = an_agent(world)
    assert bound_by(agent, asked(lots)) == ""
    await agent.plan()
    assert bound_by(agent, asked(lots)) == bound


async def test_what_no_strategy_asked_for_has_no_bound_to_tell():
    world = World()
    agent = an_agent(world)
    await agent.plan()
    assert bound_by(agent, replace(asked(1), strategy="stop")) == ""
