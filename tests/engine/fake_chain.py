"""A chain in memory with everything that can go wrong between a signature and its proof."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import msgspec

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import ApprovedOrder, Cancel, Fill, OpenOrder
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.transaction import (
    Block,
    OrderResult,
    Sent,
    SignedTransaction,
    Submission,
    TransactionResult,
)
from tests.fakes import NOON

CHAIN_ID = "injective-777"
TIMEOUT_BLOCKS = 6
PRICE = Decimal(25)


class Killed(BaseException):
    """As abrupt as the real thing: no handler of ours may catch it."""


@dataclass
class FakeChain:
    """Blocks are made by `make_block`. `faults` names what may happen to a broadcast, drawn by `random`."""

    random: Random = field(default_factory=lambda: Random(0))
    faults: Sequence[str] = ()
    fault_rate: float = 0.0
    height: int = 100
    sequence: int = 0
    step: Callable[[str], None] = lambda name: None
    """Called before and after each effect: where a test kills."""
    blocks_as_time: bool = True
    mempool: list[tuple[int, SignedTransaction]] = field(default_factory=list)
    """With the block each becomes eligible in."""
    included: dict[str, TransactionResult] = field(default_factory=dict)
    ledger: list[Fill] = field(default_factory=list)
    resting: dict[str, OpenOrder] = field(default_factory=dict)
    expiries: dict[str, int] = field(default_factory=dict)
    signed: list[str] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    orders: dict[bytes, tuple[tuple[ApprovedOrder, ...], tuple[Cancel, ...]]] = field(default_factory=dict)

    @property
    def account(self) -> str:
        return "inj1fake"

    @property
    def now(self) -> datetime:
        return NOON + timedelta(seconds=0.65 * self.height)

    async def block(self) -> Block:
        self.step("block")
        return Block(self.height, self.now, CHAIN_ID)

    async def sign(
        self, orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel] = ()
    ) -> SignedTransaction:
        self.step("sign")
        ids = tuple(order.request.client_order_id for order in orders)
        rests = [order for order in orders if order.request.kind is not OrderKind.MARKET]
        expiry = self.height + max((order.expires_after_blocks for order in rests), default=0)
        content = msgspec.json.encode([self.sequence, self.height + TIMEOUT_BLOCKS, ids, len(cancels)])
        self.orders[content] = (tuple(orders), tuple(cancels))
        transaction = SignedTransaction(
            tx_hash=hashlib.sha256(content).hexdigest().upper(),
            tx_bytes=content,
            account=self.account,
            sequence=self.sequence,
            timeout_height=self.height + TIMEOUT_BLOCKS,
            client_order_ids=ids,
            gas=100_000,
            fee=Decimal("0.000016"),
            signed_at=self.now,
            expiry_height=expiry if rests else 0,
            height=self.height,
        )
        self.signed.append(transaction.tx_hash)
        return transaction

    async def broadcast(self, transaction: SignedTransaction) -> Submission:
        self.step("before broadcast")
        fault = self.random.choice(self.faults) if self.random.random() < self.fault_rate else ""
        if fault == "foreign":
            self.sequence += 1
        answer = self._received(transaction, fault)
        self.step("after broadcast")
        return answer

    def _received(self, transaction: SignedTransaction, fault: str) -> Submission:
        self.sent.append(transaction.tx_bytes)
        if fault == "lost before":
            return Submission(Sent.UNKNOWN)
        if fault == "refused":
            return Submission(Sent.REJECTED, 13, "sdk", "insufficient fee")
        if any(transaction.tx_bytes == other.tx_bytes for _, other in self.mempool):
            return Submission(Sent.ACCEPTED, 19, "sdk")
        if transaction.sequence != self.sequence + len(self.mempool):
            return Submission(Sent.REJECTED, 32, "sdk", "account sequence mismatch")
        if self.height >= transaction.timeout_height:
            return Submission(Sent.REJECTED, 30, "sdk", "timeout height")
        late = self.random.randint(1, TIMEOUT_BLOCKS + 2) if fault == "late" else 1
        self.mempool.append((self.height + late, transaction))
        return Submission(Sent.UNKNOWN if fault in ("lost after", "late") else Sent.ACCEPTED)

    def make_block(self) -> None:
        self.height += 1
        for entry in list(self.mempool):
            eligible, transaction = entry
            if self.height > transaction.timeout_height or transaction.sequence < self.sequence:
                self.mempool.remove(entry)
            elif eligible <= self.height and transaction.sequence == self.sequence:
                self.mempool.remove(entry)
                self._include(transaction)
        for order_id, expiry in list(self.expiries.items()):
            if expiry < self.height:
                del self.expiries[order_id], self.resting[order_id]

    def _include(self, transaction: SignedTransaction) -> None:
        self.sequence += 1
        orders, cancels = self.orders[transaction.tx_bytes]
        for cancel in cancels:
            if self.resting.pop(cancel.client_order_id, None):
                del self.expiries[cancel.client_order_id]
        results = []
        for order in orders:
            request = order.request
            order_hash = "0x" + hashlib.sha256(request.client_order_id.encode()).hexdigest()
            results.append(OrderResult(request.client_order_id, order_hash))
            if request.kind is OrderKind.MARKET:
                self.fill(request.client_order_id, order_hash, request.market, request.side, request.quantity)
            else:
                self.resting[request.client_order_id] = OpenOrder(
                    request.market.key, order_hash, request.client_order_id, request.side, request.kind,
                    request.price, request.quantity, request.quantity,
                )  # fmt: skip
                self.expiries[request.client_order_id] = transaction.expiry_height
        self.included[transaction.tx_hash] = TransactionResult(
            transaction.tx_hash, self.height, self.now, 0, "", "", 90_000, tuple(results)
        )

    def fill(self, order_id: str, order_hash: str, market: Market, side: Side, quantity: Decimal) -> None:
        self.ledger.append(
            Fill(
                f"{self.height}-{order_hash}-{len(self.ledger)}", market.key, order_id, order_hash, side,
                PRICE, quantity, PRICE * quantity / 1000, self.now, self.height,
            )
        )  # fmt: skip

    async def find(self, tx_hash: str) -> TransactionResult | None:
        self.step("find")
        return self.included.get(tx_hash)

    async def next_sequence(self) -> int:
        self.step("sequence")
        return self.sequence

    async def holds(self, tx_hash: str, first_height: int, last_height: int) -> bool:
        self.step("holds")
        found = self.included.get(tx_hash)
        return found is not None and first_height <= found.height <= last_height

    async def portfolio(self, markets: Sequence[Market]) -> Portfolio:
        self.step("portfolio")
        keys = {market.key for market in markets}
        resting = tuple(order for order in self.resting.values() if order.key in keys)
        return Portfolio(self.account, self.now, self.height, open_orders=resting)

    async def fills(self, markets: Sequence[Market], first_height: int, last_height: int) -> Sequence[Fill]:
        self.step("fills")
        return [fill for fill in self.ledger if first_height <= fill.height <= last_height]
