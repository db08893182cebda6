"""What the ledger keeps and tells: orders, positions, trades, what a block did. Prices in human units."""

from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple

ZERO = Decimal(0)


class OrderType(IntEnum):
    """As on the wire; the atomic types are for contracts and always refused."""

    BUY = 1
    SELL = 2
    STOP_BUY = 3
    STOP_SELL = 4
    TAKE_BUY = 5
    TAKE_SELL = 6
    BUY_PO = 7
    SELL_PO = 8
    BUY_ATOMIC = 9
    SELL_ATOMIC = 10

    @property
    def is_buy(self) -> bool:
        return self % 2 == 1

    @property
    def is_conditional(self) -> bool:
        return OrderType.STOP_BUY <= self <= OrderType.TAKE_SELL

    @property
    def is_post_only(self) -> bool:
        return self in {OrderType.BUY_PO, OrderType.SELL_PO}

    @property
    def is_atomic(self) -> bool:
        return self >= OrderType.BUY_ATOMIC

    @property
    def triggers_above(self) -> bool:
        """Of a conditional type: once the mark price is at its trigger price or higher."""
        return self in {OrderType.STOP_BUY, OrderType.TAKE_SELL}


class Request(NamedTuple):
    """An order as a message asks for it."""

    market_id: str
    subaccount: str
    sender: str
    fee_recipient: str
    """As written, for the hash; empty means the sender."""
    price: Decimal
    quantity: Decimal
    cid: str
    kind: OrderType
    margin: Decimal | None
    """Quote; 0 is reduce-only, None is spot."""
    trigger_price: Decimal | None
    expiration_height: int
    """The last block it can rest in; 0 is for ever."""

    @property
    def reduce_only(self) -> bool:
        return self.margin == 0


class Stage(StrEnum):
    TRANSIENT = "transient"
    """A limit order that entered this block and waits for its auction."""
    RESTING = "resting"
    MARKET = "market"
    """A market order of this block."""
    CONDITIONAL_LIMIT = "conditional_limit"
    CONDITIONAL_MARKET = "conditional_market"

    @property
    def conditional(self) -> bool:
        return self in {Stage.CONDITIONAL_LIMIT, Stage.CONDITIONAL_MARKET}


class LiveOrder(NamedTuple):
    """An order that can still trade."""

    number: int
    """Counts all orders; the sequence of those that are equal otherwise."""
    order_hash: str
    request: Request
    stage: Stage
    quantity: Decimal
    """What is asked for, which for a reduce-only order is at most what its position lets it close."""
    fillable: Decimal
    hold: Decimal
    """What it locks of its subaccount's funds, in chain units of `denom`."""
    denom: str
    block: int
    """In which it was placed."""

    @property
    def market_id(self) -> str:
        return self.request.market_id

    @property
    def subaccount(self) -> str:
        return self.request.subaccount

    @property
    def cid(self) -> str:
        return self.request.cid

    @property
    def price(self) -> Decimal:
        return self.request.price

    @property
    def is_buy(self) -> bool:
        return self.request.kind.is_buy

    @property
    def margin(self) -> Decimal:
        """Zero for spot and reduce-only."""
        return self.request.margin or ZERO

    @property
    def fee_recipient(self) -> str:
        return self.request.fee_recipient or self.request.sender


class Position(NamedTuple):
    subaccount: str
    market_id: str
    is_long: bool
    quantity: Decimal
    entry_price: Decimal
    margin: Decimal
    """Quote, before the funding since `cumulative_funding_entry`."""
    cumulative_funding_entry: Decimal


class PositionDelta(NamedTuple):
    is_long: bool
    quantity: Decimal
    margin: Decimal
    price: Decimal


class Execution(StrEnum):
    """As on the wire."""

    MARKET = "Market"
    LIMIT_FILL = "LimitFill"
    MATCH_RESTING = "LimitMatchRestingOrder"
    MATCH_NEW = "LimitMatchNewOrder"
    LIQUIDATION = "MarketLiquidation"

    @property
    def is_maker(self) -> bool:
        return self in {Execution.LIMIT_FILL, Execution.MATCH_RESTING}


class Trade(NamedTuple):
    """One fill of one order of a user's."""

    trade_id: str
    block: int
    market_id: str
    subaccount: str
    order_hash: str
    cid: str
    is_buy: bool
    execution: Execution
    price: Decimal
    quantity: Decimal
    notional: Decimal
    fee: Decimal
    """Quote: what the trader is out of, so less the share that comes back to an own fee recipient; negative
    is a rebate. Source: the chain's realized trade fee."""
    fee_recipient: str
    position_delta: PositionDelta | None = None
    payout: Decimal = ZERO
    """Quote that left the position."""
    pnl: Decimal = ZERO
    cumulative_funding: Decimal = ZERO
    """By which the position's funding was settled: quote per long base since the world's block 0."""

    @property
    def is_maker(self) -> bool:
        return self.execution.is_maker


class OrderState(StrEnum):
    """As the indexer writes it."""

    BOOKED = "booked"
    PARTIAL = "partial_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    """Expired ones too: the chain cancels them."""
    TRIGGERED = "triggered"


class OrderRecord(NamedTuple):
    """An order's history. `order` is as it was last."""

    order: LiveOrder
    state: OrderState
    filled: Decimal
    updated_block: int


class OrderFailure(NamedTuple):
    """An order of a batch, or a triggered one, that was refused while its transaction went on."""

    sender: str
    market_id: str
    order_hash: str
    cid: str
    code: int


class FundingUpdate(NamedTuple):
    market_id: str
    rate: Decimal
    """Of the finished hour, as a fraction of notional; positive is paid by longs."""
    mark_price: Decimal
    cumulative: Decimal
    """Quote per base."""


class BlockEvents(NamedTuple):
    """What one block did to the users, its messages included."""

    block: int
    trades: tuple[Trade, ...]
    changes: tuple[OrderRecord, ...]
    """Of orders, each as the block left it, in the sequence in which they changed last."""
    failures: tuple[OrderFailure, ...]
    triggered: tuple[LiveOrder, ...]
    liquidated: tuple[Position, ...]
    """As they were."""
    funding: tuple[FundingUpdate, ...]
