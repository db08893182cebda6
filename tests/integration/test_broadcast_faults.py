"""Five hundred orders through the live chain adapter, real sockets and real signatures, while one broadcast in
four goes wrong and somebody else uses the same key: each is placed once, none twice, none forgotten.

What the kill loop shows of a process that dies, this shows of one that lives on and has to find out.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import ApprovedOrder, OrderState
from defi_analytics.engine.absence import MARGIN_BLOCKS
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import BASELINE, Ledger
from defi_analytics.engine.records import Kind
from defi_analytics.errors import DataError, OrderRejected
from defi_analytics.http.policy import Policy
from defi_analytics.sandbox.chain.faults import parse
from defi_analytics.sandbox.moment import FIRST_HEIGHT
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from tests.engine.memory_journal import MemoryJournal
from tests.venues.injective.chain.kit import an_order
from tests.venues.injective.chain.kit_world import World, opened

ORDERS = 500
TIMEOUT_BLOCKS = 12
RESTING_BLOCKS = 6
OVERTAKEN_BLOCKS = 5
"""Until it is proven that somebody else's transaction took a sequence, and so that ours will never happen."""
PATIENCE = Policy(deadline_s=0.5, rate_per_s=1000, breaker_failures=10_000)
FAULTS = (
    "drop_before=0.05", "drop_after=0.05", "hang_after=0.02", "late_inclusion=2@0.05", "error_before=0.05",
    "error_after=0.05", "sequence_mismatch=0.05", "foreign_tx=0.1", "stale_node=0.01",
    "rpc_behind=1@0.02", "tx_index_lag=20@0.3", "base_fee=1.2@0.03",
)  # fmt: skip
UNDECIDED = (OrderState.SIGNED, OrderState.UNKNOWN)
REFUSED = (OrderState.REJECTED, OrderState.ABSENT)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened(WallClock(), hold=True, policy=PATIENCE) as world:
        chain = replace(world.chain, policy=ChainPolicy(timeout_blocks=TIMEOUT_BLOCKS))
        yield world._replace(chain=chain)


