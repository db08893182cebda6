import msgspec
import pytest

from defi_analytics.cli.run_rows import run_row
from defi_analytics.engine.agent import Cycle
from defi_analytics.errors import OrderRejected
from tests.engine.trading import CALM, HOME, Failing, World, an_agent
from tests.fakes import NOON


async def rounds(agent, world, *shown):
    rows = []
    for number, (price, away) in enumerate(shown, 1):
        world.show(price, away)
        rows.append(run_row(agent, Cycle(number, await agent.cycle(), 0.25)))
    return rows


async def test_a_round_tells_what_was_ordered_and_what_is_held():
    world = World()
    entered, left = await rounds(an_agent(world), world, (25.0, 25.3), (25.3, 25.3))
    [order] = entered.orders
    assert (order.side, order.state, order.filled) == ("buy", "done", order.quantity)
    assert entered.positions == {HOME.market_id: order.quantity}
    assert f"buy {order.filled} of {order.quantity} at most {order.price} (done, no more" in entered.happened
    assert left.positions == {}
    assert "at least" in left.happened
    assert msgspec.json.encode(left)


async def test_a_quiet_round_says_so():
    world = World()
    [row] = await rounds(an_agent(world), world, (25.0, 25.0))
    [code] = row.rejected
    assert row.happened == f"nothing to do: 0 of 1 stand ({code} 1)"
    assert (row.candidates, row.standing, row.rejected) == (1, 0, {code: 1})
    assert [said.said for said in row.considered] == ["idle"]


async def test_where_something_stands_the_strategies_say_why_they_leave_it():
    world = World()
    agent = an_agent(world)
    await rounds(agent, world, (25.0, 25.3))
    [row] = await rounds(agent, world, (25.0, 25.3))
    assert row.standing == 1
    assert row.happened == "nothing to do: 1 of 1 stand; strategies: idle 1"


async def test_a_plan_says_what_would_be_done():
    world = World()
    agent = an_agent(world)
    world.show(25.0, 25.3)
    row = run_row(agent, Cycle(1, await agent.plan(), 0.1))
    [order] = row.orders
    assert (order.state, order.filled) == ("planned", "0")
    assert f"would buy {order.quantity} at most {order.price}, no more by the" in row.happened


async def test_an_order_that_never_left_is_not_told_as_a_plan():
    world = World()
    agent = an_agent(world, cycles=1)
    agent.execution.chain = Failing(agent.execution.chain, "sign", OrderRejected("it would cost too much"))
    world.show(25.0, 25.3)
    rows = []
    agent.watch = lambda cycle: rows.append(run_row(agent, cycle))
    await agent.run()
    [order] = rows[0].orders
    assert order.state == "unsent"
    assert rows[0].happened == (
        f"INJ/USDT convergence: not sent: buy {order.quantity} at most {order.price} (it would cost too much)"
    )


@pytest.mark.parametrize(
    ("depth", "largest", "bound"),
    [(100.0, 500.0, "strategy"), (100.0, 50.0, "max_trade_size"), (2.0, 500.0, "book")],
)
async def test_an_order_says_what_bound_its_size_and_a_close_is_all_there_is(depth, largest, bound):
    world = World()
    agent = an_agent(world, limits=CALM._replace(max_trade_size=largest))
    world.show(25.0, 25.3, depth)
    entered = run_row(agent, Cycle(1, await agent.cycle(), 0.1))
    assert [order.bound_by for order in entered.orders] == [bound]
    [left] = await rounds(agent, world, (25.3, 25.3))
    assert [order.bound_by for order in left.orders] == ["holding"]
    assert "no more" not in left.happened


async def test_an_outage_is_told_by_its_beginning_and_its_cause():
    row = run_row(an_agent(World()), Cycle(3, None, 0.1, "injective: refused", unreachable=True), NOON)
    assert row.happened == "venue unreachable since 12:00:00 (injective: refused)"
    assert row.unreachable_since == NOON


async def test_a_refusal_names_the_rule_and_the_limit():
    world = World()
    agent = an_agent(world, limits=an_agent(world).terms.limits._replace(max_daily_trades=0))
    [row] = await rounds(agent, world, (25.0, 25.3))
    assert row.happened.endswith("refused, DAILY_TRADES")
    assert (row.refused[0].limit, row.refused[0].value) == ("0", "1")


async def test_what_could_not_be_read_takes_the_place_of_what_happened():
    row = run_row(an_agent(World()), Cycle(1, None, 0.1, "injective: down"))
    assert (row.happened, row.error, row.decision, row.equity) == (
        "injective: down",
        "injective: down",
        "",
        None,
    )


async def test_a_halted_round_begins_with_why():
    world = World()
    agent = an_agent(world, stopped=lambda: "the file STOP is there")
    [row] = await rounds(agent, world, (25.0, 25.3))
    assert row.happened.startswith("halted: the file STOP is there; ")
    assert (row.trading, row.halted_because) == ("halted", "the file STOP is there")
