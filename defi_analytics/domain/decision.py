"""What the decision core computes with: numbers on a market's own grid, and nothing else.

Prices are in ticks, quantities in lots, cash in units of one tick times one lot (`Grid.unit` quote each):
orders and settlement are exact integers. Fair values and ages are floats; an unknown one is NaN, which no
comparison lets through. The same values go to plain Python and to compiled code, so they are NamedTuples of
floats, ints, bools and arrays only.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

BUY, SELL = 1, -1

MOST_LOTS = 2**31 - 1
"""In one order or holding: shares of a cost are then exact in 64 bits."""
MOST_CASH = 2**62
"""Cash units; beyond, sums of two no longer fit 64 bits."""


class OrderKind(IntEnum):
    """How an order meets the book. Numbers, for compiled code."""

    MARKET = 1
    """Immediate or cancelled; its price is the worst that is accepted."""
    LIMIT = 2
    POST_ONLY = 3
    STOP = 4
    """Becomes a market order once the mark price passes the trigger; perpetuals only."""


class Why(IntEnum):
    """What an intent is for."""

    NOTHING = 0
    ENTRY = 1
    EXIT_CONVERGED = 2
    EXIT_STOP = 3
    EXIT_TIME = 4
    EXIT_REDUCE = 5
    """Told to by risk or by a person."""


class Grid(NamedTuple):
    """What one step means on a market, and what trading there costs."""

    price_tick: float
    """Quote per base."""
    quantity_tick: float
    """Base."""
    maker_fee: float
    """Fraction of notional; negative is a rebate."""
    taker_fee: float
    min_lots: int
    min_notional: int
    """Cash units: ticks times lots."""
    perpetual: bool

    @property
    def unit(self) -> float:
        """Quote per cash unit."""
        return self.price_tick * self.quantity_tick


class Ladder(NamedTuple):
    """One side of a book, best price first, as two parallel sequences (tuples live, arrays compiled)."""

    ticks: Sequence[int]
    lots: Sequence[int]


class View(NamedTuple):
    """One market as a strategy sees it at one moment."""

    time_s: float
    """Since 1970, of the snapshot."""
    bids: Ladder
    asks: Ladder
    fair: float
    """In ticks; NaN when nothing tells one."""
    uncertainty: float
    """One standard deviation of `fair`, as a fraction of it."""
    until_s: float
    """When the fair value is about, since 1970; NaN for one that is about now."""
    grid: Grid


class Holding(NamedTuple):
    """What a strategy holds of one market, and what it has made there so far."""

    lots: int = 0
    """Positive is long, negative short."""
    cost: int = 0
    """Cash units that the open lots were bought (or sold short) for; never negative."""
    entered_s: float = 0.0
    """Since 1970; when `lots` last left zero."""
    exited_s: float = 0.0
    """When `lots` last came back to zero; 0 for never."""
    cash: int = 0
    """Cash units received less paid by all fills so far, fees included."""
    fees: int = 0
    """Cash units; what of that went to fees."""


class Intent(NamedTuple):
    """What a strategy wants done on one market. `side` 0 is nothing."""

    side: int = 0
    kind: int = OrderKind.MARKET.value
    ticks: int = 0
    """The limit, or the worst price of a market order."""
    lots: int = 0
    trigger: int = 0
    """Ticks; of a stop order."""
    reduce_only: bool = False
    why: int = Why.NOTHING.value


IDLE = Intent()


class Intents(NamedTuple):
    """Two legs that belong together: both are approved and sent in one transaction, or neither."""

    first: Intent
    second: Intent
