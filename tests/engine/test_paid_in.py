"""Somebody pays into an account while a run goes on: it stops nobody, and is nobody's profit."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.edge import Side
from defi_analytics.domain.portfolio import Balance
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.reconcile import reconcile
from defi_analytics.errors import DataError, Stale
from defi_analytics.risk.codes import TradingState
from defi_analytics.risk.flows import figures
from defi_analytics.risk.halting import EQUITY, FLOW, KINDS, resume
from defi_analytics.risk.losses import day_loss, drawdown
from tests.engine.memory_journal import MemoryJournal
from tests.engine.shared_account import moved_by, pruned, shared
from tests.engine.test_flattening import Telling
from tests.engine.trading import HOME, PERP, World, quantity

UNITS = replace(HOME, base_decimals=18, quote_decimals=6)
ETH = replace(UNITS, base="ETH", base_denom="eth", ticker="ETH/USDT")


def gifted(agent: Agent, asset: str, amount: str) -> None:
    agent.execution.chain = Telling(agent.execution.chain, lambda own: moved_by(own, asset, Decimal(amount)))


def equities(agent: Agent) -> list[dict[str, Any]]:
    return [body for _, _, body in agent.ledger.journal.replay(EQUITY)]


@pytest.mark.parametrize("holding", [True, False])
@pytest.mark.parametrize(
    ("market", "asset", "amount"),
    [
        (UNITS, "USDT", "0.000001"),
        (UNITS, "USDT", "100000"),
        (UNITS, "INJ", "1e-18"),
        (UNITS, "INJ", "5"),
        (ETH, "ETH", "0.000001"),
        (ETH, "ETH", "5"),
    ],
)
async def test_what_a_stranger_sends_stops_nobody_and_is_valued_by_nobody(
    market: Any, asset: str, amount: str, *, holding: bool
) -> None:
    world = World(market)
    agent, chain = shared(world, MemoryJournal())
    chain.start = {**chain.start, "ETH": Decimal(1)}
    agent.ledger.baseline = {"USDT": "1000", market.base: "1"}
    if holding:
        world.show(25.0, away=25.3)
    for _ in range(2):
        await agent.cycle()
    before, own = agent.ledger.risk.equity, quantity(agent, market.key)
    assert bool(own) is (holding and market is UNITS)
    gifted(agent, asset, amount)
    for _ in range(3):
        await agent.cycle()
    assert agent.ledger.risk.trading is TradingState.ACTIVE
    assert agent.ledger.risk.equity == pytest.approx(before, rel=1e-9)
    assert [body.get("unexplained") for body in equities(agent)] == [None] * 5
    found = await reconcile(agent.ledger, agent.execution.chain, [market], pays_gas=False, window_blocks=0)
    assert [(d.code, d.about, d.gap) for d in found.received] == [("RECEIVED", asset, Decimal(amount))]
    assert found.clean


async def test_a_stop_loss_goes_out_beside_a_strangers_dust() -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, _ = shared(world, journal)
    world.show(25.0, away=25.3)
    for _ in range(2):
        await agent.cycle()
    gifted(agent, "INJ", "0.5")
    world.oracle = 22.0
    world.show(22.0)
    await agent.cycle()
    assert quantity(agent, PERP.key) == 0


async def test_nobody_can_read_blocks_and_a_strangers_coins_stop_nobody_all_the_same() -> None:
    agent, chain = shared(World(UNITS), MemoryJournal())
    await agent.cycle()
    agent.execution.chain = pruned(chain)
    gifted(agent, "INJ", "5")
    for _ in range(4):
        await agent.cycle()
    assert agent.ledger.risk.trading is TradingState.ACTIVE


async def test_it_is_told_once_until_it_has_doubled(caplog: pytest.LogCaptureFixture) -> None:
    agent, chain = shared(World(UNITS), MemoryJournal())
    for amount in ("0", "0.0000001", "3", "3", "5", "6"):
        agent.execution.chain = chain
        gifted(agent, "USDT", amount)
        await agent.cycle()
    assert [record.message[:20] for record in caplog.records if "came in" in record.message] == [
        "3 USDT came in from ",
        "6 USDT came in from ",
    ]


async def test_orders_spend_nothing_of_it() -> None:
    world = World(UNITS)
    agent, _ = shared(world, MemoryJournal())
    gifted(agent, "USDT", "100000")
    gifted(agent, "INJ", "100")
    await agent.cycle()
    known, _ = await agent._known()
    assert {b.asset: (b.total, b.available) for b in known.portfolio.balances.values()} == {
        "USDT": (1000, 1000),
        "INJ": (1, 1),
    }


async def test_of_two_denoms_of_an_asset_no_more_is_left_out_than_came_in() -> None:
    agent, chain = shared(World(UNITS), MemoryJournal())
    more = Balance("bridged", "USDT", Decimal(2), Decimal(7))
    first = Telling(chain, lambda own: replace(own, balances={"bridged": more, **own.balances}))
    agent.execution.chain = first
    gifted(agent, "USDT", "3")
    known, _ = await agent._known()
    assert {d: (b.total, b.available) for d, b in known.portfolio.balances.items() if b.asset == "USDT"} == {
        "bridged": (0, 0),
        "usdt": (1000, 1000),
    }


async def test_while_something_is_under_way_no_equity_is_written_and_what_had_come_in_stays_out() -> None:
    world = World(UNITS)
    agent, chain = shared(world, MemoryJournal())
    gifted(agent, "USDT", "500")
    await agent.cycle()
    count = len(equities(agent))
    chain.told = False
    chain.trade(HOME.key, Decimal(-1), world.height + 1)
    gifted(agent, "USDT", "40000")
    with pytest.raises(Stale):
        await agent.cycle()
    await agent.cycle()
    assert agent.ledger.risk.trading is TradingState.HALTED
    assert len(equities(agent)) == count
    known, _ = await agent._known(trusting=True)
    assert known.portfolio.balances["usdt"].total == 1000 + 24 + 40_000


async def passed(agent: Agent, rounds: int) -> None:
    for _ in range(rounds):
        try:
            await agent.cycle()
        except DataError:
            continue


def declared(agent: Agent, quantity: str) -> None:
    journal, now = agent.ledger.journal, agent.execution.ledger.clock.now()
    body = {"amount": float(quantity), "asset": "USDT", "quantity": quantity, "by": "person"}
    agent.ledger.write(FLOW, body | figures(lambda: journal.replay(KINDS), now, body))


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
@pytest.mark.parametrize("outage", [0, 1, 3, 20])
@pytest.mark.parametrize("paid", ["100", "-20"])
async def test_a_trade_that_is_told_late_makes_up_and_hides_no_loss_once_a_flow_is_declared(
    side: Side, outage: int, paid: str
) -> None:
    world = World(UNITS)
    agent, chain = shared(world, MemoryJournal())
    chain.start = {"USDT": Decimal(1000), "INJ": Decimal(20)}
    agent.ledger.write("risk.flow", {"amount": 0.0, "asset": "INJ", "quantity": "19"})
    await passed(agent, 2)
    chain.told = False
    chain.trade(HOME.key, Decimal(10 if side is Side.BUY else -10), world.height + 1)
    await passed(agent, outage)
    chain.told = True
    chain.foreign[0] = replace(chain.foreign[0], height=world.height + 3)
    await agent.execution.counting.count([UNITS], world.height + 3)
    if agent.ledger.risk.trading is TradingState.HALTED:
        agent.ledger.write("risk.resume", resume(agent.ledger.risk.code, "me").body)
    await passed(agent, 3)
    before = drawdown(agent.ledger.risk), day_loss(agent.ledger.risk)
    chain.paid = -Decimal(paid)
    await passed(agent, 3)
    declared(agent, paid)
    await passed(agent, 2)
    assert agent.ledger.risk.trading is TradingState.ACTIVE
    assert (drawdown(agent.ledger.risk), day_loss(agent.ledger.risk)) == pytest.approx(before, rel=1e-6)


async def test_what_is_missing_is_a_loss_until_it_is_declared() -> None:
    agent, chain = shared(World(UNITS), MemoryJournal())
    await agent.cycle()
    chain.paid = Decimal(20)
    await passed(agent, 2)
    assert [body.get("unexplained") for body in equities(agent)] == [None, {"USDT": "-20"}, {"USDT": "-20"}]
    assert drawdown(agent.ledger.risk) > 0.015
    declared(agent, "-20")
    await agent.cycle()
    assert drawdown(agent.ledger.risk) == pytest.approx(0.0, abs=1e-9)
    assert "unexplained" not in equities(agent)[-1]
