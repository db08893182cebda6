from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal, localcontext
from enum import StrEnum
from typing import NamedTuple

# Denominations have up to 18 decimals and supplies up to 1e15 units: 60 digits never round.
_DIGITS = 60


class MarketKind(StrEnum):
    SPOT = "spot"
    PERPETUAL = "perpetual"
    FUTURE = "future"


class MarketStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    CLOSED = "closed"
    POST_ONLY = "post_only"
    """For some blocks after the chain stood still: what would trade at once is refused."""
    UNKNOWN = "unknown"
    """It was listed before, and now nobody tells what became of it."""


class MarketKey(NamedTuple):
    """What a market is known by everywhere: tickers are for people, anyone can list one."""

    venue: str
    market_id: str


class OracleFeed(NamedTuple):
    """The oracle a perpetual settles on: the chain's oracle type and its two symbols or feed ids."""

    type: str
    base: str
    quote: str


@dataclass(frozen=True, slots=True)
class Market:
    """A market as its venue lists it, in human units: price in quote per base, quantity in base.

    `base` and `quote` are asset symbols that were *verified* by denom, feed id or the venue's own listing;
    empty when the identity could not be proven, and such a market is never compared with another.
    `ticker` is the venue's text and proves nothing.
    """

    venue: str
    market_id: str
    ticker: str
    kind: MarketKind
    base: str
    quote: str
    price_tick: Decimal
    """Zero until `MarketData.details` was asked, where a venue's listing does not tell its grid."""
    quantity_tick: Decimal
    min_notional: Decimal
    """In quote."""
    min_quantity: Decimal
    """In base; zero where the venue has none."""
    maker_fee: Decimal
    """Fraction of notional; negative is a rebate."""
    taker_fee: Decimal
    status: MarketStatus = MarketStatus.ACTIVE
    base_denom: str = ""
    quote_denom: str = ""
    base_decimals: int = 0
    quote_decimals: int = 0
    oracle: OracleFeed | None = None
    initial_margin_ratio: Decimal | None = None
    """Derivatives: fraction of notional that opening a position takes at least; None where nobody told."""
    maintenance_margin_ratio: Decimal | None = None
    """Fraction of notional below which the margin left lets a position be taken over; None as above."""

    @property
    def key(self) -> MarketKey:
        return MarketKey(self.venue, self.market_id)

    @property
    def verified(self) -> bool:
        return bool(self.base and self.quote)

    def ticks(self, price: Decimal) -> int:
        """Price to ticks. Raises ValueError when the price is not on the grid."""
        return _steps(price, self.price_tick)

    def lots(self, quantity: Decimal) -> int:
        """Quantity to lots. Raises ValueError when the quantity is not on the grid."""
        return _steps(quantity, self.quantity_tick)

    def whole_lots(self, quantity: Decimal) -> int:
        """Quantity to lots, rounded towards zero: a venue may change its lots while something is held.

        None where the grid is not known.
        """
        if self.quantity_tick <= 0:
            return 0
        with localcontext(prec=_DIGITS):
            return int((quantity / self.quantity_tick).to_integral_value(rounding=ROUND_DOWN))

    def price(self, ticks: int) -> Decimal:
        return _times(ticks, self.price_tick)

    def quantity(self, lots: int) -> Decimal:
        return _times(lots, self.quantity_tick)

    def nearest_price(self, price: float) -> Decimal:
        """The price on the grid nearest to a float that was read from this market's book."""
        return _nearest(price, self.price_tick)

    def nearest_quantity(self, quantity: float) -> Decimal:
        return _nearest(quantity, self.quantity_tick)


def too_little(quantity: Decimal, market: Market | None) -> bool:
    """Whether it is less than a lot, which nobody can trade, or nothing at all.

    Of a market whose lots are not known anything is enough.
    """
    if market is None or market.quantity_tick <= 0:
        return not quantity
    return market.whole_lots(quantity) == 0


def _steps(value: Decimal, step: Decimal) -> int:
    with localcontext(prec=_DIGITS):
        count = value / step
        if count != count.to_integral_value():
            raise ValueError(f"{value} is not a multiple of {step}")
        return int(count)


def _times(count: int, step: Decimal) -> Decimal:
    with localcontext(prec=_DIGITS):
        return step * count


def _nearest(value: float, step: Decimal) -> Decimal:
    with localcontext(prec=_DIGITS):
        count = (Decimal(repr(value)) / step).to_integral_value(rounding=ROUND_HALF_EVEN)
        return step * count
