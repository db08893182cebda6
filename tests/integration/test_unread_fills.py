"""The node's RPC, which alone tells of fills, falls silent just as a perpetual is entered; the gateway answers."""

import shutil
from typing import Any

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.app.reconciling import compared
from defi_analytics.app.standing import standing
from defi_analytics.app.starting import agreed
from defi_analytics.cli.risk_rows import status_rows
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.portfolio import OpenOrder, Portfolio
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.policy import OnExit
from defi_analytics.errors import Unavailable
from defi_analytics.risk.codes import TradingState
from defi_analytics.risk.halting import EQUITY
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.venues.injective.chain.chain import InjectiveChain
from defi_analytics.venues.injective.chain.history import History
from tests.integration.trading import Stage, quick_folder, staged

BOTH = ("convergence", "oracle")


@pytest.fixture
async def stage():
    home = quick_folder()
    async with staged(home) as stage:
        yield stage
    shutil.rmtree(home)


def stops_of(portfolio: Portfolio) -> list[OpenOrder]:
    held = portfolio.positions
    return [one for one in portfolio.open_orders if one.kind is OrderKind.STOP and one.key in held]


class Line:
    """Falls silent with the next entry on a perpetual."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.silent = False
        read, broadcast = History.read, InjectiveChain.broadcast

        async def unread(history: Any, *span: Any) -> Any:
            if self.silent:
                raise Unavailable("injective", "no answer")
            return await read(history, *span)

        async def sent(chain: Any, transaction: Any) -> Any:
            self.silent = self.silent or self.watched(transaction)
            return await broadcast(chain, transaction)

        monkeypatch.setattr(History, "read", unread)
        monkeypatch.setattr(InjectiveChain, "broadcast", sent)
        self.agent: Agent | None = None

    def watched(self, transaction: Any) -> bool:
        assert self.agent
        orders = self.agent.ledger.books.orders
        sent = [orders[order_id].request for order_id in transaction.client_order_ids]
        return any(one.market.kind is MarketKind.PERPETUAL and not one.reduce_only for one in sent)


async def rounds(stage: Stage, agent: Agent, count: int) -> None:
    for _ in range(count):
        await agent.cycle()
        await stage.clock.sleep(8 * stage.sandbox.block_s)


async def until_silent(stage: Stage, agent: Agent, line: Line) -> None:
    """The round in which it enters a perpetual has just ended."""
    line.agent = agent
    for _ in range(400):
        await agent.cycle()
        if line.silent:
            return
        await stage.clock.sleep(8 * stage.sandbox.block_s)
    raise AssertionError("the world gave no perpetual to enter")


async def test_a_run_that_starts_again_in_the_silence_sets_the_stop_before_it_gives_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(monkeypatch)
    async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
        await until_silent(stage, agent, line)
    entered = stops_of(await agent.execution.chain.portfolio(list(agent.ledger.books.markets.values())))
    with pytest.raises(Unavailable):
        async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
            raise AssertionError("it began, and nobody knows what it holds")
    await stage.clock.sleep(2 * stage.sandbox.block_s)
    there = await agent.execution.chain.portfolio(list(agent.ledger.books.markets.values()))
    assert len(stops_of(there)) == len(there.positions) == len(entered) + 1
    line.silent = False
    async with stage.agent(*BOTH, blocks=9_000, live=True, on_exit=OnExit.FLATTEN) as agent:
        line.watched = lambda transaction: False
        await agent.finish()
    assert (await compared(stage.app, Account("sandbox", DEV_ADDRESS))).clean


async def test_a_run_that_is_compared_in_the_silence_values_the_account_again_after_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(monkeypatch)
    async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
        await until_silent(stage, agent, line)
        with pytest.raises(Unavailable):
            await agreed(agent, agent.execution.counting.every(), pays_gas=True, dry=False)
        line.silent, line.watched = False, lambda transaction: False
        before = len(list(agent.ledger.journal.replay(EQUITY)))
        await rounds(stage, agent, 3)
        assert len(list(agent.ledger.journal.replay(EQUITY))) > before


async def test_what_comes_in_meanwhile_is_no_gain_to_whoever_looks(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, account = Line(monkeypatch), Account("sandbox", DEV_ADDRESS)
    async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
        await until_silent(stage, agent, line)
        (usdt,) = {m.quote_denom for m in agent.ledger.books.markets.values() if m.quote == "USDT"}
        stage.sandbox.chain.fund(DEV_ADDRESS, usdt, 50_000 * 10**6)
        await stage.clock.sleep(stage.sandbox.block_s)
        found = await standing(stage.app, account)
        assert found.risk.equity == agent.ledger.risk.equity
        (told,) = [row.note for row in status_rows(found, stage.clock.now()) if row.item == "equity"]
        assert told.startswith("as the journal had it: an order is under way")
        line.silent = False
        await rounds(stage, agent, 2)
        found = await standing(stage.app, account)
        assert found.risk.equity == pytest.approx(agent.ledger.risk.equity, rel=1e-3)
        (told,) = [row.note for row in status_rows(found, stage.clock.now()) if row.item == "equity"]
        assert told == ""


class Killed(BaseException):
    """It died between counting its entry and signing the stop."""


async def test_what_was_worth_more_before_makes_no_loss_where_it_is_guarded_by_a_run_on_less(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = Execution.submit

    async def killed(execution: Any, orders: Any, *more: Any) -> Any:
        if any(order.request.kind is OrderKind.STOP for order in orders):
            raise Killed
        return await submit(execution, orders, *more)

    monkeypatch.setattr(Execution, "submit", killed)
    stage.markets = ("INJ/USDT", "WETH/USDT", "SOL/USDT PERP")
    with pytest.raises(Killed):
        async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
            await rounds(stage, agent, 400)
    monkeypatch.setattr(Execution, "submit", submit)
    line = Line(monkeypatch)
    line.silent, stage.markets = True, ("SOL/USDT PERP",)
    before = agent.ledger.risk.equity
    with pytest.raises(Unavailable):
        async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
            raise AssertionError("it began, and nobody knows what it holds")
    await stage.clock.sleep(2 * stage.sandbox.block_s)
    ledger = ledger_of(stage.app.settings.home, Account("sandbox", DEV_ADDRESS), stage.clock)
    there = await agent.execution.chain.portfolio(list(ledger.books.markets.values()))
    assert len(stops_of(there)) == len(there.positions) > 0
    assert (ledger.risk.equity, ledger.risk.trading) == (before, TradingState.ACTIVE)


async def test_its_stop_stands_before_anybody_can_read_the_fill_and_nothing_is_counted_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(monkeypatch)
    async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
        await until_silent(stage, agent, line)
        await rounds(stage, agent, 2)
        there = await agent.execution.chain.portfolio(list(agent.ledger.books.markets.values()))
        [stop] = stops_of(there)
        assert stop.remaining <= abs(there.positions[stop.key].quantity)
        assert agent.ledger.risk.trading is TradingState.ACTIVE
        sent = set(agent.ledger.books.orders)
        await rounds(stage, agent, 4)
        later = [order.request for name, order in agent.ledger.books.orders.items() if name not in sent]
        assert all(request.reduce_only for request in later), "nothing is entered meanwhile"
        assert sum(request.kind is OrderKind.MARKET for request in later) <= 1, "nothing is closed twice"
        line.silent, line.watched = False, lambda transaction: False
        await rounds(stage, agent, 2)
        there = await agent.execution.chain.portfolio(list(agent.ledger.books.markets.values()))
        told = {key: position.quantity for key, position in there.positions.items()}
        perps = [m.key for m in agent.ledger.books.markets.values() if m.kind is MarketKind.PERPETUAL]
        held = {key: agent.ledger.books.net[key].quantity for key in perps if key in agent.ledger.books.net}
        assert {key: own for key, own in held.items() if own} == told
        await agent.flatten()
    assert (await compared(stage.app, Account("sandbox", DEV_ADDRESS))).clean
