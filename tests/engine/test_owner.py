"""What the owner of an account does by hand, beside an agent that holds something, keeps nobody in it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import Fill, OpenOrder
from defi_analytics.domain.portfolio import Balance, Portfolio
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.terms import Terms
from defi_analytics.errors import DataError
from defi_analytics.risk.limits import RiskLimits
from tests.engine.memory_journal import MemoryJournal
from tests.engine.shared_account import Shared, moved_by, shared
from tests.engine.trading import HOME, PERP, World, quantity
from tests.fakes import NOON

OWNED = Decimal(100)


@dataclass(slots=True)
class ByHand(Shared):
    """Its owner takes coins out, and places orders beside ours."""

    out: Decimal = Decimal(0)
    placed: tuple[OpenOrder, ...] = ()

    async def portfolio(self, markets: Sequence[Market]) -> Portfolio:
        known = moved_by(await Shared.portfolio(self, markets), "INJ", -self.out)
        return replace(known, open_orders=(*known.open_orders, *self.placed))


async def beside_an_owner(market: Market) -> tuple[World, Agent, ByHand]:
    """An agent that holds something, on an account with 100 INJ of its owner's."""
    world = World(market)
    agent, known = shared(world, MemoryJournal())
    chain = ByHand(known.venue, known.latest, known.clock, known.books, {"USDT": Decimal(1000), "INJ": OWNED})
    agent.ledger.baseline = {"USDT": "1000", "INJ": str(OWNED)}
    agent.execution = Execution(chain, agent.ledger, pays_gas=False)
    agent.terms = replace(agent.terms, reserved={"INJ": OWNED})
    world.show(25.0, away=25.3)
    for _ in range(3):
        await agent.cycle()
    assert quantity(agent, market.key) > 0
    return world, agent, chain


@pytest.mark.parametrize("out", ["0", "3", "50", "100"])
@pytest.mark.parametrize("by_hand", [False, True])
async def test_what_the_owner_takes_out_of_the_same_coin_keeps_nobody_in_a_position(
    out: str, by_hand: bool
) -> None:
    world, agent, chain = await beside_an_owner(HOME)
    chain.out = Decimal(out)
    world.show(23.0)
    world.oracle = 23.0
    if by_hand:
        await agent.flatten()
    else:
        for _ in range(5):
            with suppress(DataError):
                await agent.cycle()
    assert quantity(agent, HOME.key) == 0
    there = (await chain.portfolio([HOME])).balances["inj"].total
    assert there == OWNED - chain.out, "no coin of the owner's was sold"


@pytest.mark.parametrize("market", [PERP, HOME])
@pytest.mark.parametrize("by_hand", [False, True])
async def test_an_order_that_the_owner_placed_keeps_nobody_in_a_position(
    market: Market, by_hand: bool
) -> None:
    world, agent, chain = await beside_an_owner(market)
    held = quantity(agent, market.key)
    theirs = OpenOrder(market.key, "0xfeed", "", Side.SELL, OrderKind.LIMIT, Decimal("26.5"), held, held)
    chain.placed = (replace(theirs, reduce_only=market is PERP),)
    world.show(23.6)
    if by_hand:
        await agent.flatten()
    else:
        world.oracle = 25.0 if market is PERP else 23.6
        for _ in range(2):
            await agent.cycle()
    assert quantity(agent, market.key) == 0


def test_what_strategies_paid_with_a_coin_is_none_that_its_owner_took_out() -> None:
    paid_in_inj = replace(
        HOME, market_id="st", base="stINJ", base_denom="stinj", quote="INJ", quote_denom="inj"
    )
    books = Bookkeeping(markets={HOME.key: HOME, paid_in_inj.key: paid_in_inj})
    bought, spent = a_fill(HOME, "4", "25"), a_fill(paid_in_inj, "3", "1")
    books.held["convergence", HOME.key] = books.net[HOME.key] = Inventory().after(bought)
    terms = Terms((), RiskLimits(), reserved={"INJ": OWNED}, pays_gas=False)
    assert terms.kept(books, told(OWNED + 4)) == {"INJ": OWNED}
    books.held["convergence", paid_in_inj.key] = books.net[paid_in_inj.key] = Inventory().after(spent)
    assert terms.kept(books, told(OWNED + 1)) == {"INJ": OWNED}
    assert terms.kept(books, told(OWNED - 9)) == {"INJ": OWNED - 10}


def a_fill(market: Market, quantity: str, price: str) -> Fill:
    amounts = Decimal(price), Decimal(quantity), Decimal(0)
    return Fill("f", market.key, "c", "0x1", Side.BUY, *amounts, NOON, 5)


def told(amount: Decimal) -> Portfolio:
    return Portfolio("inj1", NOON, 5, {"inj": Balance("inj", "INJ", amount, amount)})
