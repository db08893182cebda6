"""What came in while no run went on is booked as it is found, and is nobody's profit."""

import importlib.util
import sys
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from defi_analytics.app.booking import book, book_received
from defi_analytics.app.live import live_trader
from defi_analytics.app.signing import Asked
from defi_analytics.app.starting import agreed, reserved_of
from defi_analytics.app.trading import RunRequest, opened_agent
from defi_analytics.app.valuing import VALUED
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import Fill
from defi_analytics.domain.snapshot import Listing
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.decisions import STARTED
from defi_analytics.engine.differences import Code, Difference
from defi_analytics.engine.paper import PaperChain
from defi_analytics.engine.policy import Policy
from defi_analytics.errors import Unavailable
from defi_analytics.risk.codes import TradingState
from defi_analytics.risk.halting import EQUITY, FLOW
from defi_analytics.risk.losses import drawdown
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from tests.builders import a_top
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import HOME, World, an_agent
from tests.fakes import NOON
from tests.integration.trading import staged

live = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        importlib.util.find_spec("pyinjective") is None or sys.version_info >= (3, 13),
        reason="the official SDK is not installed: pip install defi-analytics[injective]",
    ),
]


class Account:
    """Paper with 1,000 USDT and 2 INJ of 25, whose `have` anybody may change; it has lost four of a hundred."""

    def __init__(self, *, priced: bool = True) -> None:
        self.world, self.journal, self.warnings = World(), MemoryJournal(), list[str]()
        self.have = {"USDT": Decimal(1000), "INJ": Decimal(2)}
        tops = {HOME.market_id: a_top(HOME, 24.0, 26.0)} if priced else {}

        async def listing() -> Listing:
            return Listing(NOON, {HOME.market_id: HOME}, tops)

        async def inactive() -> Listing:
            return Listing(NOON, {}, {})

        self.app: Any = SimpleNamespace(
            settings=SimpleNamespace(run=SimpleNamespace(currency="USDT")),
            injective=lambda: SimpleNamespace(listing=listing, inactive=inactive),
            clock=self.world.clock,
            warn=self.warnings.append,
        )

    async def lost(self, *valued: str) -> None:
        agent = await self.agent()
        agent.ledger.write(STARTED, {VALUED: sorted({"USDT", *valued})})
        for equity in (1_000.0, 960.0):
            agent.ledger.write(EQUITY, {"equity": equity})

    async def agent(self) -> Agent:
        agent = an_agent(self.world, self.journal)
        chain: Any = agent.execution.chain
        chain.start = self.have
        reserved = await reserved_of(agent.ledger, chain, [HOME], "USDT")
        agent.terms = replace(agent.terms, reserved=reserved)
        return agent

    async def starts(self) -> Agent:
        agent = await self.agent()
        found = await agreed(agent, [HOME], pays_gas=False, dry=False)
        await book_received(self.app, agent, [HOME], found, pays_gas=False, dry=False)
        return agent

    @property
    def flows(self) -> list[tuple[str, str, float, str]]:
        told = [body for _, _, body in self.journal.replay(FLOW)]
        return [(body["asset"], body["quantity"], body["amount"], body["by"]) for body in told]


@pytest.mark.parametrize(("asset", "amount", "worth"), [("USDT", "1e-6", 1e-6), ("INJ", "40", 1_000.0)])
async def test_what_came_in_moves_no_loss_and_is_its_owners(asset: str, amount: str, worth: float) -> None:
    own = Account()
    await own.lost("INJ")
    own.have[asset] += Decimal(amount)
    agent = await own.starts()
    assert own.flows == [(asset, f"{Decimal(amount):f}", worth, "unknown")]
    assert drawdown(agent.ledger.risk) == pytest.approx(0.04)
    assert agent.ledger.risk.equity == 960.0 + worth
    assert agent.terms.reserved == {"INJ": own.have["INJ"]}
    assert own.warnings == [f"{Decimal(amount):f} {asset} came in from somebody unknown: booked as a deposit"]
    await own.starts()
    assert len(own.flows) == 1


async def test_an_asset_that_no_equity_was_the_worth_of_moves_none() -> None:
    own = Account()
    await own.lost()
    own.have["INJ"] += 40
    agent = await own.starts()
    assert own.flows == [("INJ", "40", 0.0, "unknown")]
    assert agent.ledger.risk.equity == 960.0


async def test_what_nothing_prices_waits_and_stops_nobody() -> None:
    own = Account(priced=False)
    await own.lost("INJ")
    own.have["INJ"] += 40
    agent = await own.starts()
    assert (own.flows, agent.terms.reserved) == ([], {"INJ": Decimal(2)})
    assert "left out of this run: injective: nothing prices INJ" in own.warnings[0]


async def test_what_a_fill_explains_once_it_is_counted_is_no_deposit(monkeypatch: Any) -> None:
    own = Account()
    await own.lost("INJ")
    own.have["USDT"] += 50

    async def fills(chain: PaperChain, markets: Any, first: int, last: int) -> list[Fill]:
        made = [
            Fill(side, HOME.key, "", f"0x{side}", side, Decimal(price), Decimal(1), Decimal(0), NOON, 1_002)
            for side, price in ((Side.BUY, 25), (Side.SELL, 75))
        ]
        own.have["USDT"] = Decimal(1000)
        return made if first <= 1_002 <= last else []

    monkeypatch.setattr(PaperChain, "fills", fills)
    await own.starts()
    assert own.flows == []


async def test_what_cannot_be_proven_waits_too(monkeypatch: Any) -> None:
    own = Account()
    await own.lost("INJ")
    own.have["USDT"] += 50

    async def fills(chain: PaperChain, markets: Any, first: int, last: int) -> list[Fill]:
        raise Unavailable("injective", "pruned")

    monkeypatch.setattr(PaperChain, "fills", fills)
    await own.starts()
    assert own.flows == []
    assert own.warnings == ["what came in from somebody unknown is left out of this run: injective: pruned"]


async def test_a_flow_that_cannot_be_folded_is_booked_and_told() -> None:
    own = Account()
    await own.lost("INJ")
    agent = await own.agent()
    agent.ledger.write(EQUITY, {"equity": 860.0, "unexplained": "much"})
    book(
        own.app, agent.ledger, Difference(Code.BALANCE, "USDT", Decimal(1), Decimal(-99), "USDT"), -100.0, ""
    )
    assert own.flows == [("USDT", "-100", -100.0, "")]
    said = "losses are measured as if no run had valued it before: an equity says that 'much' is unexplained"
    assert own.warnings == [f"USDT: {said}"]


@pytest.mark.parametrize("_", [pytest.param(None, marks=live)])
async def test_a_strangers_least_unit_stops_no_live_run_and_no_start(tmp_path: Any, _: None) -> None:
    request = RunRequest(("convergence",), ("INJ/USDT",))
    async with staged(tmp_path) as stage:

        async def run() -> list[tuple[str, str]]:
            async with (
                live_trader(stage.app, Asked(), {}, "", print) as trader,
                opened_agent(stage.app, trader, request, Policy(1.0, cycles=3)) as agent,
            ):
                for amount in (1, 5 * 10**18):
                    stage.sandbox.chain.fund(DEV_ADDRESS, "inj", amount)
                await agent.run()
                assert agent.ledger.risk.trading is TradingState.ACTIVE
                told = [body for _, _, body in agent.ledger.journal.replay(FLOW)]
                return [(body["quantity"], body["by"]) for body in told if body.get("asset") == "INJ"]

        assert await run() == []
        assert await run() == [("5.000000000000000001", "unknown")]
