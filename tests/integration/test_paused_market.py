"""A market that takes no orders: whoever holds something there goes on, and closes whatever else is held."""

from collections.abc import Sequence

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.closing import flattened
from defi_analytics.app.live import live_trader
from defi_analytics.app.reconciling import compared
from defi_analytics.app.scan import ScanRequest, look
from defi_analytics.app.signing import Asked
from defi_analytics.app.standing import standing
from defi_analytics.domain.edge import Reason
from defi_analytics.domain.market import Market, MarketKey, MarketKind, MarketStatus
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.closing import closing_trades
from defi_analytics.engine.trade import Decision
from defi_analytics.errors import OutcomeUnknown
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from tests.integration.trading import Stage, quick_folder, staged

pytestmark = pytest.mark.filterwarnings("ignore")
ACCOUNT = Account("sandbox", DEV_ADDRESS)
BOTH = ("convergence", "oracle")


@pytest.fixture
async def stage():
    async with staged(quick_folder()) as stage:
        yield stage


def put(stage: Stage, market: Market, status: str) -> None:
    stage.sandbox.chain.ledger.standstill.put(market.market_id, status, stage.sandbox.moment().block)


def held(agent: Agent) -> list[Market]:
    books = agent.ledger.books
    return [books.markets[key] for key, own in books.net.items() if own.quantity]


async def cycles(stage: Stage, agent: Agent, count: int) -> Sequence[Decision]:
    done = []
    for _ in range(count):
        done.append(await agent.cycle())
        await stage.clock.sleep(8 * stage.sandbox.block_s)
    return done


async def test_a_scan_of_its_name_says_that_it_is_paused_and_shows_no_lookalike(stage):
    market = await stage.app.find_market("INJ/USDT")
    put(stage, market, "Paused")
    for name in ("INJ/USDT", market.market_id):
        found = await look(stage.app, ScanRequest((name,)))
        assert {edge.market.key for edge in found.edges} == {market.key}
        assert {edge.rejection.reason for edge in found.edges} == {Reason.MARKET_STATUS}
    put(stage, market, "Active")
    found = await look(stage.app, ScanRequest(("INJ/USDT",)))
    assert Reason.MARKET_STATUS not in {edge.rejection and edge.rejection.reason for edge in found.edges}


async def two_held(stage: Stage, agent: Agent) -> Market:
    """A perpetual; another market is held besides."""
    for _ in range(400):
        await cycles(stage, agent, 1)
        perps = [market for market in held(agent) if market.kind is MarketKind.PERPETUAL]
        if perps and len(held(agent)) > 1:
            return perps[0]
    raise AssertionError("the world gave nothing to hold")


async def test_a_paused_market_keeps_nobody_from_trading_closing_comparing_or_starting(stage):
    async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
        paused = await two_held(stage, agent)
        worth = agent.ledger.risk.equity
        put(stage, paused, "Paused")
        for decision in await cycles(stage, agent, 3):
            assert len(decision.markets) == len(stage.markets)
        statuses = {market.key: market.status for market in agent.seen.markets}
        assert statuses.pop(paused.key) is MarketStatus.PAUSED
        assert set(statuses.values()) == {MarketStatus.ACTIVE}
        assert agent.ledger.risk.trading is TradingState.ACTIVE
        assert agent.ledger.risk.equity == pytest.approx(worth, rel=1e-3)
        assert paused in held(agent)
        refused = await refusals(agent)
        assert refused == {paused.key: Denial.MARKET_STATE}
        assert held(agent) == [paused]
    assert (await compared(stage.app, ACCOUNT)).clean
    now = await standing(stage.app, ACCOUNT)
    assert (now.silent, now.trading) == (None, TradingState.ACTIVE)
    assert paused.key in now.looked.known.portfolio.positions
    with pytest.raises(OutcomeUnknown, match=f"1 positions could not be closed: {paused.ticker}"):
        await flattened(stage.app, ACCOUNT, live_trader(stage.app, Asked(), {}, "", print))
    async with stage.agent(*BOTH, blocks=10, live=True) as agent:
        assert held(agent) == [paused]
        await cycles(stage, agent, 1)
        put(stage, paused, "Active")
        await agent.flatten()
        assert held(agent) == []


async def test_what_was_closed_is_told_though_something_stays_open(stage):
    async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
        paused = await two_held(stage, agent)
        others = [market.ticker for market in held(agent) if market != paused]
    put(stage, paused, "Paused")
    stage.app.warn = (told := []).append
    with pytest.raises(OutcomeUnknown, match=f"1 positions could not be closed: {paused.ticker}"):
        await flattened(stage.app, ACCOUNT, live_trader(stage.app, Asked(), {}, "", print))
    closed = [line.partition(":")[0] for line in told if " closed; " in line]
    assert sorted(closed) == sorted(others)


async def refusals(agent: Agent) -> dict[MarketKey, Denial]:
    """What closing everything is refused for; the rest is closed."""
    known, seen = await agent._known(trusting=True)
    decision = closing_trades(known, seen.markets, agent.terms)
    with pytest.raises(OutcomeUnknown):
        await agent.flatten()
    return {one.about.market.key: one.code for one in decision.refused if one.about}


async def test_while_post_only_orders_alone_are_taken_nothing_is_sent(stage):
    async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
        await two_held(stage, agent)
        signed = len(agent.ledger.books.orders)
        stage.sandbox.chain.post_only(100)
        for decision in await cycles(stage, agent, 5):
            assert {market.status for market in agent.seen.markets} == {MarketStatus.POST_ONLY}
            assert not decision.approved
        assert set((await refusals(agent)).values()) == {Denial.MARKET_STATE}
        assert len(agent.ledger.books.orders) == signed
        await stage.clock.sleep(100 * stage.sandbox.block_s)
        await cycles(stage, agent, 1)
        assert {market.status for market in agent.seen.markets} == {MarketStatus.ACTIVE}
        await agent.flatten()
        assert held(agent) == []
