import importlib.util
import math
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.live import live_trader
from defi_analytics.app.signing import Asked
from defi_analytics.app.trading import RunRequest, opened_agent, paper_trader
from defi_analytics.app.valuing import (
    VALUED,
    comparable,
    flow_of,
    revalue,
    traded_before,
    valued,
    valued_before,
)
from defi_analytics.domain.market import Market, MarketKind, MarketStatus
from defi_analytics.domain.snapshot import Listing
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.decisions import STARTED
from defi_analytics.engine.policy import Policy
from defi_analytics.errors import NotFound, UsageError
from defi_analytics.risk.codes import TradingState
from defi_analytics.risk.halting import FLOW
from defi_analytics.risk.losses import drawdown
from tests.builders import a_top
from tests.cli.holding import holds
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import HOME, World, an_agent
from tests.fakes import NOON
from tests.integration.trading import staged

WETH = replace(HOME, market_id="weth", base="WETH", base_denom="weth", ticker="WETH/USDT")
PERP = replace(HOME, market_id="perp", kind=MarketKind.PERPETUAL, base_denom="")
ONCE = Policy(1.0, cycles=1)


def needs_the_sdk(test: Any) -> Any:
    missing = importlib.util.find_spec("pyinjective") is None or sys.version_info >= (3, 13)
    reason = "the official SDK is not installed: pip install defi-analytics[injective]"
    return pytest.mark.filterwarnings("ignore")(pytest.mark.skipif(missing, reason=reason)(test))


class Valued:
    """A paper account worth 1,000 USDT, 2 INJ of 25 and 1 WETH of 2,000."""

    def __init__(self, *, priced: bool = True) -> None:
        self.agent: Agent = an_agent(World(), MemoryJournal())
        chain: Any = self.agent.execution.chain
        chain.start = {"USDT": Decimal(1000), "INJ": Decimal(2), "WETH": Decimal(1)}
        tops = {HOME.market_id: a_top(HOME, 24.0, 26.0)}
        tops |= {"weth": a_top(WETH, 1_990.0, 2_010.0)} if priced else {}
        self.markets = {HOME.market_id: HOME, "weth": WETH, "perp": PERP}
        self.paused: Market | None = None

        async def listing() -> Listing:
            return Listing(NOON, self.markets, tops)

        async def inactive() -> Listing:
            return Listing(NOON, {"weth": self.paused}, tops) if self.paused else Listing(NOON, {}, {})

        self.app: Any = SimpleNamespace(
            settings=SimpleNamespace(run=SimpleNamespace(currency="USDT")),
            injective=lambda: SimpleNamespace(listing=listing, inactive=inactive),
        )

    def ran(self, equity: float, *markets: Any) -> None:
        self.agent.ledger.write(STARTED, {VALUED: valued(markets, "USDT")})
        self.agent.ledger.write("risk.equity", {"equity": equity})

    async def revalue(self, *markets: Any) -> None:
        await revalue(self.app, self.agent, markets)


async def test_an_asset_whose_only_market_was_paused_leaves_the_account_at_its_price() -> None:
    own = Valued()
    own.ran(3050.0, HOME, WETH)
    own.paused = replace(own.markets.pop("weth"), status=MarketStatus.PAUSED)
    await own.revalue(HOME)
    assert own.agent.ledger.risk.equity == pytest.approx(3050.0 - 2000)


async def test_fewer_markets_are_no_loss_and_more_hide_none() -> None:
    own = Valued()
    own.ran(3050.0, HOME, WETH)
    own.agent.ledger.write("risk.equity", {"equity": 2989.0})
    lost = drawdown(own.agent.ledger.risk)
    await own.revalue(HOME)
    assert own.agent.ledger.risk.equity == pytest.approx(2989.0 - 2000)
    assert drawdown(own.agent.ledger.risk) == pytest.approx(lost)
    own.ran(989.0, HOME)
    await own.revalue(HOME, WETH)
    assert own.agent.ledger.risk.equity == pytest.approx(2989.0)
    assert drawdown(own.agent.ledger.risk) == pytest.approx(lost)


async def test_a_crash_before_the_run_is_said_to_have_begun_counts_the_change_once() -> None:
    own = Valued()
    own.ran(3050.0, HOME, WETH)
    for _ in range(2):
        await own.revalue(HOME)
    own.agent.ledger.write("risk.flow", {"amount": 10.0, "asset": "USDT", "quantity": "10"})
    await own.revalue(HOME)
    assert own.agent.ledger.risk.equity == pytest.approx(3050.0 - 2000 + 10)


@pytest.mark.parametrize("kind", [MarketKind.SPOT, MarketKind.PERPETUAL])
async def test_cash_that_comes_to_count_with_a_market_is_no_profit(kind: MarketKind) -> None:
    own = Valued()
    chain: Any = own.agent.execution.chain
    chain.start = {**chain.start, "USDC": Decimal(500)}
    base = {"kind": kind, "base": "SOL", "base_denom": "sol" if kind is MarketKind.SPOT else ""}
    own.markets["sol"] = sol = replace(HOME, market_id="sol", quote="USDC", quote_denom="usdc", **base)
    own.ran(1050.0, HOME)
    await own.revalue(HOME, sol)
    assert own.agent.ledger.risk.equity == pytest.approx(1550.0)
    assert own.agent.ledger.risk.peak_equity == pytest.approx(1550.0)


async def test_the_same_assets_and_a_first_run_change_nothing() -> None:
    own = Valued()
    await own.revalue(HOME)
    own.agent.ledger.write(STARTED, {"mode": "paper"})
    await own.revalue(HOME)
    own.ran(1050.0, HOME)
    rows = own.agent.ledger.read
    await own.revalue(PERP)
    assert own.agent.ledger.read == rows


