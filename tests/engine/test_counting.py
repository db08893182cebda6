"""Which blocks are read: all in which somebody traded, on whichever market the books know, and few others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.portfolio import Portfolio, Position
from defi_analytics.engine.execution import Execution
from tests.engine.memory_journal import MemoryJournal
from tests.engine.shared_account import ONE, Shared, shared
from tests.engine.trading import HOME, PERP, World, quantity

EARLIER = replace(
    PERP, market_id="other", base="ETH", ticker="ETH/USDC PERP", quote="USDC", quote_denom="usdc"
)
"""Traded by a run of before, and flat; what trades there moves no cash that today's run looks at."""


@dataclass(slots=True)
class Told(Shared):
    """Tells the positions of the markets that it is asked for, as the venue does."""

    async def portfolio(self, markets: Sequence[Market]) -> Portfolio:
        told = await Shared.portfolio(self, markets)
        theirs = {m.key: self.held(m.key) for m in markets if m.key == EARLIER.key and self.held(m.key)}
        more = {key: Position(key, own, Decimal(25), ONE) for key, own in theirs.items()}
        return replace(told, positions={**told.positions, **more})

    def held(self, key: MarketKey) -> Decimal:
        return sum((fill.signed for fill in self.foreign if fill.key == key), Decimal(0))


@pytest.mark.parametrize("trades", [[ONE], [ONE, -ONE], [ONE, ONE]])
async def test_what_others_trade_on_a_market_of_an_earlier_run_is_counted_before_an_order_of_ours(
    trades: list[Decimal],
) -> None:
    world = World(HOME)
    agent, paper = shared(world, MemoryJournal())
    names = ("venue", "latest", "clock", "books", "start", "foreign")
    chain = agent.execution.chain = Told(**{name: getattr(paper, name) for name in names})
    agent.ledger.books.markets[EARLIER.key] = EARLIER
    for _ in range(2):
        await agent.cycle()
    for amount in trades:
        chain.trade(EARLIER.key, amount, world.height + 1)
        await agent.cycle()
    world.show(25.0, away=25.3)
    await agent.cycle()
    assert quantity(agent) > 0, "an order of ours was sent and filled"
    assert quantity(agent, EARLIER.key) == sum(trades)
    assert agent.ledger.books.foreign_fills == len(trades)
    for _ in range(5):
        await agent.cycle()
    assert agent.ledger.risk.trading.name == "ACTIVE"


async def test_what_others_trade_beside_a_stop_of_ours_is_counted_on_markets_without_any_order_of_ours() -> (
    None
):
    """Before the first round looks at them: as a run starts again."""
    world = World(PERP)
    agent, paper = shared(world, MemoryJournal())
    names = ("venue", "latest", "clock", "books", "start", "foreign")
    chain = Told(**{name: getattr(paper, name) for name in names})
    agent.execution = Execution(chain, agent.ledger, traded=(PERP, EARLIER))
    world.show(25.0, away=25.3)
    for _ in range(3):
        await agent.cycle()
    assert [order.request.strategy for order in agent.ledger.books.live] == ["stop"]
    chain.trade(EARLIER.key, ONE, world.height + 1)
    world.height += 5
    await agent.execution.settle()
    assert quantity(agent, EARLIER.key) == ONE
