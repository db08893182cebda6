from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from defi_analytics.domain.book import OrderBook, Top
from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.prediction import Prediction
from defi_analytics.domain.quote import Quote, Rate

Row = TypeVar("Row")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Problem:
    """A source that failed, or an input that was refused: part of the snapshot, so a decision can name it."""

    source: str
    code: str
    message: str
    retryable: bool = False


class OnDemand(Mapping[str, Value], Generic[Row, Value]):
    """Values by market id, each made of its row when it is asked for.

    A venue lists thousands of markets and a look needs a few dozen: making the others costs more than reading
    the answer did. The rows must have been checked, for `make` may not fail.
    """

    __slots__ = ("_make", "_rows")

    def __init__(self, rows: Mapping[str, Row], make: Callable[[Row], Value]) -> None:
        self._rows, self._make = rows, make

    def __getitem__(self, market_id: str) -> Value:
        return self._make(self._rows[market_id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


@dataclass(frozen=True, slots=True)
class Listing:
    """Every market of a venue with its top of book, as one call (or two at once) returned them."""

    venue: str
    markets: Mapping[str, Market]
    """By market id."""
    tops: Mapping[str, Top]
    """By market id; a market without quotes has none."""
    problems: tuple[Problem, ...] = ()
    bases: Mapping[str, str] = field(default_factory=dict)
    """Base assets by market id, where they are known without making the markets; else empty."""

    def about(self, assets: Container[str]) -> "Listing":
        """The same with no other markets than those whose base is one of `assets`."""
        bases = self.bases or {market_id: market.base for market_id, market in self.markets.items()}
        kept = [market_id for market_id, base in bases.items() if base in assets]
        return replace(
            self,
            markets={market_id: self.markets[market_id] for market_id in kept},
            tops={market_id: self.tops[market_id] for market_id in kept if market_id in self.tops},
            bases={},
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a decision may know, and nothing else. Immutable; replaying it repeats the decision."""

    time: datetime
    network: str
    markets: Mapping[MarketKey, Market] = field(default_factory=dict)
    """All of the home venue; of the others those of assets that are looked at, and dollar currencies."""
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
    read: frozenset[str] = frozenset()
    """Venues that told prices, of whatever market."""
    published: frozenset[str] = frozenset()
    """Assets an oracle has a price of, whether or not it told one: without a quote it is missing."""
