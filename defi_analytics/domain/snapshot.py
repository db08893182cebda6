from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from defi_analytics.domain.book import OrderBook, Top
from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.prediction import Prediction
from defi_analytics.domain.quote import Quote, Rate


@dataclass(frozen=True, slots=True)
class Problem:
    """A source that failed, or an input that was refused: part of the snapshot, so a decision can name it."""

    source: str
    code: str
    message: str
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Every market of a venue with its top of book, as one call (or two at once) returned them."""

    venue: str
    markets: Mapping[str, Market]
    """By market id."""
    tops: Mapping[str, Top]
    """By market id; a market without quotes has none."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a decision may know, and nothing else. Immutable; replaying it repeats the decision."""

    time: datetime
    network: str
    markets: Mapping[MarketKey, Market] = field(default_factory=dict)
    tops: Mapping[MarketKey, Top] = field(default_factory=dict)
    books: Mapping[MarketKey, OrderBook] = field(default_factory=dict)
    funding: Mapping[MarketKey, float] = field(default_factory=dict)
    """What a long pays a short per hour, a fraction of notional: of perpetuals whose books were read and
    whose listing does not tell it (`Top.funding_hourly`)."""
    quotes: tuple[Quote, ...] = ()
    rates: tuple[Rate, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    volatility: Mapping[str, float] = field(default_factory=dict)
    """By asset: standard deviation of one-minute log returns of late."""
    problems: tuple[Problem, ...] = ()