def test_a_perpetual_brings_its_quote_alone_but_for_what_pays_for_gas() -> None:
    other = replace(PERP, base="SOL", market_id="sol")
    assert valued([other], "USDT") == ["USDT"]
    assert valued([other, PERP], "USDT") == valued([HOME], "USDT") == ["INJ", "USDT"]


async def test_what_nothing_prices_is_not_guessed() -> None:
    own = Valued(priced=False)
    own.ran(3050.0, HOME, WETH)
    with pytest.raises(NotFound, match="nothing prices WETH"):
        await own.revalue(HOME)


async def test_with_capital_the_owners_own_assets_come_and_go_without_a_trace() -> None:
    own = Valued()
    own.agent.terms = replace(own.agent.terms, reserved={"INJ": Decimal(2), "WETH": Decimal("0.75")})
    own.ran(1000.0, HOME)
    own.agent.ledger.write("risk.capital", {"equity": 1000.0, "amount": 500.0})
    await own.revalue(HOME, WETH)
    # A quarter of the WETH is the strategies'.
    assert own.agent.ledger.risk.equity == pytest.approx(1500.0)
    assert own.agent.ledger.risk.apart == pytest.approx(1000.0)
    own.ran(1500.0, HOME, WETH)
    await own.revalue(WETH)
    assert own.agent.ledger.risk.equity == pytest.approx(1500.0)


async def test_what_the_owner_pays_in_is_a_flow_but_for_assets_that_are_not_valued() -> None:
    own = Valued()
    own.ran(1050.0, HOME)
    inj = "INJ", Decimal(4)
    assert await flow_of(own.app, own.agent.ledger.risk, *inj) == 100.0
    own.agent.ledger.write("risk.capital", {"equity": 1000.0, "amount": 500.0})
    assert await flow_of(own.app, own.agent.ledger.risk, *inj) == 0.0
    assert await flow_of(own.app, own.agent.ledger.risk, "USDT", Decimal(7)) == 7.0


async def test_a_position_of_an_earlier_run_is_not_left_to_itself(tmp_path: Any) -> None:
    async with staged(tmp_path, hold=True) as stage:
        market = await stage.app.find_market("WETH/USDT")
        holds(tmp_path, Account("sandbox"), market, "0.01")
        request = RunRequest(("oracle",), ("INJ/USDT",))
        with pytest.raises(UsageError, match="WETH/USDT: held or ordered by an earlier run") as error:
            async with opened_agent(stage.app, paper_trader(stage.app), request, ONCE):
                pass
        assert "defi risk flatten" in error.value.hint


async def test_closing_a_part_of_the_account_makes_up_no_loss(tmp_path: Any) -> None:
    """Only that part is read then: that it is less than the whole is no drawdown, and no flow."""
    async with staged(tmp_path, hold=True) as stage:
        own = stage.app.settings
        balances = {"USDT": Decimal(1000), "INJ": Decimal(1000)}
        stage.app.settings = replace(own, run=replace(own.run, paper_balances=balances))

        @asynccontextmanager
        async def opened(name: str, *, closing: bool = False) -> AsyncIterator[Agent]:
            request, trader = RunRequest(("oracle",), (name,)), paper_trader(stage.app)
            async with opened_agent(stage.app, trader, request, ONCE, closing=closing) as agent:
                yield agent

        async with opened("INJ/USDT") as agent:
            await agent.value()
            before = agent.ledger.risk.equity
            assert before > 10_000
            traded = traded_before(agent.ledger)
        async with opened("WETH/USDT", closing=True) as agent:
            await agent.value()
            assert agent.ledger.risk.trading is TradingState.ACTIVE
            assert (traded_before(agent.ledger), valued_before(agent.ledger)) == (traded, {"INJ", "USDT"})
        async with opened("INJ/USDT") as agent:
            await agent.value()
            assert agent.ledger.risk.equity == pytest.approx(before)
            assert agent.ledger.risk.trading is TradingState.ACTIVE
            assert list(agent.ledger.journal.replay(FLOW)) == []


async def test_closing_on_the_markets_of_the_last_run_is_valued() -> None:
    own = Valued()
    assert comparable(own.agent.ledger, [WETH], "USDT")
    own.ran(1050.0, HOME, WETH)
    assert comparable(own.agent.ledger, [WETH, PERP], "USDT")
    assert not comparable(own.agent.ledger, [PERP], "USDT")


def test_a_journal_of_before_runs_said_so_names_no_market_of_them() -> None:
    own = Valued()
    assert traded_before(own.agent.ledger) == []
    own.agent.ledger.write(STARTED, {"mode": "paper"})
    assert traded_before(own.agent.ledger) == []


@needs_the_sdk
async def test_the_worth_of_an_account_goes_on_where_it_was_on_other_markets(tmp_path: Any) -> None:
    """Of a held sandbox, where no price moves: whatever changed would be made up."""
    async with staged(tmp_path, hold=True) as stage:
        for names in (
            ("INJ/USDT", "WETH/USDT"),
            ("INJ/USDT", "SOL/USDT PERP"),
            ("SOL/USDT",),
            ("WETH/USDT",),
        ):
            async with (
                live_trader(stage.app, Asked(), {}, "", print) as trader,
                opened_agent(stage.app, trader, RunRequest(("oracle",), names), ONCE) as agent,
            ):
                before = agent.ledger.risk.equity
                await agent.value()
                assert math.isnan(before) or agent.ledger.risk.equity == pytest.approx(before, rel=2e-3)
                assert agent.ledger.risk.equity > 10_000
