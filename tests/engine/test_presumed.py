"""An entry whose fill nobody can read: the venue's positions are told, its blocks are not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import Fill, OrderRequest, OrderState
from defi_analytics.domain.portfolio import Portfolio, Position
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.bookkeeping import Bookkeeping, TrackedOrder
from defi_analytics.engine.doubt import RECONCILER
from defi_analytics.engine.policy import OnExit
from defi_analytics.engine.presumed import presumed
from defi_analytics.engine.worth import PATIENCE
from defi_analytics.errors import OutcomeUnknown, Unavailable
from defi_analytics.risk.codes import TradingState
from tests.engine.memory_journal import MemoryJournal
from tests.engine.shared_account import Shared, shared
from tests.engine.trading import HOME, PERP, Failing, World, an_agent, quantity
from tests.fakes import NOON

TEN = Decimal(10)


@dataclass(slots=True)
class Silent(Shared):
    """Its blocks cannot be read any more; what the account holds can, for it is told by another service."""

    filled: list[Fill] | None = None
    """What the venue knows, and we do not."""
    silent: bool = True
    stray: Decimal = Decimal(0)
    """What somebody else holds of the perpetual besides."""

    async def fills(self, markets: Sequence[Market], first_height: int, last_height: int) -> Sequence[Fill]:
        new = await Shared.fills(self, markets, first_height, last_height)
        known = self.filled = [*(self.filled or ()), *(f for f in new if f not in (self.filled or ()))]
        if self.silent:
            raise Unavailable("injective", "no answer")
        return [fill for fill in known if first_height <= fill.height <= last_height]

    def _counted(self, key: Any) -> Decimal:
        return sum((fill.signed for fill in self.filled or () if fill.key == key), self.stray)

    async def portfolio(self, markets: Sequence[Market]) -> Portfolio:
        told = await Shared.portfolio(self, markets)
        net: dict[Any, Inventory] = {}
        for fill in self.filled or ():
            net[fill.key] = net.get(fill.key, Inventory()).after(fill)
        own = net.get(PERP.key, Inventory())
        positions = {}
        if own.quantity:
            entry, there = own.cost / abs(own.quantity), own.quantity + self.stray
            positions[PERP.key] = Position(PERP.key, there, entry, own.cost)
        cash = {key: balance for key, balance in told.balances.items() if balance.asset == "USDT"}
        left = 1000 + own.gained - own.cost
        now = {key: replace(balance, total=left, available=left) for key, balance in cash.items()}
        return replace(told, positions=positions, balances={**told.balances, **now})


def silenced(agent: Agent, chain: Shared) -> Silent:
    names = ("venue", "latest", "clock", "books", "start", "foreign", "paid")
    made = Silent(**{name: getattr(chain, name) for name in names})
    agent.execution.chain = made
    return made


async def entered(on_exit: OnExit = OnExit.CANCEL) -> tuple[World, Agent, Silent]:
    """On a perpetual, from whose broadcast on no block can be read."""
    world = World(PERP)
    agent, paper = shared(world, MemoryJournal())
    agent.policy = replace(agent.policy, on_exit=on_exit)
    chain = silenced(agent, paper)
    world.show(25.0, away=25.3)
    await agent.cycle()
    return world, agent, chain


def live(agent: Agent) -> list[tuple[OrderKind, bool]]:
    return [(o.request.kind, o.request.reduce_only) for o in agent.ledger.books.live]


async def test_what_was_entered_gets_its_stop_in_the_next_round_though_nobody_can_read_its_fill() -> None:
    world, agent, _ = await entered()
    assert live(agent) == [(OrderKind.MARKET, False)]
    await agent.cycle()
    assert live(agent) == [(OrderKind.MARKET, False), (OrderKind.STOP, True)]
    entry, stop = agent.ledger.books.live
    assert (stop.request.side, stop.request.lots) == (Side.SELL, entry.request.lots)
    assert agent.ledger.risk.trading is TradingState.ACTIVE
    assert quantity(agent, PERP.key) == 0, "it is presumed, and not written down"
    world.show(25.0, away=26.0)
    decision = await agent.cycle()
    assert not decision.approved, "nothing is entered on top of it"


async def test_a_loss_is_closed_once_while_nobody_can_read_what_was_filled() -> None:
    world, agent, chain = await entered()
    world.oracle = 22.0
    world.show(22.0)
    decision = await agent.cycle()
    assert (OrderKind.MARKET, True) in [
        (order.request.kind, order.request.reduce_only)
        for group in decision.approved
        for order in group.orders
    ]
    assert not (await chain.portfolio([PERP])).positions
    assert not (await agent.cycle()).approved, "it is closed, says the venue"
    chain.silent = False
    await agent.cycle()
    assert quantity(agent, PERP.key) == 0
    assert agent.ledger.books.settled
    assert agent.ledger.risk.trading is TradingState.ACTIVE


async def test_other_markets_are_left_alone_until_what_was_filled_can_be_read() -> None:
    world, agent, chain = await entered()
    world.show(25.0, away=26.0)
    decision = await agent.cycle()
    assert [one.said for one in decision.considered if one.strategy == "convergence"] == ["idle"]
    chain.silent = False
    await agent.cycle()
    assert quantity(agent, PERP.key) > 0
    assert live(agent) == [(OrderKind.STOP, True)]


@pytest.mark.parametrize("on_exit", OnExit)
async def test_a_run_ends_with_what_it_entered_guarded_or_closed(
    on_exit: OnExit, caplog: pytest.LogCaptureFixture
) -> None:
    _, agent, chain = await entered(on_exit)
    with pytest.raises(OutcomeUnknown, match="not proven yet"):
        await agent.finish()
    there = await chain.portfolio([PERP])
    if on_exit is OnExit.FLATTEN:
        assert not there.positions
    else:
        assert there.positions
        assert (OrderKind.STOP, True) in live(agent)
    assert "stays open" not in caplog.text, "what was closed may look as if it were held"
    assert ("may be open still" in caplog.text) == (on_exit is not OnExit.KEEP)


async def test_a_person_closes_it_though_nobody_can_read_it() -> None:
    _, agent, chain = await entered()
    await agent.flatten()
    assert not (await chain.portfolio([PERP])).positions


async def test_on_paper_a_round_without_fills_is_no_round() -> None:
    """There nothing is told by somebody else."""
    world = World(PERP)
    agent = an_agent(world)
    agent.execution.chain = Failing(agent.execution.chain, "fills", Unavailable("injective", "no book"))
    world.show(25.0, away=25.3)
    with pytest.raises(Unavailable, match="no book"):
        await agent.cycle()


async def test_an_outage_that_lasts_calls_a_person_for_what_is_lost_meanwhile_nobody_measures() -> None:
    world, agent, _ = await entered()
    valued = agent.ledger.risk.equity
    await agent.cycle()
    assert agent.ledger.risk.trading is TradingState.ACTIVE
    world.clock.advance(PATIENCE.total_seconds())
    await agent.cycle()
    risk = agent.ledger.risk
    assert (risk.trading, risk.equity) == (TradingState.HALTED, valued)
    assert risk.reason.startswith("what the account is worth is not known: how much was filled, since ")


async def test_what_orders_of_ours_cannot_have_done_is_doubted_though_nobody_can_read_fills() -> None:
    _, agent, chain = await entered()
    await agent.cycle()
    chain.stray = Decimal(40)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await agent.cycle()
    await agent.cycle()
    assert agent.ledger.risk.trading is TradingState.HALTED
    assert agent.ledger.risk.by == RECONCILER


async def test_a_coin_whose_purchase_nobody_can_read_is_not_told_to_be_closed() -> None:
    world = World(HOME)
    agent, paper = shared(world, MemoryJournal())
    silenced(agent, paper)
    world.show(25.0, away=25.3)
    await agent.cycle()
    with pytest.raises(OutcomeUnknown, match="1 positions could not be closed: INJ/USDT"):
        await agent.flatten()


def a_tracked(
    side: Side, lots: int, name: str, *, reduce_only: bool = False, height: int = 5
) -> TrackedOrder:
    ticks = PERP.ticks(TEN)
    request = OrderRequest(name, PERP, side, OrderKind.MARKET, ticks, lots, "s", reduce_only=reduce_only)
    return TrackedOrder(request, "t", 0, NOON, OrderState.OPEN, height=height)


def told(quantity: Decimal, height: int = 9) -> Portfolio:
    held = {PERP.key: Position(PERP.key, quantity, TEN, TEN)} if quantity else {}
    return Portfolio("inj1a", NOON, height, positions=held)


@given(
    held=st.integers(-30, 30),
    there=st.integers(-40, 40),
    sizes=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 20)), min_size=1, max_size=4),
)
def test_it_is_between_what_was_booked_and_what_is_there_and_never_more_than_the_orders(
    held: int, there: int, sizes: list[tuple[Side, int]]
) -> None:
    tick = PERP.quantity_tick
    orders = [a_tracked(side, lots, f"o{i}") for i, (side, lots) in enumerate(sizes)]
    own = Inventory(held * tick, abs(held) * tick * TEN)
    books = Bookkeeping({o.request.client_order_id: o for o in orders}, held={("s", PERP.key): own})
    books.net[PERP.key] = own
    found = presumed(books, told(there * tick))
    now = found.net[PERP.key].quantity / tick
    assert min(held, there) <= now <= max(held, there)
    most = sum(lots for side, lots in sizes if (side is Side.BUY) == (there > held))
    assert abs(now - held) == min(abs(there - held), most)
    assert sum(own.quantity for own in found.held.values()) == found.net[PERP.key].quantity
    assert books.net[PERP.key] is own, "what is written stays as it is"


@pytest.mark.parametrize(("height", "read"), [(0, 0), (9, 5), (10, 0)])
def test_only_what_the_venue_may_have_shown_is_presumed(height: int, read: int) -> None:
    order = a_tracked(Side.BUY, 5, "o", height=height)
    books = Bookkeeping({"o": order})
    found = presumed(books, told(5 * PERP.quantity_tick))
    assert found.net.get(PERP.key, Inventory()).quantity == read * PERP.quantity_tick
    assert (found is books) is not read
