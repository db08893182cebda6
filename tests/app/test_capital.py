import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.capital import give
from defi_analytics.app.ledgers import Unwritten
from defi_analytics.app.limits import risk_limits
from defi_analytics.app.standing import standing
from defi_analytics.app.trading import RunRequest, opened_agent, paper_trader
from defi_analytics.config.load import load
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.policy import Policy
from defi_analytics.errors import WrongState
from defi_analytics.risk.codes import TradingState
from defi_analytics.risk.losses import day_loss, drawdown
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import PERP, World, an_agent, quantity
from tests.integration.trading import staged


def owned(world: World) -> Agent:
    """Of somebody who has 100,000 USDT, and 2,000 INJ of 25 that are not to be traded."""
    agent = an_agent(world, MemoryJournal(), names=("convergence",))
    chain: Any = agent.execution.chain
    chain.start = {"USDT": Decimal(100_000), "INJ": Decimal(2_000)}
    agent.terms = replace(agent.terms, reserved={"INJ": Decimal(2_000)})
    return agent


async def given(agent: Agent, capital: float | None = 1_000.0) -> None:
    await give(agent, capital, Ledger(Unwritten(), agent.clock))


def pays(agent: Agent, amount: int) -> None:
    """Out of the account, which looks like a loss."""
    chain: Any = agent.execution.chain
    chain.start = {**chain.start, "USDT": chain.start["USDT"] - amount}


async def test_losses_are_fractions_of_the_capital_and_not_of_the_whole_wallet() -> None:
    agent = owned(World())
    await given(agent)
    assert agent.ledger.risk.apart == pytest.approx(99_000)
    pays(agent, 31)
    await agent.value()
    assert day_loss(agent.ledger.risk) == pytest.approx(0.031)
    pays(agent, 20)
    await agent.value()
    assert agent.ledger.risk.trading is TradingState.HALTED


async def test_what_is_not_to_be_traded_loses_nothing_of_it() -> None:
    world = World()
    agent = owned(world)
    await given(agent)
    world.show(15.0)
    world.oracle = 15.0
    await agent.value()
    assert drawdown(agent.ledger.risk) == pytest.approx(0.0, abs=1e-9)


async def test_the_gate_refuses_by_the_same_fractions() -> None:
    world = World()
    agent = owned(world)
    await given(agent)
    pays(agent, 31)
    world.show(25.0, away=25.5)
    decision = await agent.cycle()
    assert [refused.code.name for refused in decision.refused] == ["DAILY_LOSS"]
    assert decision.refused[0].value == pytest.approx(0.031)


async def test_capital_can_be_given_while_a_position_is_held() -> None:
    world = World(PERP)
    agent = owned(world)
    agent.terms = replace(agent.terms, reserved={})
    agent.ledger.write("baseline", {"height": 1, "balances": {"USDT": "100000"}})
    world.show(25.0, away=25.3)
    for _ in range(2):
        await agent.cycle()
    assert quantity(agent, PERP.key)
    pays(agent, -7_000)
    await given(agent)
    assert agent.ledger.risk.equity == pytest.approx(100_000, rel=1e-3), "without what came in"
    assert agent.ledger.risk.equity - agent.ledger.risk.apart == pytest.approx(1_000)


async def test_capital_that_stays_the_same_is_given_once() -> None:
    agent = owned(World())
    await given(agent)
    pays(agent, 10)
    await agent.value()
    rows = agent.ledger.read
    await given(agent)
    assert agent.ledger.read == rows
    assert day_loss(agent.ledger.risk) == pytest.approx(0.01)


async def test_more_capital_or_none_forgets_no_loss_also_not_the_last_one() -> None:
    agent = owned(World())
    await given(agent)
    pays(agent, 20)
    for capital in (2_000.0, None, 500.0):
        await given(agent, capital)
        assert day_loss(agent.ledger.risk) == pytest.approx(0.02)
    whole = agent.ledger.risk
    assert (whole.capital, whole.equity - whole.apart) == (500.0, pytest.approx(500))


async def test_no_capital_is_set_apart_in_what_is_not_known() -> None:
    agent = owned(World())
    chain: Any = agent.execution.chain
    chain.start = {}
    with pytest.raises(WrongState, match="no capital"):
        await given(agent)
    assert agent.ledger.risk.capital == math.inf
    await given(agent, None)


def test_no_more_is_exposed_than_there_is_capital(tmp_path: Any) -> None:
    variable = "DEFI_MONITORING__RISK_MANAGEMENT__CAPITAL"

    def limits(**more: str) -> tuple[float, float]:
        found = risk_limits(load(None, {"HOME": str(tmp_path), **more}, {}).settings)
        return found.max_exposure_total, found.max_trade_size

    assert limits() == limits(**{variable: "3000"}) == limits(**{variable: "100000"}) == (3_000.0, 500.0)
    assert limits(**{variable: "1000"}) == (1_000.0, 500.0)
    assert limits(**{variable: "50"}) == (50.0, 50.0)


async def test_a_run_gives_what_the_settings_say_and_risk_tells_the_same(tmp_path: Any) -> None:
    async with staged(tmp_path, hold=True) as stage:
        settings = stage.app.settings
        own = replace(settings.risk, capital=Decimal(100))
        monitoring = replace(settings.monitoring, risk_management=own)
        app = replace(stage.app, settings=replace(settings, monitoring=monitoring))
        request = RunRequest(("oracle",), ("INJ/USDT",), max_loss=3.0)
        async with opened_agent(app, paper_trader(app), request, Policy(1.0, cycles=1)) as agent:
            assert agent.ledger.risk.capital == 100.0
            assert agent.terms.limits.max_loss == 3.0
            assert agent.terms.limits.max_exposure_total == 100.0
            start = agent.ledger.risk.equity
            agent.ledger.write("risk.equity", {"equity": start - 2.0})
        found = await standing(app, Account("sandbox"))
        assert found.looked is not None
        assert day_loss(found.risk) == pytest.approx(0.02)
        assert found.risk.equity == pytest.approx(start)
