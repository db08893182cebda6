"""An account on a venue that does its own sums, and the journal of it: what a start may find."""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import Cancel, Fill, OpenOrder, OrderRequest
from defi_analytics.domain.portfolio import Balance, Portfolio, Position
from defi_analytics.domain.transaction import Block, OrderResult, SignedTransaction, TransactionResult
from defi_analytics.engine.ledger import BASELINE, Ledger
from defi_analytics.engine.reconcile import Reconciliation, reconcile
from defi_analytics.engine.records import Closed, Fills, Kind, Resolved, Signed
from tests.builders import MARGINS, a_market
from tests.engine.memory_journal import MemoryJournal
from tests.fakes import NOON, FakeClock

SPOT = replace(
    a_market(), base_denom="inj", quote_denom="usdt", base_decimals=18, quote_decimals=6, taker_fee=Decimal(0)
)
PERP = replace(
    SPOT, market_id="perp", ticker="INJ/USDT PERP", kind=MarketKind.PERPETUAL, base_denom="", **MARGINS
)
GAS = Decimal("0.000048")
START = {"INJ": Decimal(100), "USDT": Decimal(1_000_000)}


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits for anything."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waited")


def signed(fill: Fill) -> Decimal:
    return fill.quantity if fill.side is Side.BUY else -fill.quantity


