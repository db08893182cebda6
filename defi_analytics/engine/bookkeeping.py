"""What the journal says of our orders, transactions and holdings: one fold, for the start and while running.

Nothing here looks at a venue. An order leaves doubt only by proof: `resolved` records, and nothing else, say
that a transaction is in a block or that it never can be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey, too_little
from defi_analytics.domain.order import Cancel, Fill, OpenOrder, OrderRequest, OrderState
from defi_analytics.domain.transaction import OrderResult, Sent, SignedTransaction
from defi_analytics.engine.records import (
    EXCHANGE,
    TYPES,
    Closed,
    Fills,
    Refused,
    Resolved,
    Sending,
    Signed,
    refused_for_good,
)
from defi_analytics.engine.requests import PREFIX
from defi_analytics.engine.shares import shares
from defi_analytics.errors import Mismatch

_NEVER = 2**62
_OVER_KEPT = 1_000
_FILLS_KEPT = 1_000
_SENT_KEPT = 16
_FAILED_KEPT = 16


@dataclass(frozen=True, slots=True)
class TrackedOrder:
    request: OrderRequest
    tx_hash: str
    expiry_height: int
    """Beyond this block nothing of it can rest; 0 for one that never rests."""
    signed_at: datetime
    state: OrderState = OrderState.SIGNED
    order_hash: str = ""
    height: int = 0
    """Of the block it is in; 0 until that is proven."""
    filled: Decimal = Decimal(0)
    """Base."""
    error_code: int = 0
    """The venue's, where it refused."""
    error_codespace: str = ""
    """The module whose code that is."""
    closed_height: int = 0
    """The block at which the venue had it no more; 0 where nobody had to ask."""
    signed_height: int = 0
    """The latest block when it was signed; 0 where that is not known."""

    @property
    def live(self) -> bool:
        """Whether something of it may still happen, or has happened and is not counted yet."""
        return self.state in (OrderState.SIGNED, OrderState.UNKNOWN, OrderState.OPEN)


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A transaction without proof, and how each of its broadcasts was answered."""

    transaction: SignedTransaction
    cancels: tuple[Cancel, ...]
    sent: tuple[Sent, ...] = ()
    refused: bool = False
    """The last broadcast was, for what the bytes are: sent again they may not be what they were any more."""


@dataclass(slots=True)
class Bookkeeping:
    """Changed only by `apply`, in the journal's order."""

    orders: dict[str, TrackedOrder] = field(default_factory=dict)
    """By client order id, oldest first: all that live, and the last that are over."""
    unresolved: dict[str, Unresolved] = field(default_factory=dict)
    """By transaction hash."""
    held: dict[tuple[str, MarketKey], Inventory] = field(default_factory=dict)
    """By strategy ("" for fills of orders that are not ours) and market."""
    net: dict[MarketKey, Inventory] = field(default_factory=dict)
    """By market, all strategies together: what the account has, for its fills do not know of strategies."""
    untold: set[MarketKey] = field(default_factory=set)
    """Where a fill did not tell by which index its funding was settled; spot has none."""
    last_fills: dict[MarketKey, Fill] = field(default_factory=dict)
    """By market, the account's newest."""
    markets: dict[MarketKey, Market] = field(default_factory=dict)
    """Those we ever signed for."""
    scanned_height: int = 0
    """Every fill up to this block is known."""
    gas_paid: Decimal = Decimal(0)
    """INJ."""
    foreign_fills: int = 0
    """How many were counted of orders that this journal does not tell of: their gas is not known."""
    failed: dict[str, Resolved] = field(default_factory=dict)
    """By transaction hash, the last of which nothing came about."""
    _counted: dict[str, None] = field(default_factory=dict)
    """Ids of the last fills, oldest first: none counts twice, however often it is reported."""

    @property
    def live(self) -> list[TrackedOrder]:
        return [order for order in self.orders.values() if order.live]

    def own(self, found: OpenOrder) -> TrackedOrder | None:
        """The order of ours that the venue lists there: by its client id, else by its hash; None for none."""
        named = self.orders.get(found.client_order_id)
        hashed = (order for order in self.orders.values() if order.order_hash == found.order_hash != "")
        return named or next(hashed, None)

    def unheard_of(self, fill: Fill) -> bool:
        """Whether its order, and so its gas, was somebody else's, or is not told by this journal."""
        return not fill.liquidation and fill.client_order_id not in self.orders

    def foreign(self, fills: Iterable[Fill]) -> list[Fill]:
        """Those of orders of others; our oldest ones are known by the form of their id."""
        ours = self.orders
        named = (fill for fill in fills if not fill.liquidation and fill.client_order_id not in ours)
        return [fill for fill in named if not fill.client_order_id.startswith(PREFIX)]

    @property
    def at_risk(self) -> frozenset[MarketKey]:
        """Markets on which something is held that can be traded, or may be."""
        held = {key for key, own in self.net.items() if not too_little(own.quantity, self.markets.get(key))}
        return frozenset(held | {order.request.market.key for order in self.live})

    @property
    def uncounted(self) -> list[TrackedOrder]:
        """Whose outcome is not in the books yet: without proof, or in a block beyond the counted ones."""
        return [order for order in self.live if not 0 < order.height <= self.scanned_height]

    @property
    def settled(self) -> bool:
        """Whether nothing is without proof, and every order that does not rest is counted to its end."""
        return not self.unresolved and all(o.request.kind is not OrderKind.MARKET for o in self.live)

    def apply(self, kind: str, body: Mapping[str, Any]) -> None:
        """One record; kinds of other rooms are passed over.

        Raises Mismatch for one that cannot follow what came before: the journal is not this account's story.
        """
        try:
            match msgspec.convert(dict(body), type=TYPES[kind]) if kind in TYPES else None:
                case Signed() as record:
                    self._signed(record)
                case Sending() as record:
                    self._sent(record)
                case Resolved() as record:
                    self._resolved(record)
                case Fills() as record:
                    self._filled(record)
                case Closed() as record:
                    self._closed(record)
                case Refused() as record:
                    self._refused(record)
                case _:
                    pass
        except (msgspec.ValidationError, KeyError) as error:
            raise Mismatch(f"the journal holds an impossible {kind!r} record: {error}") from None

    def _signed(self, record: Signed) -> None:
        transaction = record.transaction
        self.unresolved[transaction.tx_hash] = Unresolved(transaction, record.cancels)
        for told in record.orders:
            request = self._shared(told)
            self.orders[request.client_order_id] = TrackedOrder(
                request,
                transaction.tx_hash,
                _expiry(request, transaction),
                transaction.signed_at,
                signed_height=transaction.height,
            )
        self._forget()

    def _shared(self, request: OrderRequest) -> OrderRequest:
        """With the market that we have already, if it is the same: each record tells it whole."""
        market = self.markets.get(request.market.key)
        if market != request.market:
            market = self.markets[request.market.key] = request.market
        return replace(request, market=market)

    def _sent(self, record: Sending) -> None:
        pending = self.unresolved[record.tx_hash]
        self.unresolved[record.tx_hash] = replace(
            pending,
            sent=(*pending.sent, record.submission.outcome)[-_SENT_KEPT:],
            refused=refused_for_good(record.submission),
        )
        for order_id in pending.transaction.client_order_ids:
            self.orders[order_id] = replace(self.orders[order_id], state=OrderState.UNKNOWN)

    def _resolved(self, record: Resolved) -> None:
        transaction = self.unresolved.pop(record.tx_hash).transaction
        if record.height:
            self.gas_paid += transaction.fee
        if record.failed:
            self.failed[record.tx_hash] = record
            for tx_hash in list(self.failed)[:-_FAILED_KEPT]:
                del self.failed[tx_hash]
        results = record.results(transaction.client_order_ids)
        for order_id in transaction.client_order_ids:
            self.orders[order_id] = _judged(self.orders[order_id], record, results.get(order_id))

    def _filled(self, record: Fills) -> None:
        if record.first_height <= self.scanned_height:
            raise Mismatch(f"blocks from {record.first_height} were counted before")
        for fill in record.fills:
            if fill.fill_id not in self._counted:
                self.foreign_fills += self.unheard_of(fill)
                self._count(fill)
        for fill_id in list(self._counted)[:-_FILLS_KEPT]:
            del self._counted[fill_id]
        self.scanned_height = record.last_height
        for order_id, order in self.orders.items():
            if order.live and _over(order, self.scanned_height):
                self.orders[order_id] = replace(order, state=OrderState.DONE)

    def _count(self, fill: Fill) -> None:
        self._counted[fill.fill_id] = None
        order = self.orders.get(fill.client_order_id)
        if order is not None:
            done = replace(order, filled=order.filled + fill.quantity)
            self.orders[fill.client_order_id] = done
        for strategy, part in shares(
            fill, order.request if order else None, self.held, self.markets.get(fill.key)
        ):
            owner = (strategy, fill.key)
            self.held[owner] = self.held.get(owner, Inventory()).after(part)
        net = self.net.get(fill.key, Inventory())
        if not net.knows_funding(fill.funding_index):
            self.untold.add(fill.key)
        self.net[fill.key] = net.after(fill)
        self.last_fills[fill.key] = fill

    def _closed(self, record: Closed) -> None:
        if record.height > self.scanned_height:
            raise Mismatch(f"orders were closed at {record.height} before its fills were counted")
        for order_id in record.client_order_ids:
            over = replace(self.orders[order_id], state=OrderState.DONE, closed_height=record.height)
            self.orders[order_id] = over

    def _refused(self, record: Refused) -> None:
        for told in record.orders:
            request = self._shared(told)
            never = TrackedOrder(request, "", 0, record.at)
            self.orders[request.client_order_id] = _rejected(never, record)
        self._forget()

    def _forget(self) -> None:
        over = [order_id for order_id, order in self.orders.items() if not order.live]
        for order_id in over[:-_OVER_KEPT]:
            del self.orders[order_id]


