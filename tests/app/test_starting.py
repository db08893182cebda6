import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.app.live import live_trader
from defi_analytics.app.signing import Asked
from defi_analytics.app.starting import agreed, compare, reserved_of
from defi_analytics.app.trading import RunRequest, opened_agent, paper_trader
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import ApprovedOrder, OrderRequest
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.ledger import BASELINE
from defi_analytics.engine.paper import PaperChain
from defi_analytics.engine.policy import Policy
from defi_analytics.errors import Mismatch, Unavailable
from defi_analytics.risk.codes import TradingState
from defi_analytics.risk.halting import FLOW
from tests.engine.memory_journal import MemoryJournal
from tests.engine.shared_account import ONE, pruned, shared
from tests.engine.test_foreign_unread import with_a_stop
from tests.engine.trading import AWAY, HOME, PERP, World, an_agent
from tests.fakes import NOON
from tests.integration.trading import MARKETS, Stage, staged

live = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        importlib.util.find_spec("pyinjective") is None or sys.version_info >= (3, 13),
        reason="the official SDK is not installed: pip install defi-analytics[injective]",
    ),
]
ONCE = Policy(1.0, cycles=1)
OTHER = replace(HOME, market_id="weth", base="WETH", base_denom="weth", ticker="WETH/USDT")


class Told:
    """What the paper account has is in `have`, and whoever changes that is no agent."""

    def __init__(self) -> None:
        self.world, self.journal = World(), MemoryJournal()
        self.have = {"USDT": Decimal(1000)}

    def agent(self) -> Agent:
        agent = an_agent(self.world, self.journal)
        vars_of: Any = agent.execution.chain
        vars_of.start = self.have
        return agent

    async def reserved(self, *markets: Any) -> dict[str, Decimal]:
        agent = self.agent()
        return await reserved_of(agent.ledger, agent.execution.chain, markets or (HOME,), "USDT")

    async def starts(self, *, dry: bool = False) -> Agent:
        agent = self.agent()
        await reserved_of(agent.ledger, agent.execution.chain, [HOME], "USDT")
        await agreed(agent, [HOME], pays_gas=True, dry=dry)
        return agent


async def test_what_a_new_account_holds_is_where_its_story_begins() -> None:
    told = Told()
    told.have["INJ"] = Decimal(7)
    agent = await told.starts()
    assert agent.ledger.baseline == {"USDT": "1000", "INJ": "7"}


async def test_a_clean_restart_goes_on() -> None:
    told = Told()
    agent = await told.starts()
    told.world.show(25.0, away=25.3)
    await agent.cycle()
    assert agent.ledger.books.net
    await told.starts()


@pytest.mark.parametrize("dry", [True, False])
async def test_a_transfer_between_two_runs_keeps_the_second_from_starting(dry: bool) -> None:
    told = Told()
    await told.starts()
    told.have["USDT"] -= 100
    with pytest.raises(Mismatch, match="first BALANCE USDT: 1000 here, 900 USDT there") as error:
        await told.starts(dry=dry)
    assert (error.value.exit_code, "defi reconcile" in error.value.hint) == (22, True)


async def test_a_difference_that_is_gone_at_a_second_look_was_a_node_that_lagged(monkeypatch: Any) -> None:
    told = Told()
    await told.starts()
    agent = told.agent()
    looks, read = [], PaperChain.portfolio

    async def portfolio(chain: PaperChain, markets: Any) -> Any:
        looks.append(1)
        told.have["USDT"] = Decimal(900 if len(looks) == 1 else 1000)
        return await read(chain, markets)

    monkeypatch.setattr(PaperChain, "portfolio", portfolio)
    await agreed(agent, [HOME], pays_gas=True, dry=False)
    assert len(looks) == 2


async def test_a_venue_that_answers_at_the_second_look_is_early_enough(monkeypatch: Any) -> None:
    told = Told()
    await told.starts()
    agent, looks, read = told.agent(), [], PaperChain.portfolio

    async def portfolio(chain: PaperChain, markets: Any) -> Any:
        looks.append(1)
        if len(looks) < failing + 1:
            raise Unavailable("chain", "down")
        return await read(chain, markets)

    monkeypatch.setattr(PaperChain, "portfolio", portfolio)
    failing = 1
    await agreed(agent, [HOME], pays_gas=True, dry=False)
    failing = 9
    with pytest.raises(Unavailable):
        await agreed(agent, [HOME], pays_gas=True, dry=False)


async def test_recovery_writes_nothing_where_only_a_plan_is_made() -> None:
    told = Told()
    await told.starts()
    rows = len(told.journal.rows)
    await told.starts(dry=True)
    assert len(told.journal.rows) == rows


async def test_the_start_of_an_asset_is_noted_when_it_comes_to_be_traded() -> None:
    told = Told()
    told.have |= {"INJ": Decimal(3), "WETH": Decimal(2)}
    assert await told.reserved() == {"INJ": Decimal(3)}
    assert await told.reserved(HOME, OTHER) == {"INJ": Decimal(3), "WETH": Decimal(2)}
    told.have["WETH"] = Decimal(9)
    assert await told.reserved(HOME, OTHER) == {"INJ": Decimal(3), "WETH": Decimal(2)}
    assert told.journal.kinds == [BASELINE, BASELINE]