@dataclass
class Wishes:
    """What somebody wants done, each until it is: a wish that was refused for good is wished again."""

    world: World
    execution: Execution
    waiting: list[int] = field(default_factory=lambda: list(range(ORDERS)))
    tried: dict[str, int] = field(default_factory=dict)
    """Wish by client order id, of every order that was ever handed over."""
    refused: Counter[int] = field(default_factory=Counter)
    """Before they were sent, by the chain's code."""

    async def round(self) -> None:
        """As the agent does it: prove what is in doubt, then send, then wait for a block."""
        with suppress(DataError):
            await self.execution.prove()
            self._look_back()
            wishes = self.waiting[: 1 + len(self.waiting) % 3]
            if wishes and not self.execution.books.unresolved:
                orders = [await self._order(wish) for wish in wishes]
                try:
                    await self.execution.submit(orders)
                except OrderRejected as error:
                    # The node lied about the sequence, or two market orders met in one market and block.
                    self.refused[error.order_code] += 1
                    self.waiting.append(self.waiting.pop(0))
                else:
                    del self.waiting[: len(wishes)]
                    own = {order.request.client_order_id for order in orders}
                    self.tried |= {name: int(name.split("-")[1]) for name in own}
        self.world.sandbox.advance()

    def _look_back(self) -> None:
        """Wishes again what the books have proof of that it did not happen."""
        orders = self.execution.books.orders
        for name, wish in list(self.tried.items()):
            if orders[name].state in REFUSED:
                self.waiting.append(wish)
                del self.tried[name]

    async def _order(self, wish: int) -> ApprovedOrder:
        attempt = sum(name.startswith(f"wish-{wish}-") for name in self.execution.books.orders)
        market = self.world.markets[wish % 2]
        side = (Side.BUY, Side.SELL)[wish // 2 % 2]
        takes = wish % 4 < 2
        best = await self.world.price(market, side, "0.004" if takes else "-0.02")
        return an_order(
            market,
            OrderKind.MARKET if takes and wish % 8 < 4 else OrderKind.LIMIT,
            side=side,
            ticks=best,
            lots=1000,
            client_order_id=f"wish-{wish}-{attempt}",
            expires_after_blocks=RESTING_BLOCKS,
        )

    @property
    def done(self) -> bool:
        orders = self.execution.books.orders
        return not self.waiting and all(orders[name].state not in UNDECIDED for name in self.tried)


async def test_each_of_five_hundred_orders_is_placed_once_whatever_becomes_of_its_broadcast(world: World):
    sandbox, ledger = world.sandbox, Ledger.opened(MemoryJournal(), WallClock())
    since = (await world.chain.block()).height
    # As every start does: what was traded before is not asked for.
    ledger.write(BASELINE, {"height": since, "balances": {}})
    sandbox._chain.set_faults([parse(fault) for fault in FAULTS], 7)
    wishes = Wishes(world, Execution(world.chain, ledger))
    doubts: Counter[str] = Counter()
    for _ in range(40 * ORDERS):
        await wishes.round()
        doubts.update(ledger.books.unresolved.keys())
        if wishes.done:
            break
    happened = dict(sandbox._chain.faults.counts)
    sandbox._chain.set_faults([], 0)
    sandbox.advance(RESTING_BLOCKS + TIMEOUT_BLOCKS)
    await wishes.execution.settle()
    assert wishes.refused.keys() <= {32, 38}, wishes.refused
    assert wishes.done, (wishes.waiting, wishes.refused)
    assert not [order for order in ledger.books.orders.values() if order.live]
    check_orders(wishes, happened)
    await check_fills(wishes, since)
    check_doubts(ledger, doubts)


def check_orders(wishes: Wishes, happened: dict[str, int]) -> None:
    """The chain's own history against the journal and against what was wanted."""
    placed = Counter(row.order.cid for row in wishes.world.sandbox.chain.ledger.history())
    books = wishes.execution.books.orders
    assert set(placed.values()) == {1}
    assert placed.keys() == {name for name, order in books.items() if order.state is OrderState.DONE}
    assert Counter(wishes.tried[name] for name in placed) == dict.fromkeys(range(ORDERS), 1)
    assert happened.keys() == {fault.partition("=")[0] for fault in FAULTS}, happened
    sent = len({order.tx_hash for order in books.values()})
    reads = {"stale_node", "rpc_behind", "tx_index_lag"}
    spoiled = sum(count for kind, count in happened.items() if kind not in reads)
    assert spoiled > sent / 4, (happened, sent)


async def check_fills(wishes: Wishes, since: int) -> None:
    journal, chain = wishes.execution.ledger.journal, wishes.world.sandbox.chain.ledger
    counted = Counter(
        (fill["height"], fill["client_order_id"], Decimal(fill["price"]), Decimal(fill["quantity"]))
        for _, _, body in journal.replay(Kind.FILLS)
        for fill in body["fills"]
    )
    traded = Counter((FIRST_HEIGHT + t.block, t.cid, t.price, t.quantity) for t in chain.trades())
    assert counted == traded
    assert len(traded) > ORDERS / 4
    portfolio = await wishes.world.chain.portfolio(wishes.world.markets)
    assert not portfolio.open_orders
    held = {key: own.quantity for key, own in wishes.execution.books.net.items() if own.quantity}
    perp = wishes.world.perp.key
    assert {key: one.quantity for key, one in portfolio.positions.items()} == {
        key: quantity for key, quantity in held.items() if key == perp
    }


def check_doubts(ledger: Ledger, doubts: Counter[str]) -> None:
    """In how many blocks each transaction was in doubt: never for longer than its timeout and what proves it."""
    assert max(doubts.values()) <= TIMEOUT_BLOCKS + MARGIN_BLOCKS + 2
    overtaken = [
        body["tx_hash"]
        for _, _, body in ledger.journal.replay(Kind.RESOLVED)
        if body["reason"] == "its sequence was taken by another transaction"
    ]
    assert overtaken
    assert max(doubts[tx_hash] for tx_hash in overtaken) <= OVERTAKEN_BLOCKS
