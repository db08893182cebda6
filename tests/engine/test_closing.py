from dataclasses import replace
from decimal import Decimal

from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.order import Fill
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.closing import closable, closing_trades
from defi_analytics.engine.terms import Known
from tests.builders import NOON
from tests.engine.trading import HOME, PERP, World, an_agent

ONE = Fill("f", HOME.key, "", "0x1", Side.BUY, Decimal(25), Decimal(1), Decimal(0), NOON, 5)


def books(market, **signed):
    """Of each holder ("others" for another client) so much, a short where it is negative."""
    made = Bookkeeping()
    net = Inventory()
    for name, quantity in signed.items():
        side = Side.BUY if quantity > 0 else Side.SELL
        fill = replace(ONE, key=market.key, side=side, quantity=Decimal(abs(quantity)))
        made.held["" if name == "others" else name, market.key] = Inventory().after(fill)
        net = net.after(fill)
    made.net[market.key] = net
    return made


def names(made, *markets):
    return [strategy for strategy, _, _ in closable(made, markets)]


def test_coins_that_another_client_bought_are_its_own():
    assert names(books(HOME, convergence=2, others=3), HOME) == ["convergence"]


def test_coins_that_another_client_sold_are_there_no_more():
    assert names(books(HOME, convergence=2, others=-1), HOME) == ["convergence"]
    assert names(books(HOME, convergence=2, others=-2), HOME) == []


def test_a_perpetual_position_is_one_whoever_it_came_from():
    assert names(books(PERP, convergence=2, others=1), PERP) == ["convergence", ""]
    assert names(books(PERP, convergence=2, others=-2), PERP) == []


def test_what_is_held_elsewhere_is_not_closed_here():
    assert names(books(HOME, convergence=2), PERP) == []


async def test_where_nobody_bids_nothing_is_asked_for():
    world = World()
    world.show(25.0, away=25.3)
    agent = an_agent(world)
    await agent.cycle()
    known, seen = await agent._known(trusting=True)
    assert len(closing_trades(known, seen.markets, agent.terms).answers) == 1
    world.books[HOME.key] = ([], world.books[HOME.key][1])
    blind, seen = await agent._known(trusting=True)
    assert isinstance(blind, Known)
    assert closing_trades(blind, seen.markets, agent.terms).answers == ()