def _expiry(request: OrderRequest, transaction: SignedTransaction) -> int:
    match request.kind:
        case OrderKind.MARKET:
            return 0
        case OrderKind.STOP:
            # No expiry can be put on it: the transaction's is that of what rests beside it.
            return _NEVER
        case _:
            return transaction.expiry_height


def _judged(order: TrackedOrder, record: Resolved, result: OrderResult | None) -> TrackedOrder:
    """What a proven outcome of the transaction means for one order of its."""
    if not record.height:
        return _rejected(order, record) if record.code else replace(order, state=OrderState.ABSENT)
    if record.code:
        return _rejected(replace(order, height=record.height), record)
    if result and result.error_code:
        refused = replace(order, error_codespace=EXCHANGE, error_code=result.error_code)
        return replace(refused, state=OrderState.REJECTED, height=record.height)
    if result is None and order.request.kind is OrderKind.MARKET:
        # No answer is no refusal: the fills of its block tell, as for a resting order the venue's list does.
        return replace(order, state=OrderState.UNKNOWN, height=record.height)
    told = result.order_hash if result else ""
    return replace(order, state=OrderState.OPEN, height=record.height, order_hash=told)


def _rejected(order: TrackedOrder, why: Resolved | Refused) -> TrackedOrder:
    return replace(order, state=OrderState.REJECTED, error_codespace=why.codespace, error_code=why.code)


def _over(order: TrackedOrder, scanned_height: int) -> bool:
    """Whether nothing of an included order can happen beyond the blocks that are counted."""
    if not order.height:
        return False
    whole = order.filled >= order.request.quantity
    return whole or scanned_height >= max(order.height, order.expiry_height)
