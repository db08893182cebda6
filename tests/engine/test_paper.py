from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.book import OrderBook
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import ApprovedOrder, Cancel, OrderRequest, OrderState
from defi_analytics.domain.transaction import Block, Sent
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import PaperChain
from defi_analytics.errors import Malformed
from tests.builders import MARGINS, a_book, a_market
from tests.engine.memory_journal import MemoryJournal
from tests.fakes import NOON, FakeClock

SPOT = replace(a_market(), base_denom="inj", quote_denom="usdt")
PERP = replace(SPOT, market_id="perp", kind=MarketKind.PERPETUAL, base_denom="", **MARGINS)
BIDS, ASKS = [(24.9, 2.0), (24.8, 2.0)], [(25.0, 1.0), (25.2, 2.0)]


@dataclass
class Venue:
    """The live books, which a test moves."""

    books: dict[MarketKey, OrderBook] = field(default_factory=dict)
    venue: str = "injective"

    def show(self, market: Market, bids: Sequence[Any], asks: Sequence[Any]) -> None:
        self.books[market.key] = a_book(market, bids, asks)

    async def order_book(self, market: Market) -> OrderBook:
        return self.books[market.key]


class Paper:
    """An account in paper, with the blocks in the test's hands."""

    def __init__(self, journal: MemoryJournal | None = None) -> None:
        self.venue, self.height = Venue(), 100
        for market in (SPOT, PERP):
            self.venue.show(market, BIDS, ASKS)
        self.journal = journal or MemoryJournal()
        ledger = Ledger.opened(self.journal, FakeClock())
        self.books = ledger.books
        start = {"USDT": Decimal(1000), "INJ": Decimal(5)}
        venue: Any = self.venue
        self.chain = PaperChain(venue, self.latest, FakeClock(), self.books, start)
        self.execution = Execution(self.chain, ledger)

    async def latest(self) -> Block:
        return Block(self.height, NOON, "injective-1")

    async def place(self, *orders: ApprovedOrder, cancels: Sequence[Cancel] = ()) -> None:
        await self.execution.submit(orders, cancels)
        await self.next()

    async def next(self) -> None:
        self.height += 1
        await self.execution.settle()

    def order(self, order_id: str = "c1") -> Any:
        return self.books.orders[order_id]


def an_order(
    side: Side = Side.BUY,
    ticks: int = 25_200,
    lots: int = 2_000,
    kind: OrderKind = OrderKind.MARKET,
    order_id: str = "c1",
    **more: Any,
) -> ApprovedOrder:
    market = more.pop("market", SPOT)
    return ApprovedOrder(OrderRequest(order_id, market, side, kind, ticks, lots, "oracle", **more), 5, NOON)


async def test_a_market_order_pays_the_average_of_what_it_consumes_in_the_next_block() -> None:
    paper = Paper()
    await paper.execution.submit([an_order()])
    await paper.execution.settle()
    assert paper.order().state is OrderState.UNKNOWN
    await paper.next()
    held = paper.books.net[SPOT.key]
    assert (held.quantity, held.cost) == (Decimal(2), Decimal("50.2"))
    assert held.fees == Decimal("0.0502")
    assert paper.order().state is OrderState.DONE


async def test_the_books_of_the_next_block_decide_not_those_of_the_decision() -> None:
    paper = Paper()
    await paper.execution.submit([an_order(lots=1_000)])
    paper.venue.show(SPOT, [(25.0, 1.0)], [(25.1, 1.0)])
    await paper.next()
    assert paper.books.net[SPOT.key].cost == Decimal("25.1")


@pytest.mark.parametrize(
    ("order", "asks", "code"),
    [
        (an_order(ticks=24_000), ASKS, 25),
        (an_order(), [], 24),
        (an_order(kind=OrderKind.POST_ONLY, ticks=25_000), ASKS, 59),
    ],
)
async def test_the_exchange_refuses_what_cannot_enter(order: ApprovedOrder, asks: Any, code: int) -> None:
    paper = Paper()
    paper.venue.show(SPOT, BIDS, asks)
    await paper.place(order)
    assert (paper.order().state, paper.order().error_code) == (OrderState.REJECTED, code)
    assert not paper.books.net


async def test_a_crossing_limit_order_pays_one_price_and_the_rest_of_it_rests() -> None:
    paper = Paper()
    await paper.place(an_order(kind=OrderKind.LIMIT, ticks=25_100))
    assert paper.books.net[SPOT.key].cost == Decimal(25)
    [resting] = (await paper.chain.portfolio([SPOT])).open_orders
    assert (resting.quantity, resting.remaining) == (Decimal(2), Decimal(1))
    await paper.next()
    assert paper.books.net[SPOT.key].quantity == 1
    paper.venue.show(SPOT, BIDS, [(25.2, 1.0)])
    await paper.next()
    paper.venue.show(SPOT, BIDS, [(25.0, 3.0)])
    await paper.next()
    assert paper.books.net[SPOT.key].cost == Decimal("50.1")


