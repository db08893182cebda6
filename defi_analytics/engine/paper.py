"""A chain that never sends anything: orders meet the live books as the next block's auction would.

It stands where the real one does: paper trading runs the same code from the signature to the proof. What it
knows of the past it reads from the books, a fold over the journal; a restart loses only what had not reached
its next block. Not modelled: our place in the queue of a price level, funding payments, and that our orders
would have moved the market.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import msgspec

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import ApprovedOrder, Cancel, Fill, OpenOrder, OrderRequest, OrderState
from defi_analytics.domain.portfolio import Balance, Portfolio, Position
from defi_analytics.domain.transaction import Block, Sent, SignedTransaction, Submission, TransactionResult
from defi_analytics.engine.bookkeeping import Bookkeeping, TrackedOrder
from defi_analytics.engine.paper_fills import NO_FUNDING, Ladders, entered, on_grid, rests, touched
from defi_analytics.ports import Clock, MarketData

ACCOUNT = "paper"
_ZERO = Decimal(0)
TIMEOUT_BLOCKS = 30
GAS = 300_000
_INCLUDED_KEPT = 100
EXPIRES = frozenset({OrderKind.LIMIT, OrderKind.POST_ONLY})
"""The chain's stop orders carry no expiry block: they are there until they are cancelled."""
FEE = Decimal("0.000048")
"""INJ. Source: the chain's least gas price, 160,000,000 inj-wei, times `GAS`."""


@dataclass(frozen=True, slots=True)
class _Pending:
    transaction: SignedTransaction
    orders: tuple[ApprovedOrder, ...]
    cancels: tuple[Cancel, ...]


@dataclass(slots=True)
class PaperChain:
    """A `Chain` by the live books of `venue`, in blocks of the real chain."""

    venue: MarketData
    latest: Callable[[], Awaitable[Block]]
    clock: Clock
    books: Bookkeeping
    start: Mapping[str, Decimal]
    """What the account began with, by asset."""
    _pending: dict[str, _Pending] = field(default_factory=dict)
    _included: dict[str, TransactionResult] = field(default_factory=dict)
    _fills: list[Fill] = field(default_factory=list)
    _cancelled: set[str] = field(default_factory=set)
    _took_all: set[str] = field(default_factory=set)
    """Resting orders that took, on paper, what the live book still shows: until that has gone away."""
    _signed: int = 0

    @property
    def account(self) -> str:
        return ACCOUNT

    async def block(self) -> Block:
        return await self.latest()

    async def sign(
        self, orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel] = ()
    ) -> SignedTransaction:
        block = await self.latest()
        self._signed += 1
        ids = tuple(order.request.client_order_id for order in orders)
        content = msgspec.json.encode([block.height, self._signed, ids, [c.client_order_id for c in cancels]])
        resting = [o.expires_after_blocks for o in orders if o.request.kind in EXPIRES]
        transaction = SignedTransaction(
            tx_hash=hashlib.sha256(content).hexdigest().upper(),
            tx_bytes=content,
            account=ACCOUNT,
            sequence=self._signed,
            timeout_height=block.height + TIMEOUT_BLOCKS,
            client_order_ids=ids,
            gas=GAS,
            fee=FEE,
            signed_at=self.clock.now(),
            expiry_height=block.height + max(resting) if resting else 0,
            height=block.height,
        )
        self._pending[transaction.tx_hash] = _Pending(transaction, tuple(orders), tuple(cancels))
        return transaction

    async def broadcast(self, transaction: SignedTransaction) -> Submission:
        """Accepted if it was signed by this process; what an earlier one signed is lost with its memory."""
        known = transaction.tx_hash in self._pending
        return Submission(Sent.ACCEPTED if known else Sent.UNKNOWN)

    async def find(self, tx_hash: str) -> TransactionResult | None:
        """Runs the auction in the first block after the one it was signed in: the latency of a real order."""
        pending = self._pending.get(tx_hash)
        if pending is None:
            return self._included.get(tx_hash)
        block = await self.latest()
        if block.height <= pending.transaction.timeout_height - TIMEOUT_BLOCKS:
            return None
        requests = [order.request for order in pending.orders]
        ladders = await self._ladders([request.market for request in requests])
        results = []
        for request in requests:
            result, fill = entered(self._reducing(request), ladders[request.market.key], block)
            results.append(result)
            if fill:
                self._fills.append(fill)
                self._took_all.add(fill.client_order_id)
        self._cancelled |= {cancel.client_order_id for cancel in pending.cancels}
        del self._pending[tx_hash]
        told = TransactionResult(tx_hash, block.height, block.at, 0, "", "", GAS, tuple(results))
        self._included[tx_hash] = told
        self._forget()
        return self._included[tx_hash]

    async def next_sequence(self) -> int:
        """Never beyond a transaction's own: nobody else has this account."""
        return 0

    async def holds(self, tx_hash: str, first_height: int, last_height: int) -> bool:
        return tx_hash in self._included

    async def fills(self, markets: Sequence[Market], first_height: int, last_height: int) -> Sequence[Fill]:
        """Also those that the books of this moment bring to resting orders, dated in the last block."""
        resting = self._resting()
        block = Block(last_height, self.clock.now(), "")
        ladders = await self._ladders([order.request.market for order in resting])
        for order in resting:
            request = self._reducing(order.request, order.filled)
            fill = touched(replace(order, request=request), ladders[request.market.key], block)
            if fill is None:
                self._took_all.discard(order.request.client_order_id)
            elif order.request.client_order_id not in self._took_all:
                self._fills.append(fill)
        due = [fill for fill in self._fills if first_height <= fill.height <= last_height]
        self._fills = [fill for fill in self._fills if fill.height > last_height]
        return due

    async def portfolio(self, markets: Sequence[Market]) -> Portfolio:
        block = await self.latest()
        known = {**{market.key: market for market in markets}, **self.books.markets}
        held = self.books.net
        keys = {market.key for market in markets}
        return Portfolio(
            account=ACCOUNT,
            at=block.at,
            height=block.height,
            balances={balance.denom: balance for balance in _balances(self.start, known.values(), held)},
            positions={
                key: _position(known[key], inventory)
                for key, inventory in held.items()
                if key in known and known[key].kind is MarketKind.PERPETUAL and inventory.quantity
            },
            open_orders=tuple(
                _open_order(order) for order in self._resting() if order.request.market.key in keys
            ),
        )

    def _reducing(self, request: OrderRequest, filled: Decimal = _ZERO) -> OrderRequest:
        """As on the exchange: one that only reduces takes no more than there is, whatever else closed it."""
        market = request.market
        if not request.reduce_only or market.kind is MarketKind.SPOT:
            return request
        held = self._counted(market.key)
        held += sum((fill.signed for fill in self._fills if fill.key == market.key), _ZERO)
        there = -held if request.side is Side.BUY else held
        return replace(request, lots=min(request.lots, market.whole_lots(max(_ZERO, there) + filled)))

    def _counted(self, key: MarketKey) -> Decimal:
        return self.books.net.get(key, Inventory()).quantity

    def _forget(self) -> None:
        """What the books have taken note of long since."""
        for tx_hash in list(self._included)[:-_INCLUDED_KEPT]:
            del self._included[tx_hash]
        live = {order.request.client_order_id for order in self.books.live}
        self._cancelled &= live
        self._took_all &= live

    def _resting(self) -> list[TrackedOrder]:
        return [
            order
            for order in self.books.live
            if order.state is OrderState.OPEN
            and rests(order.request)
            and order.request.client_order_id not in self._cancelled
        ]

    async def _ladders(self, markets: Sequence[Market]) -> dict[MarketKey, Ladders]:
        """One read for each market."""
        found = {}
        for market in {market.key: market for market in markets}.values():
            found[market.key] = on_grid(await self.venue.order_book(market), market)
        return found


