import msgspec

from defi_analytics.cli.run_rows import run_row
from defi_analytics.engine.agent import Cycle
from tests.engine.trading import HOME, World, an_agent


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
    assert f"buy {order.filled} of {order.quantity} at most {order.price} (done)" in entered.happened
    assert left.positions == {}
    assert "at least" in left.happened
    assert msgspec.json.encode(left)


async def test_a_quiet_round_says_so():
    world = World()
    [row] = await rounds(an_agent(world), world, (25.0, 25.0))
    assert row.happened == "nothing to do"
    assert [said.said for said in row.considered] == ["idle"]


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