async def test_a_resting_order_fills_once_the_market_goes_through_its_price() -> None:
    paper = Paper()
    await paper.place(an_order(Side.SELL, 25_100, 1_000, OrderKind.POST_ONLY))
    paper.venue.show(SPOT, [(25.1, 1.0)], [(25.3, 1.0)])
    await paper.next()
    assert paper.order().state is OrderState.OPEN
    paper.venue.show(SPOT, [(25.2, 1.0)], [(25.3, 1.0)])
    await paper.next()
    assert paper.order().state is OrderState.DONE
    assert paper.books.net[SPOT.key].cost == Decimal("25.1")


async def test_a_resting_order_is_gone_after_its_last_block_or_when_it_is_cancelled() -> None:
    paper = Paper()
    await paper.place(an_order(ticks=24_000, kind=OrderKind.LIMIT))
    await paper.place(an_order(ticks=24_000, kind=OrderKind.LIMIT, order_id="c2"))
    await paper.place(cancels=[Cancel(SPOT.key, SPOT, "c2")])
    assert paper.order("c2").state is OrderState.DONE
    assert paper.order("c1").state is OrderState.OPEN
    for _ in range(4):
        await paper.next()
    assert paper.order("c1").state is OrderState.DONE


async def test_a_stop_order_sells_once_its_trigger_is_reached() -> None:
    paper = Paper()
    await paper.place(an_order(lots=1_000, market=PERP))
    stop = an_order(Side.SELL, 23_000, 1_000, OrderKind.STOP, "stop", market=PERP, trigger_ticks=24_500)
    await paper.place(stop)
    await paper.next()
    assert paper.order("stop").state is OrderState.OPEN
    paper.venue.show(PERP, [], [(24.5, 1.0)])
    await paper.next()
    assert paper.order("stop").state is OrderState.OPEN
    paper.venue.show(PERP, [(24.4, 5.0)], [(24.5, 1.0)])
    await paper.next()
    assert paper.order("stop").state is OrderState.DONE
    assert paper.books.net[PERP.key].quantity == 0


async def test_the_portfolio_is_what_it_began_with_and_all_fills() -> None:
    paper = Paper()
    await paper.place(an_order(lots=1_000), an_order(Side.SELL, 24_000, 1_000, order_id="c2", market=PERP))
    portfolio = await paper.chain.portfolio([SPOT])
    usdt, inj = portfolio.balances["usdt"], portfolio.balances["inj"]
    assert inj.total == inj.available == Decimal(6)
    spot, margin = Decimal(25) + Decimal("0.025"), Decimal("24.9") + Decimal("0.0249")
    assert usdt.total == usdt.available == 1000 - spot - margin
    short = portfolio.positions[PERP.key]
    assert (short.quantity, short.entry_price, short.margin) == (-1, Decimal("24.9"), Decimal("24.9"))
    assert short.liquidation_price == pytest.approx(Decimal("47.428571"))


async def test_a_restart_keeps_fills_and_forgets_only_what_no_block_had_seen() -> None:
    paper = Paper()
    await paper.place(an_order(lots=1_000))
    await paper.execution.submit([an_order(order_id="c2")])
    again = Paper(paper.journal)
    assert again.books.net == paper.books.net
    assert again.books.unresolved.keys() == paper.books.unresolved.keys()
    pending = next(iter(again.books.unresolved.values())).transaction
    assert (await again.chain.broadcast(pending)).outcome is Sent.UNKNOWN
    again.height += 40
    await again.execution.settle()
    assert again.order("c2").state is OrderState.ABSENT


async def test_a_level_that_is_older_than_the_markets_ticks_is_met_at_the_worse_one() -> None:
    paper = Paper()
    paper.venue.show(SPOT, BIDS, [(25.0005, 2.0)])
    await paper.place(an_order())
    assert paper.books.net[SPOT.key].cost == Decimal("50.002")


async def test_a_market_whose_grid_is_not_known_is_not_traded_on() -> None:
    paper, market = Paper(), replace(SPOT, price_tick=Decimal(0))
    with pytest.raises(Malformed, match="tick sizes are not known"):
        await paper.place(an_order(market=market))


async def test_an_exit_and_a_stop_of_the_same_moment_close_a_position_once() -> None:
    paper = Paper()
    paper.venue.show(PERP, [(24.9, 50.0)], [(25.0, 50.0)])
    await paper.place(an_order(market=PERP, lots=2_000))
    ends: dict[str, Any] = {"market": PERP, "reduce_only": True}
    await paper.place(
        an_order(Side.SELL, 22_000, 2_000, OrderKind.STOP, "stop", trigger_ticks=24_000, **ends)
    )
    paper.height += 2
    paper.venue.show(PERP, [(24.01, 50.0)], [(24.5, 50.0)])
    await paper.execution.submit([an_order(Side.SELL, 23_000, 2_000, OrderKind.MARKET, "exit", **ends)])
    paper.venue.show(PERP, [(23.9, 50.0)], [(24.1, 50.0)])
    await paper.execution.settle()
    assert paper.order("stop").filled == 2
    await paper.next()
    assert paper.order("exit").filled == 0
    assert paper.books.net[PERP.key].quantity == 0