def _balances(
    start: Mapping[str, Decimal],
    markets: Iterable[Market],
    held: Mapping[MarketKey, Inventory],
) -> list[Balance]:
    totals: dict[tuple[str, str], Decimal] = {}
    for market in markets:
        quote, base = (market.quote_denom, market.quote), (market.base_denom, market.base)
        inventory = held.get(market.key, Inventory())
        totals.setdefault(quote, start.get(market.quote, Decimal(0)))
        if market.kind is MarketKind.SPOT:
            totals.setdefault(base, start.get(market.base, Decimal(0)))
            totals[quote] += inventory.cash
            totals[base] += inventory.quantity
        else:
            # The margin is with the position, as on the chain.
            totals[quote] += inventory.realised - inventory.fees - inventory.cost
    return [Balance(denom, asset, total, total) for (denom, asset), total in totals.items()]


def _position(market: Market, held: Inventory) -> Position:
    """Margin is the whole cost: paper trades without leverage, so only a short can be taken over."""
    entry, ratio = held.cost / abs(held.quantity), market.maintenance_margin_ratio
    taken_over = 2 * entry / (1 + ratio) if held.quantity < 0 and ratio is not None else None
    return Position(market.key, held.quantity, entry, held.cost, taken_over, NO_FUNDING)


def _open_order(order: TrackedOrder) -> OpenOrder:
    request = order.request
    return OpenOrder(
        key=request.market.key,
        order_hash=order.order_hash,
        client_order_id=request.client_order_id,
        side=request.side,
        kind=request.kind,
        price=request.price,
        quantity=request.quantity,
        remaining=request.quantity - order.filled,
        reduce_only=request.reduce_only,
        trigger_price=request.trigger_price if request.trigger_ticks else None,
    )
