"""What others do to the account beside a resting stop of ours, and where nobody can read what they did."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.app.starting import agreed
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import Fill
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.records import Kind
from defi_analytics.errors import OutcomeUnknown, Unavailable
from defi_analytics.risk.codes import TradingState
from tests.engine.memory_journal import MemoryJournal
from tests.engine.shared_account import ONE, Shared, pruned, shared
from tests.engine.trading import HOME, PERP, World, quantity


async def with_a_stop() -> tuple[World, MemoryJournal, Agent, Shared]:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    world.show(25.0, away=25.3)
    for _ in range(3):
        await agent.cycle()
    assert [order.request.kind for order in agent.ledger.books.live] == [OrderKind.STOP]
    return world, journal, agent, chain


def last_order(agent: Agent) -> tuple[OrderKind, bool]:
    request = list(agent.ledger.books.orders.values())[-1].request
    return request.kind, request.reduce_only


async def test_who_came_and_went_beside_a_stop_of_ours_is_counted_by_the_cash_that_it_cost() -> None:
    world, _, agent, chain = await with_a_stop()
    for amount in (ONE, -ONE):
        chain.trade(PERP.key, amount, world.height + 1)
    chain.paid = Decimal("0.05")
    await agent.cycle()
    assert agent.ledger.books.foreign_fills == 2


@pytest.mark.parametrize("moves", [True, False])
async def test_a_trade_beside_a_stop_of_ours_is_counted_on_a_market_that_we_never_traded_too(
    *, moves: bool
) -> None:
    world, _, agent, chain = await with_a_stop()
    other = replace(HOME, market_id="other", base="ETH", ticker="ETH/USDT")
    chain.trade(other.key, ONE, world.height + 1)
    if moves:
        chain.trade(PERP.key, ONE, world.height + 1)
    chain.paid = Decimal(25)
    world.height += 5
    markets = [PERP, other]
    portfolio = await chain.portfolio(markets)
    await agent.execution.counting.reconcile(portfolio, markets)
    assert await agent.execution.counting.explained(portfolio, markets) == ()
    assert quantity(agent, other.key) == ONE


async def test_beside_a_stop_an_exit_waits_two_rounds_at_most_for_fills_that_nobody_can_read() -> None:
    world, journal, agent, chain = await with_a_stop()
    sent = journal.kinds.count(Kind.SIGNED)
    agent.execution.chain = pruned(chain)
    chain.trade(PERP.key, ONE, world.height + 1)
    world.oracle = 22.0
    world.show(22.0)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await agent.cycle()
        assert journal.kinds.count(Kind.SIGNED) == sent
    await agent.cycle()
    assert agent.ledger.risk.trading is TradingState.HALTED
    assert last_order(agent) == (OrderKind.MARKET, True)


async def test_beside_a_stop_what_is_held_is_closed_though_nobody_can_read_who_else_traded() -> None:
    world, _, agent, chain = await with_a_stop()
    agent.execution.chain = pruned(chain)
    chain.trade(PERP.key, ONE, world.height + 1)
    # It went out; what became of it cannot be read.
    with pytest.raises(OutcomeUnknown):
        await agent.flatten()
    assert last_order(agent) == (OrderKind.MARKET, True)


@pytest.mark.parametrize(("market", "stop"), [(HOME, False), (PERP, True)])
async def test_cash_that_came_or_went_halts_nobody_though_nobody_can_read_why(
    market: Market, stop: bool
) -> None:
    if stop:
        world, _, agent, chain = await with_a_stop()
    else:
        world = World(market)
        agent, chain = shared(world, MemoryJournal())
        await agent.cycle()
    chain.paid = -ONE
    agent.execution.chain = pruned(chain)
    counted = agent.ledger.counted
    for _ in range(5):
        await agent.cycle()
    assert agent.ledger.risk.trading is TradingState.ACTIVE
    assert agent.ledger.counted - counted <= 3, "none of those blocks is taken for empty"
    await agent.execution.settle()
    chain.trade(market.key, ONE, world.height)
    chain.trade(market.key, -ONE, world.height)
    agent.execution.chain = chain
    await agent.cycle()
    assert agent.ledger.books.foreign_fills == 2


def started_again(agent: Agent, chain: Shared) -> Execution:
    """As a new process has it: the same journal, and nobody who saw the account before."""
    agent.execution = Execution(chain, agent.ledger, pays_gas=False, traded=(PERP, HOME))
    return agent.execution


@pytest.mark.parametrize("blocks", [5, 60, 30_000])
async def test_who_came_and_went_while_no_agent_ran_is_counted_beside_a_stop_of_ours(blocks: int) -> None:
    world, _, agent, chain = await with_a_stop()
    for amount, price in ((ONE, "25"), (-ONE, "20")):
        chain.trade(HOME.key, amount, world.height + 3)
        chain.foreign[-1] = replace(chain.foreign[-1], price=Decimal(price))
    world.height += blocks
    await started_again(agent, chain).settle()
    assert agent.ledger.books.foreign_fills == 2
    assert agent.ledger.books.net[HOME.key].gained == Decimal(-7)
    found = await agreed(agent, [PERP, HOME], pays_gas=False, dry=False)
    assert found.differences == ()


@pytest.mark.parametrize("came", [False, True])
async def test_a_start_beside_a_stop_of_ours_reads_blocks_once_and_only_where_cash_is_not_explained(
    *, came: bool
) -> None:
    world, _, agent, chain = await with_a_stop()
    reads: list[tuple[int, int]] = []

    async def fills(self: Any, markets: Sequence[Market], first: int, last: int) -> Sequence[Fill]:
        reads.append((first, last))
        return await Shared.fills(self, markets, first, last)

    names = ("venue", "latest", "clock", "books", "start", "foreign")
    heard = type("Heard", (Shared,), {"__slots__": (), "fills": fills})(
        **{name: getattr(chain, name) for name in names}
    )
    heard.paid = -ONE if came else Decimal(0)
    execution, first = started_again(agent, heard), agent.ledger.counted + 1
    world.height += 120_000
    await execution.settle()
    assert len(reads) == (13 if came else 0)
    if came:
        assert (reads[0][0], reads[-1][1]) == (first, agent.ledger.counted)
    reads.clear()
    for _ in range(3):
        world.height += 8
        await execution.settle()
    assert reads == []
    assert agent.ledger.counted == world.height
