import re
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import pytest

from defi_analytics.app.accounts import Account, stop_file
from defi_analytics.app.chains import trader_of
from defi_analytics.app.closing import _verified
from defi_analytics.app.closing import flattened as flattened_by
from defi_analytics.app.ledgers import has_journal, ledger_of
from defi_analytics.app.opening import opened_app
from defi_analytics.app.signing import Asked
from defi_analytics.app.standing import standing
from defi_analytics.clock import WallClock
from defi_analytics.config.load import load
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import ApprovedOrder, OpenOrder, OrderRequest
from defi_analytics.domain.portfolio import Balance, Portfolio, Position
from defi_analytics.engine.paper import PaperChain
from defi_analytics.errors import DefiError, Mismatch, OutcomeUnknown, Unavailable
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.sandbox.sandbox import Sandbox
from defi_analytics.venues.injective.chain.chain import InjectiveChain
from tests.cli.holding import holds, market_at
from tests.engine.trading import HOME, PERP, Failing, World, an_agent
from tests.fakes import NOON

PAPER = Account("sandbox")


@asynccontextmanager
async def opened(folder):
    """A sandbox whose blocks go on, and an app that reads it."""
    async with Sandbox(58, WallClock()) as sandbox:
        port = sandbox.url.rpartition(":")[2]
        environment = {
            "HOME": str(folder),
            "DEFI_HOME": str(folder / "state"),
            "DEFI_NETWORK": "sandbox",
            "DEFI_SANDBOX__PORT": port,
        }
        async with opened_app(load(None, environment, {}), environment, hold=False) as app:
            yield app, sandbox.url


async def flattened(app, account):
    return await flattened_by(app, account, trader_of(app, account, Asked(may_ask=False), {}, print))


@pytest.fixture
def stated(tmp_path):
    return tmp_path / "state"


@pytest.mark.parametrize("ticker", ["INJ/USDT", "INJ/USDT PERP"])
async def test_what_is_held_is_closed_also_while_trading_is_halted(tmp_path, stated, ticker):
    async with opened(tmp_path) as (app, url):
        market = await market_at(url, ticker)
        holds(stated, PAPER, market, "5")
        stop_file(stated).touch()
        [step] = await flattened(app, PAPER)
        assert step.message.startswith(f"{ticker}: 5 closed; all trades on this market together: ")
        assert not re.search(r"\.[0-9]*0 USDT$", step.message)
        ledger = ledger_of(stated, PAPER, app.clock)
        assert ledger.books.net[market.key].quantity == Decimal(0)
        assert (ledger.risk.trading, ledger.risk.code) == (TradingState.HALTED, Denial.HALTED)
        assert [step.message for step in await flattened(app, PAPER)] == [
            "nothing is held and nothing is open"
        ]


async def test_what_the_book_cannot_take_is_not_said_to_be_closed(tmp_path, stated):
    async with opened(tmp_path) as (app, url):
        holds(stated, PAPER, await market_at(url, "INJ/USDT"), "9000000")
        with pytest.raises(OutcomeUnknown, match="could not be closed"):
            await flattened(app, PAPER)


async def test_an_account_without_its_key_is_looked_at_and_not_closed(tmp_path, stated):
    live = Account("sandbox", "inj1cml96vmptgw99syqrrz8az79xer2pcgp0a885r")
    async with opened(tmp_path) as (app, url):
        holds(stated, live, await market_at(url, "INJ/USDT"), "5")
        with pytest.raises(DefiError):
            await flattened(app, live)
        found = await standing(app, live)
        assert found.looked is not None


FINER = Decimal("0.0001")
"""A lot, before the venue changed it to ten times as much."""


async def test_less_than_a_lot_stays_and_is_told(tmp_path, stated):
    async with opened(tmp_path) as (app, url):
        market = replace(await market_at(url, "INJ/USDT"), quantity_tick=FINER)
        holds(stated, PAPER, market, "5.0004")
        [step] = await flattened(app, PAPER)
        assert step.message.startswith("INJ/USDT: 5 closed, 0.0004 stay: less than a lot; ")
        assert ledger_of(stated, PAPER, app.clock).books.net[market.key].quantity == Decimal("0.0004")
        [step] = await flattened(app, PAPER)
        assert step.message == "nothing is held and nothing is open"


@pytest.mark.parametrize("ticker", ["INJ/USDT", "INJ/USDT PERP"])
async def test_where_there_is_no_more_than_that_nothing_is_closed_and_nothing_fails(tmp_path, stated, ticker):
    async with opened(tmp_path) as (app, url):
        holds(stated, PAPER, replace(await market_at(url, ticker), quantity_tick=FINER), "0.0004")
        for _ in range(2):
            [step] = await flattened(app, PAPER)
            assert step.message.startswith(f"{ticker}: 0 closed, 0.0004 stay: less than a lot; ")


LIVE = Account("sandbox", "inj1cml96vmptgw99syqrrz8az79xer2pcgp0a885r")


