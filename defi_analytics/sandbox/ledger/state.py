"""The ledger's state, and the few things that everything else does with it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from defi_analytics.sandbox.exchange import paid_by_long
from defi_analytics.sandbox.ledger.accounts import Accounts, Pocket
from defi_analytics.sandbox.ledger.books import merged, theirs
from defi_analytics.sandbox.ledger.markets import PERPS
from defi_analytics.sandbox.ledger.numbers import units
from defi_analytics.sandbox.ledger.positions import funded
from defi_analytics.sandbox.ledger.records import (
    ZERO,
    LiveOrder,
    OrderFailure,
    OrderRecord,
    OrderState,
    Position,
    Stage,
    Trade,
)
from defi_analytics.sandbox.ledger.standstill import Standstill
from defi_analytics.sandbox.ledger.tables import Table, Undo
from defi_analytics.sandbox.listings import LISTINGS
from defi_analytics.sandbox.matching import Book
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.world import World

_NUMBER = "orders"
_EPOCH = datetime.fromtimestamp(0, UTC)


def cumulative_at(world: World, block: int, market_id: str) -> Decimal:
    """What one long base has paid since the world's block 0, in quote; 0 on spot."""
    listing = PERPS.get(market_id)
    return ZERO if listing is None else paid_by_long(Moment(world, block, _EPOCH), listing)


class State:
    def __init__(self, world: World) -> None:
        self.world = world
        self.undo = Undo()
        self.accounts = Accounts(self.undo)
        self.orders: Table[str, LiveOrder] = Table(self.undo)
        self.cids: Table[tuple[str, str], str] = Table(self.undo)
        """(subaccount, client order id) of live orders."""
        self.nonces: Table[str, int] = Table(self.undo)
        self.positions: Table[tuple[str, str], Position] = Table(self.undo)
        self.cumulative: Table[str, Decimal] = Table(self.undo)
        """Funding that is set by hand, quote per base; otherwise it is the world's: see `cumulative_of`."""
        self.grants: Table[tuple[str, str, str], tuple[object, float]] = Table(self.undo)
        self.history: Table[str, OrderRecord] = Table(self.undo)
        self.changed: Table[str, OrderRecord] = Table(self.undo)
        """In this block."""
        self.failures: Table[int, OrderFailure] = Table(self.undo)
        """In this block."""
        self.trades: list[Trade] = []
        self.left: dict[str, tuple[int, Book]] = {}
        """By market: the last block in which users took part, and what the world's orders came to."""
        self.standstill = Standstill()
        self.last_block: int | None = None
        self._counts: Table[str, int] = Table(self.undo)

    def kept(self) -> "State":
        """As it is now, for whoever asks later; trades and history only grow, and are shared."""
        found = State(self.world)
        found.accounts.take(self.accounts)
        found.orders.take(self.orders)
        found.nonces.take(self.nonces)
        found.positions.take(self.positions)
        found.cumulative.take(self.cumulative)
        found.grants.take(self.grants)
        found.history, found.trades = self.history, self.trades
        found.left, found.last_block = dict(self.left), self.last_block
        found.standstill = self.standstill.kept()
        return found

    def live(
        self, market_id: str | None = None, subaccount: str | None = None, stages: Iterable[Stage] = Stage
    ) -> list[LiveOrder]:
        """In the sequence in which they were placed."""
        wanted = frozenset(stages)
        found = (
            order
            for order in self.orders.all.values()
            if order.stage in wanted
            and market_id in {None, order.market_id}
            and subaccount in {None, order.subaccount}
        )
        return sorted(found, key=lambda order: order.number)

    def standing(self, market_id: str, block: int) -> Book:
        """The book at the end of a block, with every order that users have resting now."""
        block = self.standstill.moved(market_id, block)
        at, world = self.left.get(market_id, (None, None))
        if world is None or at != block:
            world = self.world.block(market_id, block).book
        return merged(world, self.live(market_id, stages=[Stage.RESTING]), {}).book

    def leave(self, market_id: str, block: int, book: Book, users: Iterable[str]) -> None:
        self.left[market_id] = block, theirs(book, users)

    def mark_price(self, market_id: str, block: int) -> Decimal:
        return self.world.mark_price(PERPS[market_id], block)

    def bump(self, subaccount: str) -> int:
        """The subaccount's trade nonce, after counting one more order."""
        nonce = self.nonces.get(subaccount, 0) + 1
        self.nonces.put(subaccount, nonce)
        return nonce

    def next_number(self) -> int:
        number = self._counts.get(_NUMBER, 0) + 1
        self._counts.put(_NUMBER, number)
        return number

    def add(self, order: LiveOrder) -> None:
        self.orders.put(order.order_hash, order)
        if order.cid:
            self.cids.put((order.subaccount, order.cid), order.order_hash)
        self.note(OrderRecord(order, OrderState.BOOKED, ZERO, order.block))

    def remove(self, order: LiveOrder, state: OrderState, block: int) -> None:
        """Gives back what it still locks, and frees its client order id."""
        self.accounts.release(order.subaccount, order.denom, order.hold)
        self.orders.drop(order.order_hash)
        if order.cid:
            self.cids.drop((order.subaccount, order.cid))
        gone = order._replace(hold=ZERO)
        self.note(OrderRecord(gone, state, order.quantity - order.fillable, block))

    def note(self, record: OrderRecord) -> None:
        self.history.put(record.order.order_hash, record)
        self.changed.drop(record.order.order_hash)
        self.changed.put(record.order.order_hash, record)

    def fail(self, failure: OrderFailure) -> None:
        self.failures.put(len(self.failures.all), failure)

    def position(self, subaccount: str, market_id: str) -> Position | None:
        """With its funding settled, as a look: nothing is moved."""
        position = self.positions.find((subaccount, market_id))
        return None if position is None else funded(position, self.cumulative_of(market_id))

    def cumulative_of(self, market_id: str) -> Decimal:
        """As of the last block, whether or not its hours were gone through one by one."""
        return self.cumulative.find(market_id) or cumulative_at(self.world, self.last_block or 0, market_id)

    def settle_funding(self, subaccount: str, market_id: str) -> Position | None:
        """Moves what the position paid or got since it was last settled."""
        before, after = self.positions.find((subaccount, market_id)), self.position(subaccount, market_id)
        if before is not None and after is not None:
            paid = units(before.margin - after.margin, LISTINGS[market_id].quote_decimals)
            self.accounts.keep(Pocket.MAKERS, LISTINGS[market_id].quote_denom, paid)
            self.positions.put((subaccount, market_id), after)
        return after

    def set_position(self, where: tuple[str, str], position: Position | None) -> None:
        if position is None:
            self.positions.drop(where)
        else:
            self.positions.put(where, position)