async def test_what_the_account_had_stays_its_owners_though_it_pays_on_another_market() -> None:
    told = Told()
    told.have |= {"INJ": Decimal(3), "USDC": Decimal(5)}
    puggo = replace(HOME, market_id="puggo", base="PUGGO", base_denom="puggo", quote="INJ", quote_denom="inj")
    dollar = replace(HOME, market_id="dollar", quote="USDC", quote_denom="usdc")
    assert await told.reserved(HOME, puggo, dollar) == {"INJ": Decimal(3), "PUGGO": Decimal(0)}


async def test_an_asset_that_is_not_there_yet_begins_with_nothing() -> None:
    told = Told()
    assert await told.reserved() == {"INJ": Decimal(0)}
    assert (await told.starts()).ledger.baseline == {"USDT": "1000", "INJ": "0"}


@pytest.mark.parametrize("amount", ["1e-18", "5", "1000000"])
@pytest.mark.parametrize("asset", ["INJ", "USDT"])
async def test_what_somebody_sends_keeps_nobody_from_starting(asset: str, amount: str) -> None:
    told = Told()
    await told.starts()
    told.have[asset] = told.have.get(asset, Decimal(0)) + Decimal(amount)
    agent = await told.starts()
    assert agent.ledger.risk.trading is TradingState.ACTIVE


async def test_what_an_agent_writes_while_one_compares_is_no_difference(monkeypatch: Any) -> None:
    told = Told()
    await told.starts()
    agent, other = told.agent(), told.agent()
    read = PaperChain.portfolio

    async def portfolio(chain: PaperChain, markets: Any) -> Any:
        if told.have["USDT"] == 1000:
            told.have["USDT"] = Decimal(950)
            other.ledger.write("risk.flow", {"amount": -50.0, "asset": "USDT", "quantity": "-50"})
        return await read(chain, markets)

    monkeypatch.setattr(PaperChain, "portfolio", portfolio)
    found = await compare(agent.ledger, agent.execution.chain, [HOME, AWAY], pays_gas=True)
    assert found.clean


@asynccontextmanager
async def started(stage: Stage) -> AsyncIterator[Agent]:
    request = RunRequest(("convergence",), ("INJ/USDT",))
    async with (
        live_trader(stage.app, Asked(), {}, "", print) as trader,
        opened_agent(stage.app, trader, request, ONCE) as agent,
    ):
        yield agent


async def traded_by_hand(agent: Agent, market: Market) -> None:
    """An order that no journal knows, as from the account's web page."""
    ticks, lots = market.ticks(Decimal(100)), market.lots(Decimal(1))
    request = OrderRequest("by-hand", market, Side.BUY, OrderKind.MARKET, ticks, lots, "")
    chain = agent.execution.chain
    transaction = await chain.sign([ApprovedOrder(request, 0, NOON)])
    await chain.broadcast(transaction)
    for _ in range(20):
        await agent.clock.sleep(0.7)
        if await chain.find(transaction.tx_hash):
            return
    raise AssertionError("it never came into a block")


