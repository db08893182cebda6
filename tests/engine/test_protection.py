"""A stop on the chain guards one position; it must not outlive it, nor pass for the next one's."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketStatus
from defi_analytics.domain.order import Fill, OrderState
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.bookkeeping import TrackedOrder
from defi_analytics.engine.protection import guarding, protection, unneeded
from defi_analytics.engine.records import Fills, Kind
from defi_analytics.risk.limits import RiskLimits
from tests.engine.trading import PERP, World, an_agent, quantity


def stops(agent: Agent) -> list[TrackedOrder]:
    return [order for order in agent.ledger.books.live if order.request.strategy == "stop"]


async def held(away: float = 25.3) -> tuple[World, Agent]:
    world = World(PERP)
    agent = an_agent(world)
    world.show(25.0, away=away)
    for _ in range(2):
        await agent.cycle()
    return world, agent


async def test_the_stop_of_a_position_that_was_closed_is_taken_off_the_book() -> None:
    world, agent = await held()
    assert len(stops(agent)) == 1
    world.show(25.3)
    for _ in range(3):
        decision = await agent.cycle()
    assert quantity(agent, PERP.key) == 0
    assert stops(agent) == []
    assert decision.cancels == (), "what is gone is not cancelled again"


async def test_the_next_position_is_guarded_by_a_stop_of_its_own() -> None:
    world, agent = await held()
    [first] = stops(agent)
    world.show(25.3)
    await agent.cycle()
    world.show(25.3, away=25.0)
    for _ in range(3):
        await agent.cycle()
    [second] = stops(agent)
    assert quantity(agent, PERP.key) < 0
    assert (first.request.side.value, second.request.side.value) == ("sell", "buy")


async def test_a_stop_for_more_than_is_held_makes_way_for_one_that_fits() -> None:
    _, agent = await held()
    whole = await agent.execution.chain.portfolio([PERP])
    position = whole.positions[PERP.key]
    half = replace(position, quantity=Decimal(1))
    found = protection(agent.ledger.books, half, PERP, RiskLimits(), "decision")
    assert [cancel.client_order_id for cancel in found.stale] == [stops(agent)[0].request.client_order_id]
    paused = replace(PERP, status=MarketStatus.PAUSED)
    assert protection(agent.ledger.books, half, paused, RiskLimits(), "decision") == (None, ())
    assert found.wanted is not None
    assert found.wanted.quantity == 1


async def test_a_stop_without_proof_is_neither_doubled_nor_cancelled() -> None:
    _, agent = await held()
    books: Any = agent.ledger.books
    [stop] = stops(agent)
    books.orders[stop.request.client_order_id] = replace(stop, state=OrderState.UNKNOWN)
    position = (await agent.execution.chain.portfolio([PERP])).positions[PERP.key]
    assert protection(books, position, PERP, RiskLimits(), "x") == (None, ())
    assert protection(books, None, PERP, RiskLimits(), "x") == (None, ())


async def test_a_stop_stays_where_a_node_tells_of_no_position_that_the_books_have() -> None:
    _, agent = await held()
    books, market = agent.ledger.books, PERP
    position = (await agent.execution.chain.portfolio([market])).positions[market.key]
    turned = replace(position, quantity=-position.quantity)
    for told in (None, turned):
        assert protection(books, told, market, RiskLimits(), "x") == (None, ())


async def test_what_a_stop_closed_is_not_held_any_more_and_may_be_entered_again() -> None:
    world, agent = await held()
    world.oracle = 23.7
    world.show(23.7)
    decision = await agent.cycle()
    assert quantity(agent, PERP.key) == 0
    assert [kept.quantity for kept in agent.ledger.books.held.values()] == [0]
    assert [one.said for one in decision.considered] == ["idle"]
    world.show(23.7, away=24.1)
    decision = await agent.cycle()
    assert [one.said for one in decision.considered] == ["entry"]


async def test_a_stop_stays_on_the_book_as_long_as_its_position() -> None:
    world, agent = await held()
    [first] = stops(agent)
    world.height += 10_000
    await agent.cycle()
    assert [stop.request.client_order_id for stop in stops(agent)] == [first.request.client_order_id]


def by_hand(world: World, agent: Agent, side: Side, quantity: str, price: str = "20") -> None:
    """What another client of the account trades, counted as a look at the chain would."""
    world.height += 1
    fill = Fill(
        f"x{world.height}", PERP.key, "", "0xaa", side, Decimal(price), Decimal(quantity), Decimal(0),
        world.clock.now(), world.height,
    )  # fmt: skip
    agent.ledger.write(Kind.FILLS, Fills(agent.ledger.counted + 1, world.height, (fill,)))


@pytest.mark.parametrize(
    "change",
    [
        lambda world, agent: setattr(world, "oracle", None),
        lambda world, agent: tightened(agent, max_orders_per_minute=2),
    ],
    ids=["a silent oracle", "too many orders a minute"],
)
async def test_a_stop_that_fits_no_more_stays_until_another_one_may_take_its_place(change: Any) -> None:
    world, agent = await held()
    [first] = stops(agent)
    by_hand(world, agent, Side.SELL, "1", "25")
    limits = agent.terms.limits
    change(world, agent)
    for _ in range(3):
        decision = await agent.cycle()
        assert [refused.about.strategy for refused in decision.refused] == ["stop"]
        assert [stop.request.client_order_id for stop in stops(agent)] == [first.request.client_order_id]
    world.oracle, agent.terms = 25.0, replace(agent.terms, limits=limits)
    for _ in range(2):
        await agent.cycle()
    [second] = stops(agent)
    assert second.request.quantity == quantity(agent, PERP.key) == first.request.quantity - 1


def tightened(agent: Agent, **limits: Any) -> None:
    agent.terms = replace(agent.terms, limits=agent.terms.limits._replace(**limits))


async def test_a_position_that_a_person_took_gets_no_stop_of_ours() -> None:
    world = World(PERP)
    agent = an_agent(world)
    agent.ledger.books.markets[PERP.key] = PERP
    by_hand(world, agent, Side.BUY, "4")
    decision = await agent.cycle()
    assert [one.said for one in decision.considered] == ["held by another client"]
    assert stops(agent) == []


async def test_of_a_position_that_a_person_added_to_the_stop_guards_what_strategies_hold_at_their_price() -> (
    None
):
    world, agent = await held()
    [before] = stops(agent)
    by_hand(world, agent, Side.BUY, "4")
    await agent.cycle()
    [stop] = stops(agent)
    assert stop.request.client_order_id == before.request.client_order_id
    assert stop.request.quantity < quantity(agent, PERP.key) - 3


async def test_a_stop_shrinks_with_what_a_person_closed_of_it() -> None:
    world, agent = await held()
    by_hand(world, agent, Side.SELL, "1", "25")
    for _ in range(3):
        await agent.cycle()
    assert [stop.request.quantity for stop in stops(agent)] == [quantity(agent, PERP.key)]


async def test_a_stop_of_what_was_closed_guards_nothing_though_a_person_holds_the_same_side() -> None:
    world, agent = await held()
    whole = quantity(agent, PERP.key)
    by_hand(world, agent, Side.SELL, str(whole), "25")
    by_hand(world, agent, Side.BUY, "4")
    assert (guarding(agent.ledger.books), unneeded(agent.ledger.books)) == ([], stops(agent))
    for _ in range(2):
        await agent.cycle()
    assert stops(agent) == []
