"""The chain takes over a position of the agent's: told as what it is, and lost without anybody's leave."""

import shutil
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.app.starting import agreed
from defi_analytics.domain.market import MarketKey, MarketKind
from defi_analytics.engine.agent import Agent
from defi_analytics.risk.codes import TradingState
from defi_analytics.risk.flows import UNEXPLAINED
from defi_analytics.risk.halting import EQUITY, FLOW
from defi_analytics.sandbox.ledger import blocks
from tests.integration.trading import Stage, quick_folder, staged

PERPETUALS = ("INJ/USDT PERP", "SOL/USDT PERP")


@pytest.fixture
async def stage():
    home = quick_folder()
    async with staged(home) as stage:
        stage.markets = PERPETUALS
        yield stage
    shutil.rmtree(home)


async def rounds(stage: Stage, agent: Agent, count: int) -> None:
    for _ in range(count):
        await agent.cycle()
        await stage.clock.sleep(8 * stage.sandbox.block_s)


async def entered(stage: Stage, agent: Agent) -> MarketKey:
    for _ in range(400):
        await rounds(stage, agent, 1)
        for key, own in agent.ledger.books.net.items():
            if own.quantity and agent.ledger.books.settled:
                return key
    raise AssertionError("nothing was entered")


async def test_a_liquidation_is_a_loss_of_the_strategy_and_nobodys_withdrawal(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage.agent("convergence", "oracle", blocks=9_000, live=True) as agent:
        books, chain = agent.ledger.books, agent.execution.chain
        key = await entered(stage, agent)
        market, before = books.markets[key], books.net[key]
        assert market.kind is MarketKind.PERPETUAL
        margin = (await chain.portfolio([market])).positions[key].margin
        read = agent.ledger.read

        def due(position: Any, *_: Any) -> bool:
            return position.market_id == key.market_id

        with monkeypatch.context() as near:
            near.setattr(blocks, "liquidatable", due)
            await rounds(stage, agent, 1)
        await rounds(stage, agent, 1)
        closed = books.last_fills[key]
        assert closed.liquidation
        assert f"the chain liquidated {market.ticker}: " in caplog.text
        assert "another client" not in caplog.text
        assert (books.net[key].quantity, books.foreign_fills) == (0, 0)
        # Funding was paid out of the margin; nothing else of it came back.
        lost = before.gained - books.net[key].gained
        assert lost == pytest.approx(margin, abs=Decimal("0.01"))
        assert ("", key) not in books.held
        markets = list(books.markets.values())
        found = await agreed(agent, markets, pays_gas=True, dry=False)
        assert found.differences == ()
        told = list(agent.ledger.journal.replay(after=read))
        assert [body for _, kind, body in told if kind == EQUITY]
        assert not [body for _, kind, body in told if kind == FLOW or UNEXPLAINED in body]
        assert agent.ledger.risk.trading is TradingState.ACTIVE