@dataclass
class Account:
    """`place` and `count` write the journal; everything else happens on the venue alone."""

    seed: int = 0
    height: int = 1_000
    number: int = 0
    balances: dict[str, Decimal] = field(default_factory=lambda: dict(START))
    positions: dict[MarketKey, tuple[Decimal, Decimal]] = field(default_factory=dict)
    """Quantity and margin."""
    settled: dict[MarketKey, Decimal] = field(default_factory=dict)
    """The index by which its funding was paid last."""
    open: dict[str, OpenOrder] = field(default_factory=dict)
    fills_made: list[Fill] = field(default_factory=list)
    reports: list[Fill] | None = None
    """What the venue answers instead of its fills."""
    included: dict[str, TransactionResult] = field(default_factory=dict)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    account: str = "inj1test"
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.ledger = Ledger.opened(self.journal, FakeClock())
        baseline = {asset: str(amount) for asset, amount in START.items()}
        self.ledger.write(BASELINE, {"height": self.height, "balances": baseline})

    def place(self, market: Market, side: Side, lots: int, *, proven: bool = True, blocks: int = 500) -> str:
        self.number += 1
        self.height += 1
        order_id, tx_hash = f"c{self.number}", f"T{self.number}"
        request = OrderRequest(order_id, market, side, OrderKind.LIMIT, 25_000, lots, "convergence")
        transaction = SignedTransaction(
            tx_hash, b"", self.account, self.number, self.height + 30, (order_id,), 1, GAS, NOON,
            self.height + blocks,
        )  # fmt: skip
        self.ledger.write(Kind.SIGNED, Signed(transaction, (request,)))
        results = (OrderResult(order_id, f"0x{order_id}"),)
        self.balances["INJ"] -= GAS
        self.included[tx_hash] = TransactionResult(tx_hash, self.height, NOON, 0, "", "", 1, results)
        if proven:
            self.ledger.write(Kind.RESOLVED, Resolved(tx_hash, self.height, 0, "", "", results, "found"))
        quantity = request.quantity
        self.open[order_id] = OpenOrder(
            market.key, f"0x{order_id}", order_id, side, OrderKind.LIMIT, request.price, quantity, quantity
        )
        return order_id

    def trade(self, market: Market, order_id: str, side: Side, quantity: Decimal) -> Fill:
        """A fill in the next block: of an order on the book, or of somebody at the account's web page."""
        self.height += 1
        price = Decimal(self.random.randint(20_000, 30_000)) / 1000
        fee = (price * quantity / 1000).quantize(Decimal("1e-6"))
        fill = Fill(
            f"f{len(self.fills_made)}", market.key, order_id, f"0x{order_id}", side, price, quantity, fee,
            NOON, self.height, funding_index=None if market.kind is MarketKind.SPOT else self.index,
        )  # fmt: skip
        self.fills_made.append(fill)
        if order_id in self.open:
            rest = self.open.pop(order_id)
            if rest.remaining > quantity:
                self.open[order_id] = replace(rest, remaining=rest.remaining - quantity)
        self._settle(market, fill)
        return fill

    @property
    def index(self) -> Decimal:
        """What a long base of the perpetual has paid up to now."""
        return Decimal(self.height) / 128

    def due(self, key: MarketKey) -> Decimal:
        return (
            self.positions[key][0] * (self.index - self.settled[key]) if key in self.positions else Decimal(0)
        )

    def _settle(self, market: Market, fill: Fill) -> None:
        if market.kind is MarketKind.SPOT:
            self.balances["INJ"] += signed(fill)
            self.balances["USDT"] -= signed(fill) * fill.price + fill.fee
            return
        self.balances["USDT"] -= self.due(fill.key)
        self.settled[fill.key] = self.index
        quantity, margin = self.positions.get(fill.key, (Decimal(0), Decimal(0)))
        left = signed(fill)
        self.balances["USDT"] -= fill.fee
        if quantity * left < 0:
            part = min(abs(left), abs(quantity))
            released = margin * part / abs(quantity)
            gained = part * fill.price - released if quantity > 0 else released - part * fill.price
            self.balances["USDT"] += released + gained
            margin -= released
            moved = part if left > 0 else -part
            quantity, left = quantity + moved, left - moved
        self.balances["USDT"] -= abs(left) * fill.price
        self.positions[fill.key] = (quantity + left, margin + abs(left) * fill.price)
        if not quantity + left:
            del self.positions[fill.key]

    def count(self, *, without: Sequence[Fill] = (), twice: Sequence[Fill] = ()) -> None:
        """The journal counts every block up to now, `without` some fills, or with some of them twice."""
        first = self.ledger.counted + 1
        if first > self.height:
            return
        due = [fill for fill in self.fills_made if fill.height >= first and fill not in without]
        self.ledger.write(Kind.FILLS, Fills(first, self.height, (*due, *(f for f in due if f in twice))))

    def close(self, order_id: str) -> None:
        self.ledger.write(Kind.CLOSED, Closed(self.ledger.books.scanned_height, (order_id,)))

    def cancel(self, order_id: str, *, proven: bool = True) -> None:
        """By a transaction of its own, which took the order off the venue's book."""
        self.number += 1
        self.height += 1
        tx_hash = f"T{self.number}"
        transaction = SignedTransaction(
            tx_hash, b"", self.account, self.number, self.height + 30, (), 1, GAS, NOON
        )
        market = self.ledger.books.orders[order_id].request.market
        cancels = (Cancel(market.key, market, order_id),)
        self.ledger.write(Kind.SIGNED, Signed(transaction, (), cancels))
        self.balances["INJ"] -= GAS
        self.included[tx_hash] = TransactionResult(tx_hash, self.height, NOON, 0, "", "", 1)
        del self.open[order_id]
        if proven:
            self.ledger.write(Kind.RESOLVED, Resolved(tx_hash, self.height, 0, "", "", (), "found"))

    def restart(self) -> None:
        self.ledger = Ledger.opened(self.journal, FakeClock())

    async def portfolio(self, markets: Sequence[Market]) -> Portfolio:
        balances = {a.lower(): Balance(a.lower(), a, total, total) for a, total in self.balances.items()}
        positions = {
            key: Position(key, quantity, margin / abs(quantity), margin - self.due(key), None, self.index)
            for key, (quantity, margin) in self.positions.items()
        }
        opened = tuple(self.open.values())
        return Portfolio(self.account, self.now, self.height, balances, positions, opened)

    async def fills(self, markets: Sequence[Market], first_height: int, last_height: int) -> Sequence[Fill]:
        made = self.fills_made if self.reports is None else self.reports
        return [fill for fill in made if first_height <= fill.height <= last_height]

    async def block(self) -> Block:
        return Block(self.height, self.now, "injective-777")

    async def find(self, tx_hash: str) -> TransactionResult | None:
        return self.included.get(tx_hash)

    def reconciled(self, **more: Any) -> Reconciliation:
        chain: Any = self
        found: Reconciliation = run(reconcile(self.ledger, chain, [SPOT, PERP], **more))
        return found

    def told(self, **more: Any) -> set[tuple[str, str, Decimal]]:
        """Code, what it is about, and how much the venue has more."""
        return {(each.code.value, each.about, each.gap) for each in self.reconciled(**more).differences}


def effects(market: Market, fill: Fill) -> set[tuple[str, str, Decimal]]:
    """What a spot fill does to the balances, as differences where the journal does not have it."""
    cash = -signed(fill) * fill.price - fill.fee
    return {("BALANCE", "INJ", signed(fill)), ("BALANCE", "USDT", cash)}
