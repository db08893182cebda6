from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum

from defi_analytics.domain.market import Market
from defi_analytics.domain.quote import Rate


class EdgeKind(StrEnum):
    CROSS_VENUE = "cross-venue"
    ORACLE = "oracle"
    PREDICTION = "prediction"


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class Reason(IntEnum):
    """Why a candidate was rejected. The names are published codes; the numbers are for compiled code."""

    NONE = 0
    MARKET_STATUS = 1
    UNVERIFIED_ASSET = 2
    NO_REFERENCE = 3
    NO_RATE = 4
    NO_BOOK = 5
    STALE_BOOK = 6
    STALE_ORACLE = 7
    STALE_PREDICTION = 8
    STALE_RATE = 9
    IMPLAUSIBLE = 10
    BELOW_UNCERTAINTY = 11
    LOW_CONFIDENCE = 12
    NOT_CROSSED = 13
    BELOW_MIN_EDGE = 14
    BELOW_MIN_QUANTITY = 15
    BELOW_MIN_NOTIONAL = 16
    BELOW_MIN_PROFIT = 17
    ABOVE_MAX_SLIPPAGE = 18
    NOT_EXAMINED = 19


@dataclass(frozen=True, slots=True)
class Rejection:
    """`value` broke `limit`, both in `unit`; empty numbers where the code says it all."""

    reason: Reason
    limit: float | None = None
    value: float | None = None
    unit: str = ""
    detail: str = ""

    @property
    def code(self) -> str:
        return self.reason.name


@dataclass(frozen=True, slots=True)
class Input:
    """One thing the edge was computed from, and how old it was."""

    name: str
    at: datetime
    age_s: float


@dataclass(frozen=True, slots=True)
class Costs:
    """What stands between gross and net, each in the settlement quote; a negative cost is income."""

    buy_fee: float
    sell_fee: float
    slippage: float
    conversion: float
    carry: float
    """Expected funding paid over the holding time of a perpetual leg."""
    exit_fee: float
    """Both taker fees once more, where a perpetual has to be closed again for the gap to be earned."""
    fixed: float
    """Gas."""

    @property
    def total(self) -> float:
        entry = self.buy_fee + self.sell_fee + self.slippage + self.conversion
        return entry + self.carry + self.exit_fee + self.fixed


@dataclass(frozen=True, slots=True)
class SizePoint:
    """What the same edge would bring at another size."""

    quantity: float
    notional: float
    net: float
    """Fraction of notional."""
    profit: float
    """In the settlement quote."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """An edge at its best executable size. Amounts are in `quote`, fractions are of `notional`.

    gross - costs.total == net * notional == profit, up to rounding of the last float digit.
    """

    quote: str
    quantity: Decimal
    """Base, on both venues' grids."""
    notional: float
    """Quantity at the best buying price."""
    gross: float
    """Quantity times the difference of the best prices."""
    costs: Costs
    profit: float
    buy_price: float
    """Average, in the buying leg's own quote."""
    sell_price: float
    exhausted: bool = False
    """The walk ended where a truncated book ends: there may be more."""
    curve: tuple[SizePoint, ...] = ()

    @property
    def gross_edge(self) -> float:
        return self.gross / self.notional

    @property
    def net_edge(self) -> float:
        return self.profit / self.notional


@dataclass(frozen=True, slots=True)
class Signal:
    """A fair value and how sure its source is, for edges that are judged against one."""

    fair: float
    """In the market's quote per base."""
    uncertainty: float
    """A fraction of `fair`: the unit the gap is measured in."""
    z: float
    """The gap in those units; positive where the market is cheap."""
    probability: float | None = None
    """Of the predicted direction, shrunk towards 1/2 because it is not calibrated."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One candidate mispricing of an Injective market, priced or rejected with the reason."""

    kind: EdgeKind
    market: Market
    against: str
    """The venue, oracle or predictor it is measured against."""
    side: Side | None = None
    """What to do on Injective; empty when it was rejected before a side was known."""
    reference: Market | None = None
    pricing: Pricing | None = None
    signal: Signal | None = None
    rejection: Rejection | None = None
    indicative: float | None = None
    """Net edge at the top of the books, a fraction: all that is known of a candidate rejected there."""
    rates: tuple[Rate, ...] = ()
    inputs: tuple[Input, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def stands(self) -> bool:
        return self.rejection is None
