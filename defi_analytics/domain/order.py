"""Orders from wish to outcome: each stage is its own immutable value."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKey

LONGEST_CLIENT_ORDER_ID = 36
"""Characters. Source: Injective, exchange module, error 98."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order somebody wants, on the market's grid; not yet allowed to be sent.

    `client_order_id` is derived from what was decided (strategy, snapshot, index), never drawn: deciding
    twice gives the same id. Requests of one `group` belong together: all are approved and sent, or none.
    """

    client_order_id: str
    market: Market
    side: Side
    kind: OrderKind
    ticks: int
    """The limit, or the worst price of a market or stop order."""
    lots: int
    strategy: str
    group: str = ""
    trigger_ticks: int = 0
    reduce_only: bool = False
    leverage: Decimal = Decimal(1)
    """Perpetuals: notional per margin."""

    @property
    def price(self) -> Decimal:
        return self.market.price(self.ticks)

    @property
    def quantity(self) -> Decimal:
        return self.market.quantity(self.lots)

    @property
    def trigger_price(self) -> Decimal:
        return self.market.price(self.trigger_ticks)

    @property
    def notional(self) -> Decimal:
        """In quote, at the limit or worst price."""
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class ApprovedOrder:
    """A request that passed every rule. Only `risk` makes one, and only this can be executed."""

    request: OrderRequest
    expires_after_blocks: int
    """A resting order is good for so many blocks from its signing: what a dead agent leaves on the book."""
    approved_at: datetime


@dataclass(frozen=True, slots=True)
class Cancel:
    """An order of ours to take off the book; by its client id where it has one, else by its hash."""

    key: MarketKey
    market: Market
    client_order_id: str = ""
    order_hash: str = ""


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """One that rests on the book, as the venue tells it."""

    key: MarketKey
    order_hash: str
    client_order_id: str
    """Empty for one that was placed without."""
    side: Side
    kind: OrderKind
    price: Decimal
    quantity: Decimal
    """As placed."""
    remaining: Decimal
    reduce_only: bool = False
    trigger_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an order of ours, exactly as the venue's ledger has it. Same `fill_id`: same fill."""

    fill_id: str
    key: MarketKey
    client_order_id: str
    order_hash: str
    side: Side
    price: Decimal
    """Quote per base."""
    quantity: Decimal
    """Base."""
    fee: Decimal
    """Quote; what was charged, negative for a rebate; of a liquidation also what was left of the margin."""
    at: datetime
    height: int
    maker: bool = False
    funding_index: Decimal | None = None
    """Of a perpetual: what a long base has paid since the market began, in quote, by which this fill settled
    the position's funding; empty where the source does not tell it."""
    liquidation: bool = False
    """The chain closed the position, by no order of anybody who trades the account."""

    @property
    def signed(self) -> Decimal:
        """Base that came in; negative went out."""
        return self.quantity if self.side is Side.BUY else -self.quantity


class OrderState(StrEnum):
    """Where an order of ours stands, as a fold over the journal knows it."""

    SIGNED = "signed"
    """Durable here, perhaps not sent."""
    UNKNOWN = "unknown"
    """Sent without an answer that proves anything."""
    OPEN = "open"
    DONE = "done"
    """Filled, cancelled or expired: nothing of it is on the book."""
    REJECTED = "rejected"
    """The venue refused it."""
    ABSENT = "absent"
    """Proven never to have been included: not found beyond its timeout height."""
