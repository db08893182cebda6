import logging
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.market import Market
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.closing import closing_trades, guarding_trades
from defi_analytics.engine.decisions import STARTED, decided_again, terms_told
from defi_analytics.engine.leaving import Leaving
from defi_analytics.engine.listed import Listed
from defi_analytics.engine.policy import OnExit
from defi_analytics.engine.protection import guarding, unguarded, unneeded
from defi_analytics.errors import OutcomeUnknown
from defi_analytics.strategies.registry import STRATEGIES
from tests.engine.memory_journal import MemoryJournal
from tests.engine.test_protection import stops
from tests.engine.trading import HOME, PERP, World, an_agent, quantity

COARSER = Decimal("0.01")
BOTH = pytest.mark.parametrize("home", [HOME, PERP], ids=["spot", "perpetual"])


async def holding(home: Market, journal: MemoryJournal | None = None) -> tuple[World, Agent]:
    """3.979, in lots of 0.001."""
    world = World(home)
    agent = an_agent(world, journal, on_exit=OnExit.FLATTEN)
    agent.ledger.write(STARTED, {"terms": terms_told(agent.terms)})
    world.show(25.0, away=25.3)
    for _ in range(2):
        await agent.cycle()
    assert quantity(agent, home.key) == Decimal("3.979")
    return world, agent


def said(decision: Any) -> set[str]:
    return {one.said for one in decision.considered}


@BOTH
@pytest.mark.parametrize("ticks", ["price_tick", "quantity_tick"])
async def test_a_loss_is_closed_and_all_that_was_held_also_after_the_ticks_changed(
    home: Market, ticks: str
) -> None:
    journal = MemoryJournal()
    world, agent = await holding(home, journal)
    world.home = replace(home, **{ticks: COARSER})
    world.show(23.0)
    world.oracle = 23.0
    assert said(await agent.cycle()) == {"exit-stop"}
    rest = Decimal("0.009") if ticks == "quantity_tick" else 0
    assert quantity(agent, home.key) == rest
    # Of what is too little to trade nothing is left to guard, and it keeps nobody from entering again.
    for _ in range(2):
        assert said(await agent.cycle()) == {"idle"}
    assert not stops(agent)
    assert not agent.ledger.books.at_risk
    await agent.finish()
    again = list(decided_again(journal, world.clock, STRATEGIES))
    assert len(again) > 5
    assert all(one.same for one in again)


@BOTH
async def test_a_strategy_leaves_by_its_own_rule_after_the_lots_changed(home: Market) -> None:
    world, agent = await holding(home)
    world.home = replace(home, quantity_tick=COARSER)
    world.show(25.3)
    assert said(await agent.cycle()) == {"exit-converged"}
    assert quantity(agent, home.key) == Decimal("0.009")


@BOTH
@pytest.mark.parametrize("ticks", ["price_tick", "quantity_tick"])
async def test_what_is_held_can_be_closed_by_a_person_after_the_ticks_changed(
    home: Market, ticks: str, caplog: pytest.LogCaptureFixture
) -> None:
    world, agent = await holding(home)
    world.home = replace(home, **{ticks: COARSER})
    world.show(23.0)
    with caplog.at_level(logging.WARNING, "defi.run"):
        await agent.finish()
    told = [m for m in caplog.messages if "stay, less than a lot" in m]
    assert told == ["INJ/USDT: 0.009 INJ stay, less than a lot of 0.01"] * (ticks == "quantity_tick")
    books = agent.ledger.books
    assert not books.live
    assert not books.at_risk
    assert guarding(books) == unguarded(books) == []


@BOTH
async def test_where_all_that_is_held_became_less_than_a_lot_nothing_is_left_to_do(
    home: Market, caplog: pytest.LogCaptureFixture
) -> None:
    world, agent = await holding(home)
    world.home = replace(home, quantity_tick=Decimal(5))
    for _ in range(2):
        await agent.cycle()
    assert not stops(agent)
    with caplog.at_level(logging.WARNING, "defi.run"):
        await agent.flatten()
    assert "INJ/USDT: 3.979 INJ stay, less than a lot of 5" in caplog.messages


async def test_a_stop_of_what_became_too_little_to_trade_guards_nothing() -> None:
    world, agent = await holding(PERP)
    world.home = replace(PERP, quantity_tick=COARSER)
    await agent.flatten()
    books = agent.ledger.books
    assert [order.request.quantity for order in unneeded(books)] == [Decimal("3.979")]
    assert guarding(books) == []
    await Leaving(agent.execution, world.clock, 1.0).left(OnExit.CANCEL, agent.flatten, agent.guard)
    assert not books.live


async def test_a_stop_that_is_the_same_in_other_ticks_stays() -> None:
    world, agent = await holding(PERP)
    [stop] = stops(agent)
    world.home = replace(PERP, quantity_tick=Decimal("0.0001"), price_tick=Decimal("0.0001"))
    world.show(25.0)
    await agent.cycle()
    assert stops(agent) == [stop]


async def test_where_ticks_are_not_known_closing_is_tried_again_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, agent = await holding(HOME)
    world.home = replace(HOME, price_tick=Decimal(0))
    with pytest.raises(OutcomeUnknown, match="1 positions could not be closed: INJ/USDT"):
        await agent.flatten()
    assert "INJ/USDT: its tick sizes are not known" in caplog.messages
    await agent.guard()


async def test_a_market_whose_ticks_are_not_known_keeps_no_other_from_being_closed_or_guarded() -> None:
    _, agent = await holding(PERP)
    known, _ = await agent._known(trusting=True)
    wrong = replace(HOME, price_tick=Decimal(0))
    alone = closing_trades(known, [PERP], agent.terms)
    beside = closing_trades(known, [wrong, PERP], agent.terms)
    assert [a.orders for a in beside.approved] == [a.orders for a in alone.approved] != []
    assert guarding_trades(known, [wrong, PERP], agent.terms).answers == ()
    agent.ledger.books.orders.clear()
    assert len(guarding_trades(known, [wrong, PERP], agent.terms).approved) == 1


def changes(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if "the price tick was" in message]


async def test_a_change_of_ticks_is_told_once_in_a_run(caplog: pytest.LogCaptureFixture) -> None:
    world, agent = await holding(HOME)
    assert changes(caplog) == []
    for lot in (COARSER, COARSER, HOME.quantity_tick, COARSER):
        world.home = replace(HOME, quantity_tick=lot)
        await agent.plan()
    assert changes(caplog) == [
        "INJ/USDT: the price tick was 0.001 and is 0.001, the lot was 0.001 and is 0.01"
    ]


def test_what_was_traded_by_other_ticks_before_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    now = replace(HOME, price_tick=COARSER)
    Listed().see([now], {HOME.key: HOME})
    assert len(changes(caplog)) == 1


def test_a_market_is_as_it_was_last_seen_or_else_as_it_was_traded() -> None:
    now, listed = replace(HOME, price_tick=COARSER), Listed()
    assert listed.of({HOME.key: HOME}) == [HOME]
    listed.see([now], {})
    assert listed.of({HOME.key: HOME, PERP.key: PERP}) == [now, PERP]
