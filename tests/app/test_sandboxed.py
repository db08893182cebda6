from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.ledgers import opened_ledger
from defi_analytics.app.trading import RunRequest, opened_agent, paper_trader
from defi_analytics.engine.policy import Policy
from defi_analytics.errors import Mismatch
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.losses import day_loss, drawdown, week_loss
from tests.integration import trading
from tests.integration.trading import staged

PAPER = Account("sandbox")
REQUEST = RunRequest(markets=("INJ/USDT",))


@pytest.fixture
def later(monkeypatch):
    """The next sandbox is started this much later."""

    def moved(seconds):
        monkeypatch.setattr(trading, "START", trading.START + timedelta(seconds=seconds))

    return moved


@asynccontextmanager
async def sandbox(home, *, blocks=0, **more):
    async with staged(home, hold=True, **more) as stage:
        stage.app.warn = lambda line: None
        stage.sandbox.advance(blocks)
        yield stage


@asynccontextmanager
async def agent_on(stage):
    async with opened_agent(stage.app, paper_trader(stage.app), REQUEST, Policy(1.0, cycles=1)) as agent:
        yield agent


async def test_a_sandbox_that_was_started_again_is_another_though_it_is_older_than_the_journal(
    tmp_path, later
):
    async with sandbox(tmp_path) as stage, agent_on(stage) as agent:
        agent.ledger.write("note", {})
    later(60)
    async with sandbox(tmp_path, blocks=500) as stage:
        async with agent_on(stage) as agent:
            assert "note" not in [kind for _, kind, _ in agent.ledger.journal.replay()]
        async with agent_on(stage) as agent:
            assert len(list(agent.ledger.journal.replay("genesis"))) == 1
    assert (tmp_path / "accounts" / "sandbox-paper.ended-1.sqlite").exists()


async def test_the_same_sandbox_goes_on_with_its_journal(tmp_path):
    async with sandbox(tmp_path) as stage:
        async with agent_on(stage) as agent:
            agent.ledger.write("note", {})
        stage.sandbox.advance(50)
        async with agent_on(stage) as agent:
            assert "note" in [kind for _, kind, _ in agent.ledger.journal.replay()]


async def test_a_sandbox_that_does_not_say_which_it_is_goes_by_its_height(tmp_path, later, monkeypatch):
    async with sandbox(tmp_path) as stage, agent_on(stage) as agent:
        agent.ledger.write("note", {})
    later(60)
    async with sandbox(tmp_path, blocks=5) as stage:
        monkeypatch.setattr("defi_analytics.app.sandboxed.STATUS_PATH", "/sandbox/nowhere")
        async with agent_on(stage) as agent:
            assert "note" in [kind for _, kind, _ in agent.ledger.journal.replay()]


@pytest.mark.parametrize(
    ("kind", "trading_state", "code"),
    [("risk.halt", TradingState.HALTED, "HALTED"), ("risk.reduce", TradingState.REDUCING, "REDUCE_ONLY")],
)
async def test_what_stopped_trading_outlasts_the_sandbox(tmp_path, later, kind, trading_state, code):
    async with sandbox(tmp_path) as stage, agent_on(stage) as agent:
        agent.ledger.write(kind, {"code": code, "reason": "enough", "by": "person"})
    later(60)
    async with sandbox(tmp_path, blocks=9) as stage, agent_on(stage) as agent:
        risk = agent.ledger.risk
        assert (risk.trading, risk.code, risk.reason) == (trading_state, Denial[code], "enough")


async def lost(stage, *shares):
    async with agent_on(stage) as agent:
        await agent.value()
        start = agent.ledger.risk.equity
        for share in shares:
            agent.ledger.write("risk.equity", {"equity": start * share})
        agent.ledger.write("risk.trade", {"market": "x"})
        agent.ledger.write("risk.gas", {"inj": 0.25})


async def test_the_days_loss_and_counts_outlast_the_sandbox(tmp_path, later):
    async with sandbox(tmp_path) as stage:
        await lost(stage, 0.97, 0.99)
    later(60)
    for _ in range(2):
        async with sandbox(tmp_path, blocks=9) as stage, agent_on(stage) as agent:
            risk = agent.ledger.risk
            assert day_loss(risk) == pytest.approx(0.03)
            assert (risk.trades_today, risk.gas_today) == (1, 0.25)
            assert risk.equity == pytest.approx(1000, abs=1)
            await agent.value()
            assert day_loss(agent.ledger.risk) == pytest.approx(0.03)
            assert agent.ledger.risk.trading is TradingState.ACTIVE


async def test_the_next_day_begins_without_loss(tmp_path, later):
    async with sandbox(tmp_path) as stage:
        await lost(stage, 0.97, 0.99)
    later(86_400)
    async with sandbox(tmp_path, blocks=9) as stage, agent_on(stage) as agent:
        risk = agent.ledger.risk
        assert (day_loss(risk), risk.trades_today, risk.gas_today) == (0.0, 0, 0.0)


async def test_the_weeks_loss_and_the_peak_outlast_the_sandbox_each_as_it_was(tmp_path, later):
    """The day's, the week's and the peak's starts all differ: two days of the same week."""
    async with sandbox(tmp_path) as stage:
        await lost(stage, 1.05, 0.99, 1.02)
    later(86_400)
    async with sandbox(tmp_path, blocks=9) as stage:
        await lost(stage, 0.98)
        async with agent_on(stage) as agent:
            before = agent.ledger.risk
    later(60)
    async with sandbox(tmp_path, blocks=9) as stage, agent_on(stage) as agent:
        risk = agent.ledger.risk
        for loss in (day_loss, week_loss, drawdown):
            assert loss(risk) == pytest.approx(loss(before)) != 0
        assert len({day_loss(risk), week_loss(risk), drawdown(risk)}) == 3


async def test_the_next_week_begins_without_loss_but_not_without_the_peak(tmp_path, later):
    async with sandbox(tmp_path) as stage:
        await lost(stage, 0.98)
    later(4 * 86_400)
    async with sandbox(tmp_path, blocks=9) as stage, agent_on(stage) as agent:
        risk = agent.ledger.risk
        assert (day_loss(risk), week_loss(risk)) == (0.0, 0.0)
        assert drawdown(risk) == pytest.approx(0.02)


async def test_a_plan_on_another_sandbox_starts_from_the_same_and_writes_nothing(tmp_path, later):
    async with sandbox(tmp_path) as stage:
        await lost(stage, 0.97, 0.99)
    later(60)
    async with sandbox(tmp_path, blocks=9) as stage:
        async with opened_ledger(stage.app, PAPER, locked=False) as ledger:
            assert ledger.risk.trades_today == 1
        assert not (tmp_path / "accounts" / "sandbox-paper.ended-1.sqlite").exists()


async def test_a_carried_record_that_is_damaged_is_not_passed_over(tmp_path):
    async with sandbox(tmp_path) as stage:
        async with opened_ledger(stage.app, PAPER, locked=True) as ledger:
            ledger.write("carried", {"start": "much"})
        with pytest.raises(Mismatch, match="impossible 'carried' record"):
            async with agent_on(stage):
                pass