async def test_where_nothing_is_held_by_the_journal_the_venue_is_asked_and_no_key_for_it(tmp_path, stated):
    async with opened(tmp_path) as (app, _):
        [step] = await flattened(app, LIVE)
    assert (step.where, step.done, step.message) == ("venue", True, "nothing is held and nothing is open")
    assert not has_journal(LIVE.journal(stated))


def shown_live(monkeypatch, answer):
    async def portfolio(self, markets):
        return answer(markets)

    monkeypatch.setattr(InjectiveChain, "portfolio", portfolio)


@pytest.mark.parametrize(
    ("quantity", "order_id", "shown"),
    [
        ("8.027", "", "8.027 INJ on INJ/USDT PERP"),
        ("-8.027", "web", "-8.027 INJ on INJ/USDT PERP"),
        ("0.0004", "defi-0123", "1 of our orders"),
        ("8.027", "defi-0123", "8.027 INJ on INJ/USDT PERP, 1 of our orders"),
        ("0.0004", "web", ""),
    ],
)
async def test_what_the_venue_shows_and_the_journal_does_not_tell_is_said(
    tmp_path, monkeypatch, quantity, order_id, shown
):
    def told(markets):
        key = next(market.key for market in markets if market.ticker == "INJ/USDT PERP")
        positions = {key: Position(key, Decimal(quantity), ONE, ONE)}
        orders = (listed(order_id),) if order_id else ()
        coins = {"inj": Balance("inj", "INJ", Decimal(5), Decimal(5))}
        return Portfolio(LIVE.owner, NOON, 5, coins, positions, orders)

    shown_live(monkeypatch, told)
    async with opened(tmp_path) as (app, _):
        if not shown:
            [step] = await flattened(app, LIVE)
            assert step.where == "venue"
            return
        with pytest.raises(Mismatch) as error:
            await flattened(app, LIVE)
    assert error.value.message == f"the journal knows of nothing to close, and the venue shows {shown}"
    assert error.value.hint.endswith(f"see: defi reconcile {LIVE.options}")


async def test_where_the_venue_cannot_be_asked_it_is_said_by_whom_nothing_is_held(tmp_path, monkeypatch):
    def down(markets):
        raise Unavailable("injective", "down")

    shown_live(monkeypatch, down)
    warned = []
    async with opened(tmp_path) as (app, _):
        app.warn = warned.append
        [step] = await flattened(app, LIVE)
    assert (step.where, step.done) == ("journal", True)
    assert step.message == "by the journal nothing is held and nothing is open"
    [warning] = warned
    assert warning.startswith("the venue could not be asked")
    assert warning.endswith("injective: down")


ONE = Decimal(1)


def listed(name, order_hash="0xh"):
    return OpenOrder(HOME.key, order_hash, name, Side.BUY, OrderKind.LIMIT, ONE, ONE, ONE)


def shows(monkeypatch, *answers):
    """What the venue tells at each look; the last one ever after."""
    left = list(answers)

    async def portfolio(self, markets):
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(PaperChain, "portfolio", portfolio)


async def test_what_was_closed_is_asked_about_again_while_the_venue_is_silent():
    agent = an_agent(World())
    agent.execution.chain = Failing(agent.execution.chain, "portfolio", *[Unavailable("x", "down")] * 3)
    await _verified(agent)
    agent.execution.chain = Failing(agent.execution.chain, "portfolio", *[Unavailable("x", "down")] * 99)
    with pytest.raises(OutcomeUnknown, match="nobody can tell whether everything is closed: x: down"):
        await _verified(agent)


async def test_a_node_that_is_behind_may_show_a_position_that_is_closed_for_a_while(monkeypatch):
    agent = an_agent(World())
    none, one = (
        Portfolio("a", NOON, 5, positions={PERP.key: Position(PERP.key, quantity, ONE, ONE)})
        for quantity in (Decimal(0), ONE)
    )
    shows(monkeypatch, one, one, none)
    await _verified(agent)
    shows(monkeypatch, one)
    with pytest.raises(OutcomeUnknown, match="the venue still shows 1 positions and 0 orders"):
        await _verified(agent)


async def test_orders_of_other_clients_are_theirs_and_those_of_ours_are_known_by_id_and_by_hash(monkeypatch):
    agent = an_agent(World())
    request = OrderRequest("ours", HOME, Side.BUY, OrderKind.LIMIT, 20_000, 1_000, "oracle")
    await agent.execution.submit([ApprovedOrder(request, 1_000, NOON)])
    for _ in range(2):
        await agent.execution.prove()
    order_hash = agent.ledger.books.orders["ours"].order_hash
    shows(monkeypatch, Portfolio("a", NOON, 5, open_orders=(listed("web"), listed("", "0xweb"))))
    await _verified(agent)
    for ours in (listed("ours"), listed("", order_hash)):
        shows(monkeypatch, Portfolio("a", NOON, 5, open_orders=(listed("web"), ours)))
        with pytest.raises(OutcomeUnknown, match="the venue still shows 0 positions and 1 orders"):
            await _verified(agent)