@pytest.mark.parametrize("_", [pytest.param(None, marks=live)])
async def test_a_fill_of_somebody_else_is_counted_at_the_next_start_and_told(
    tmp_path: Any, _: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with staged(tmp_path) as stage:
        market = await stage.app.find_market("INJ/USDT")
        async with started(stage) as agent:
            await traded_by_hand(agent, market)
        async with started(stage) as agent:
            assert agent.ledger.books.held["", market.key].quantity == 1
        assert "another client of this account traded: counted 1 INJ on INJ/USDT" in caplog.text
        async with started(stage):
            assert caplog.text.count("another client of this account traded") == 1


@pytest.mark.parametrize("dry", [True, False])
async def test_what_fills_explain_is_no_difference_at_a_start_and_what_none_explains_says_the_way_out(
    dry: bool,
) -> None:
    world, journal = World(HOME), MemoryJournal()
    agent, chain = shared(world, journal)
    chain.trade(HOME.key, ONE, world.height + 1)
    world.height += 1_000
    await agreed(agent, [HOME], pays_gas=True, dry=dry)
    assert agent.ledger.books.held["", HOME.key].quantity == ONE
    chain.told = False
    chain.trade(HOME.key, ONE, world.height + 1)
    with pytest.raises(Mismatch, match="2 points, first BALANCE USDT: 974 here, 948 USDT") as error:
        await agreed(agent, [HOME], pays_gas=True, dry=dry)
    assert error.value.hint.endswith("defi reconcile --accept-flow USDT=-26 --accept-flow INJ=1")


async def test_a_trade_before_an_asset_was_noted_is_part_of_what_was_noted() -> None:
    world, journal = World(HOME), MemoryJournal()
    agent, chain = shared(world, journal)
    chain.start = {**chain.start, "WETH": ONE}
    chain.trade(HOME.key, ONE, world.height + 1)
    chain.foreign.append(replace(chain.foreign[0], fill_id="weth", key=OTHER.key))
    await reserved_of(agent.ledger, chain, [HOME, OTHER], "USDT")
    await agent.execution.counting.count([HOME, OTHER])
    assert OTHER.key not in agent.ledger.books.net
    assert agent.ledger.books.net[HOME.key].quantity == ONE


async def test_an_asset_is_noted_though_nobody_keeps_the_blocks_in_which_nothing_happened() -> None:
    world, journal = World(HOME), MemoryJournal()
    agent, chain = shared(world, journal)
    world.height += 1_000_000
    await reserved_of(agent.ledger, pruned(chain), [HOME, OTHER], "USDT")
    assert (agent.ledger.baseline or {})["WETH"] == "0"
    assert agent.ledger.counted > 1_000_000


@pytest.mark.parametrize("paid", [Decimal(0), ONE])
async def test_where_anything_moved_meanwhile_the_blocks_are_read_before_an_asset_is_noted(
    paid: Decimal,
) -> None:
    world, journal = World(HOME), MemoryJournal()
    agent, chain = shared(world, journal)
    chain.trade(HOME.key, ONE, world.height + 1)
    chain.trade(HOME.key, -ONE if paid else ONE, world.height + 2)
    chain.paid = paid
    world.height += 1_000
    with pytest.raises(Unavailable):
        await reserved_of(agent.ledger, pruned(chain), [HOME, OTHER], "USDT")
    assert "WETH" not in (agent.ledger.baseline or {})
    await reserved_of(agent.ledger, chain, [HOME, OTHER], "USDT")
    assert agent.ledger.books.foreign_fills == 2


async def test_while_an_order_of_ours_is_on_the_book_blocks_are_read_before_an_asset_is_noted() -> None:
    world, _, agent, chain = await with_a_stop()
    world.height += 1_000
    with pytest.raises(Unavailable):
        await reserved_of(agent.ledger, pruned(chain), [PERP, OTHER], "USDT")


@pytest.mark.parametrize("_", [pytest.param(None, marks=live)])
async def test_a_live_agent_starts_again_after_trading(tmp_path: Any, _: None) -> None:
    async with staged(tmp_path) as stage:
        for _round in range(2):
            async with started(stage) as agent:
                await agent.run()


async def test_paper_is_held_against_its_settings(tmp_path: Any) -> None:
    async with staged(tmp_path, hold=True) as stage:
        request = RunRequest(markets=("INJ/USDT",))
        async with opened_agent(stage.app, paper_trader(stage.app), request, ONCE):
            pass
        own = stage.app.settings
        stage.app.settings = replace(own, run=replace(own.run, paper_balances={"USDT": Decimal(7)}))
        with pytest.raises(Mismatch, match="BALANCE USDT"):
            async with opened_agent(stage.app, paper_trader(stage.app), request, ONCE):
                pass
        more = {**own.run.paper_balances, "USDT": own.run.paper_balances["USDT"] + 7}
        stage.app.settings = replace(own, run=replace(own.run, paper_balances=more))
        async with opened_agent(stage.app, paper_trader(stage.app), request, ONCE) as agent:
            flows = [body for _, _, body in agent.ledger.journal.replay(FLOW)]
    assert [(body["asset"], body["quantity"], body["by"]) for body in flows] == [("USDT", "7", "unknown")]


async def test_a_plan_knows_what_was_filled_and_compares_with_it(tmp_path: Any) -> None:
    async with staged(tmp_path) as stage:
        request = RunRequest(("convergence",), MARKETS)
        trader = paper_trader(stage.app)
        async with opened_agent(stage.app, trader, request, Policy(1.0, cycles=30)) as agent:
            await agent.run()
            assert agent.ledger.books.net
        rows = agent.ledger.read
        async with opened_agent(stage.app, trader, request, ONCE, dry=True) as planning:
            await planning.plan()
        async with opened_agent(stage.app, trader, request, ONCE) as again:
            assert again.ledger.read == rows + 1
        own = stage.app.settings
        stage.app.settings = replace(own, run=replace(own.run, paper_balances={"USDT": Decimal(7)}))
        with pytest.raises(Mismatch):
            async with opened_agent(stage.app, trader, request, ONCE, dry=True):
                pass
        with trader.account.lock(tmp_path):
            async with opened_agent(stage.app, trader, request, ONCE, dry=True) as beside:
                assert beside.ledger.read == rows + 2


@pytest.mark.parametrize("_", [pytest.param(None, marks=live)])
async def test_a_run_on_fewer_markets_than_the_one_before_starts_too(tmp_path: Any, _: None) -> None:
    async with staged(tmp_path, hold=True) as stage:
        for names in (("WETH/USDT", "INJ/USDT"), ("INJ/USDT",), ("INJ/USDT PERP",), ("WETH/USDT",)):
            async with (
                live_trader(stage.app, Asked(), {}, "", print) as trader,
                opened_agent(stage.app, trader, RunRequest(("convergence",), names), ONCE),
            ):
                pass
