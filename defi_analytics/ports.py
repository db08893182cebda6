"""All that the core asks of the world. Nothing inherits from these.

Reads raise only `DataError`, or `AuthError` where a source refuses our key (401, 403).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from defi_analytics.domain.book import Candle, OrderBook
from defi_analytics.domain.market import Market
from defi_analytics.domain.prediction import Prediction
from defi_analytics.domain.quote import Quote
from defi_analytics.domain.snapshot import Listing


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, shared by every process since boot."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class HttpClient(Protocol):
    """Whole, checked, size-capped bodies of 2xx answers; anything else is a `DataError` or `AuthError`.

    `source` is the name errors carry. A GET is retried within its deadline; a POST only when `idempotent`.
    """

    async def get(
        self,
        source: str,
        url: str,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes: ...

    async def post(
        self,
        source: str,
        url: str,
        content: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        idempotent: bool = False,
    ) -> bytes: ...


class MarketData(Protocol):
    """A venue, read. Holds no keys: a scan cannot sign, by type."""

    @property
    def venue(self) -> str: ...

    async def listing(self) -> Listing:
        """All markets with their tops of book, in at most two requests sent together."""
        ...

    async def details(self, market: Market) -> Market:
        """The market with grid and minimums filled in; unchanged where the listing already tells them."""
        ...

    async def order_book(self, market: Market) -> OrderBook: ...

    async def funding_hourly(self, market: Market) -> float | None:
        """What a long pays a short per hour by the latest rate, a fraction of notional; None on spot."""
        ...

    async def candles(
        self, market: Market, resolution_s: int, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        """Finished and forming candles whose open time is in [start, end], oldest first."""
        ...


class QuoteSource(Protocol):
    """An oracle: what it says everything is worth, in one call."""

    @property
    def name(self) -> str: ...

    async def quotes(self) -> Sequence[Quote]: ...


class PriceHistory(Protocol):
    async def minute_close(self, asset: str, minute: datetime) -> Quote:
        """The close of the one-minute candle that opened at `minute`, in USD or a USD stablecoin."""
        ...


class Predictor(Protocol):
    @property
    def name(self) -> str: ...

    def assets(self) -> frozenset[str]:
        """What it can be asked about without touching the network."""
        ...

    async def predict(self, asset: str, horizon_s: int | None = None) -> Prediction:
        """The current inference; the shortest horizon with a price when none is asked. Raises NotCovered."""
        ...


class Journal(Protocol):
    """Append-only and durable: `append` returns once the record cannot be lost."""

    def append(self, kind: str, at: datetime, body: Mapping[str, Any]) -> None: ...

    def replay(self, kind: str | None = None) -> Iterator[tuple[datetime, str, dict[str, Any]]]: ...
