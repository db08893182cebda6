import math
from dataclasses import dataclass
from datetime import datetime
from operator import gt, lt
from typing import NamedTuple

from defi_analytics.domain.market import MarketKey

LEAST, MOST = 1e-18, 1e18
"""No price, quantity or depth lies beyond: denominations have 18 decimals, supplies fewer than 18 digits."""


class Levels(NamedTuple):
    """One side of a book, best price first, as two parallel arrays (the form the decision core walks)."""

    prices: tuple[float, ...]
    """Quote per base."""
    quantities: tuple[float, ...]
    """Base."""


@dataclass(frozen=True, slots=True)
class OrderBook:
    """A book that passed `checked_book`: finite, positive, strictly sorted, not crossed."""

    key: MarketKey
    bids: Levels
    asks: Levels
    at: datetime
    """When it was true: the venue's own time if it tells one, else when we received it."""
    sequence: int | None = None
    truncated: bool = False
    """True when the venue cut the book: beyond the last level is unknown, not empty."""

    @property
    def mid(self) -> float | None:
        if not self.bids.prices or not self.asks.prices:
            return None
        return (self.bids.prices[0] + self.asks.prices[0]) / 2


@dataclass(frozen=True, slots=True)
class Top:
    """The best prices of one market, from a call that returns those of every market.

    A venue that only publishes a mid price leaves `bid` and `ask` empty. Prices are quote per base.
    """

    key: MarketKey
    at: datetime
    bid: float | None = None
    ask: float | None = None
    mid: float | None = None
    mark: float | None = None
    """The price a perpetual is marked at; on Injective that is its oracle's."""
    funding_hourly: float | None = None
    """What a long pays a short per hour, as a fraction of notional; perpetuals only."""


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices are quote per base, volume is base; `at` is when the candle opened."""

    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


def checked_book(
    key: MarketKey,
    bids: Levels,
    asks: Levels,
    at: datetime,
    sequence: int | None = None,
    *,
    truncated: bool = False,
) -> OrderBook:
    """Makes a book, or raises ValueError naming what is wrong with it: nothing downstream checks again."""
    _check_side("bids", bids, descending=True)
    _check_side("asks", asks, descending=False)
    if bids.prices and asks.prices and bids.prices[0] >= asks.prices[0]:
        raise ValueError(f"crossed book: best bid {bids.prices[0]} >= best ask {asks.prices[0]}")
    return OrderBook(key, bids, asks, at, sequence, truncated)


def checked_top(top: Top) -> Top:
    """Refuses (ValueError) a top of book that is not finite, not positive, or crossed."""
    for name in ("bid", "ask", "mid", "mark"):
        value = getattr(top, name)
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} {value} is not a positive price")
    if top.bid is not None and top.ask is not None and top.bid >= top.ask:
        raise ValueError(f"crossed top: bid {top.bid} >= ask {top.ask}")
    if top.funding_hourly is not None and not math.isfinite(top.funding_hourly):
        raise ValueError(f"funding rate {top.funding_hourly} is not finite")
    return top


def _check_side(name: str, side: Levels, *, descending: bool) -> None:
    prices, quantities = side
    if len(prices) != len(quantities):
        raise ValueError(f"{name}: {len(prices)} prices but {len(quantities)} quantities")
    if not prices:
        return
    # `map` over a slice compares three times as fast as a generator over pairs; every book passes here.
    if not all(map(gt if descending else lt, prices, prices[1:])):
        raise ValueError(f"{name} are not sorted best first")
    # Strictly sorted and both ends good means every price between is good (a NaN breaks the sorting).
    low, high = (prices[-1], prices[0]) if descending else (prices[0], prices[-1])
    if not LEAST <= low <= high <= MOST:
        raise ValueError(f"{name} hold a price that is not positive and finite")
    # NaN and infinity both survive into the sum, so one comparison rejects either.
    if not (min(quantities) >= LEAST and sum(quantities) <= MOST):
        raise ValueError(f"{name} hold a quantity that is not positive and finite")
