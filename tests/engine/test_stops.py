"""The limits' own stop-loss asks for no strategy; only for something held and a price."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.decision import Why
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market
from defi_analytics.domain.portfolio import Position
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.decisions import STARTED, decided_again, terms_told
from defi_analytics.engine.stops import limit_stop, stopped_out, strategies_holding
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.strategies.registry import STRATEGIES
from tests.builders import a_book, a_quote, a_rate, a_snapshot
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import HOME, PERP, World, an_agent, quantity
from tests.fakes import NOON

HELD = Inventory(Decimal(2), Decimal(50), entered_at=NOON)
LIMITS = RiskLimits(stop_loss=0.1, max_slippage=0.01, exit_width=2.0)
RATES = (a_rate("USD", "USDT", 1.0, 1.0),)


def stop(bids: Any, asks: Any, held: Inventory = HELD, **more: Any) -> Any:
    return limit_stop(a_snapshot([(HOME, a_book(HOME, bids, asks))], rates=RATES, **more), HOME, held, LIMITS)


def test_a_loss_is_measured_at_the_middle_of_the_book_and_closed_within_the_width_of_an_exit() -> None:
    assert stop([(22.4, 1)], [(22.602, 1)]).side == 0
    out = stop([(22.4, 1)], [(22.6, 1)])
    assert (out.side, out.lots, out.reduce_only, out.why) == (-1, 2_000, True, Why.EXIT_STOP)
    assert out.ticks == 21_952


def test_without_a_middle_the_oracle_tells_the_loss() -> None:
    bids = [(24.9, 1)]
    assert stop(bids, [], quotes=(a_quote(price=22.4),)).lots == 2_000
    assert stop(bids, [], quotes=(a_quote(price=22.6),)).side == 0
    assert stop(bids, []).side == 0, "an unknown price makes no order"


def test_a_short_one_is_bought_back() -> None:
    short = replace(HELD, quantity=Decimal(-2))
    assert stop([(27.4, 1)], [(27.6, 1)], short).side == 1
    assert stop([(27.4, 1)], [(27.59, 1)], short).side == 0


def test_what_cannot_be_expressed_is_said_and_asks_for_nothing() -> None:
    books = Bookkeeping(held={("oracle", HOME.key): HELD}, net={HOME.key: HELD})
    ungridded = replace(HOME, price_tick=Decimal(0))
    [(strategy, intent, said)] = stopped_out(a_snapshot(), ungridded, books, LIMITS)
    assert (strategy, intent.side) == ("oracle", 0)
    assert said.startswith("failed: ")


def test_what_was_closed_by_other_hands_and_what_others_hold_is_left_alone() -> None:
    gone = Inventory(Decimal(0))
    books = Bookkeeping(
        held={("oracle", HOME.key): HELD, ("", HOME.key): HELD, ("oracle", PERP.key): HELD},
        net={HOME.key: HELD, PERP.key: gone},
    )
    assert strategies_holding(books, HOME) == [("oracle", HELD)]
    assert strategies_holding(books, PERP) == []
    books.net[HOME.key] = replace(HELD, quantity=Decimal(-1))
    assert strategies_holding(books, HOME) == []


def test_less_than_a_lot_is_held_by_nobody() -> None:
    rest = replace(HELD, quantity=HOME.quantity_tick * Decimal("0.9"))
    books = Bookkeeping(held={("oracle", HOME.key): rest}, net={HOME.key: HELD})
    assert strategies_holding(books, HOME) == []
    books = Bookkeeping(held={("oracle", HOME.key): HELD}, net={HOME.key: rest})
    assert strategies_holding(books, HOME) == []


@pytest.mark.parametrize("home", [HOME, PERP], ids=["spot", "perpetual"])
@pytest.mark.parametrize("names", [("oracle",), ("convergence", "oracle")])
async def test_a_position_keeps_its_stop_whatever_strategies_run_next(home: Market, names: Any) -> None:
    world, journal = World(home), MemoryJournal()
    agent = an_agent(world, journal)
    world.show(25.0, away=25.3)
    await agent.cycle()
    agent = an_agent(world, journal, names=names)
    agent.ledger.write(STARTED, {"terms": terms_told(agent.terms)})
    world.oracle = 20.5
    world.show(20.0, away=20.0)
    decision = await agent.cycle()
    assert [(one.strategy, one.said) for one in decision.considered] == [("convergence", "exit-stop")]
    assert not quantity(agent, home.key)
    [replayed] = decided_again(journal, world.clock, STRATEGIES)
    assert replayed.same


LONG = Position(PERP.key, Decimal(2), Decimal(25), Decimal(10))
"""Taken over at 20 / 0.95, about 21.05; here its stop-loss is out of the way."""
PATIENT = LIMITS._replace(stop_loss=0.9, min_liquidation_distance=0.15)


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (25.0, None),
        (24.5, ("near liquidation", 0)),
        (23.5, ("near liquidation", 0)),
        (23.3, ("exit-liquidation", 1_000)),
        (22.3, ("exit-liquidation", 1_000)),
        (22.1, ("exit-liquidation", 2_000)),
        (20.0, ("exit-liquidation", 2_000)),
        (None, None),
    ],
)
def test_near_a_liquidation_is_first_told_then_halved_then_closed(price: Any, said: Any) -> None:
    books = Bookkeeping(held={("oracle", PERP.key): HELD}, net={PERP.key: HELD})
    quotes = (a_quote(price=price),) if price else ()
    book = a_book(PERP, [(24.9, 1)], [(25.1, 1)])
    snapshot = a_snapshot([(PERP, book)], rates=RATES, quotes=quotes)
    found = [(word, intent.lots) for _, intent, word in stopped_out(snapshot, PERP, books, PATIENT, LONG)]
    assert found == ([said] if said else [])


def test_half_of_what_is_hardly_traded_is_all_of_it() -> None:
    books = Bookkeeping(held={("oracle", PERP.key): HELD}, net={PERP.key: HELD})
    for change in ({"min_quantity": Decimal("1.001")}, {"min_notional": Decimal(30)}):
        coarse = replace(PERP, **change)
        book = a_book(coarse, [(24.9, 1)], [(25.1, 1)])
        snapshot = a_snapshot([(coarse, book)], rates=RATES, quotes=(a_quote(price=23.0),))
        [(_, intent, _)] = stopped_out(snapshot, coarse, books, PATIENT, LONG)
        assert (intent.lots, intent.why, intent.reduce_only) == (2_000, Why.EXIT_REDUCE, True)


async def near(least: float) -> tuple[World, Agent]:
    """Long at no leverage, a whole price away from a liquidation: how near that is, the limit says."""
    world = World(PERP)
    agent = an_agent(world)
    world.show(25.0, away=25.3)
    await agent.cycle()
    limits = agent.terms.limits._replace(min_liquidation_distance=least)
    agent.terms = replace(agent.terms, limits=limits)
    return world, agent


async def test_a_warning_of_a_liquidation_keeps_no_strategy_from_leaving() -> None:
    world, agent = await near(1.4)
    world.show(25.3)
    decision = await agent.cycle()
    assert [one.said for one in decision.considered] == ["near liquidation", "exit-converged"]
    assert not quantity(agent, PERP.key)


async def test_a_position_near_its_liquidation_is_halved_round_by_round_also_while_halted() -> None:
    world, agent = await near(2.0)
    agent.ledger.write("risk.halt", {"code": "HALTED", "reason": "told to", "by": "a person"})
    before = quantity(agent, PERP.key)
    for share in (2, 4):
        world.show(25.1, away=25.3)
        decision = await agent.cycle()
        assert decision.considered[0].said == "exit-liquidation"
        assert quantity(agent, PERP.key) == pytest.approx(before / share, abs=Decimal("0.002"))
