"""Closing what is held changes nothing but that: what the account is worth goes on where it was."""

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.closing import flattened
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.app.live import live_trader
from defi_analytics.app.signing import Asked
from defi_analytics.app.standing import standing
from defi_analytics.domain.market import MarketKind
from defi_analytics.engine.agent import Agent
from defi_analytics.risk.halting import FLOW
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from tests.integration.trading import Stage, quick_folder, staged

pytestmark = pytest.mark.filterwarnings("ignore")
ACCOUNT = Account("sandbox", DEV_ADDRESS)


async def perpetual_held(stage: Stage, agent: Agent) -> None:
    """One alone, so that only cash is looked at to close it: the account has coins besides."""
    for _ in range(400):
        await agent.cycle()
        await stage.clock.sleep(8 * stage.sandbox.block_s)
        books = agent.ledger.books
        if any(books.markets[key].kind is MarketKind.PERPETUAL for key in books.at_risk):
            return
    raise AssertionError("the world gave nothing to hold")


async def test_what_an_account_is_worth_loses_no_more_than_costs_by_closing_a_part_of_it() -> None:
    async with staged(quick_folder()) as stage:
        stage.markets = ("INJ/USDT", "WETH/USDT", "SOL/USDT PERP")
        async with stage.agent("convergence", "oracle", blocks=9_000, live=True) as agent:
            await perpetual_held(stage, agent)
            await agent.value()
            before = agent.ledger.risk
        steps = await flattened(stage.app, ACCOUNT, live_trader(stage.app, Asked(), {}, "", print))
        assert any("SOL/USDT PERP" in step.message for step in steps)
        ledger = ledger_of(stage.app.settings.home, ACCOUNT, stage.clock)
        assert not ledger.books.at_risk
        now = await standing(stage.app, ACCOUNT)
        assert now.risk.equity == pytest.approx(before.equity, rel=1e-3)
        assert now.risk.peak_equity == pytest.approx(before.peak_equity, rel=1e-3)
        async with stage.agent("oracle", blocks=10, live=True) as agent:
            await agent.value()
            assert agent.ledger.risk.equity == pytest.approx(before.equity, rel=1e-3)
            assert list(agent.ledger.journal.replay(FLOW)) == []
