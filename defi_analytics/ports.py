"""All that the core asks of the world. Nothing inherits from these.

Reads raise only `DataError`, or `AuthError` where a source refuses our key (401, 403); what writes raises
`ExecutionError` too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from defi_analytics.domain.book import Candle, OrderBook
from defi_analytics.domain.decision import Holding, Intent, View
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import ApprovedOrder, Cancel, Fill
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.prediction import Prediction
from defi_analytics.domain.quote import Quote
from defi_analytics.domain.snapshot import Listing
from defi_analytics.domain.transaction import Block, SignedTransaction, Submission, TransactionResult


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

    @property
    def published(self) -> frozenset[str]:
        """Assets it has a price of, whether or not it answers now."""
        ...

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
    """Append-only and durable: `append` returns once the record cannot be lost. Others may append too."""

    def append(self, kind: str, at: datetime, body: Mapping[str, Any]) -> None: ...

    def replay(self, *kinds: str, after: int = 0) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        """Records of these kinds, oldest first, without the first `after` records of the journal.

        Of all kinds when none is named; a name that ends in a point (`risk.`) means every kind that begins
        with it.
        """
        ...


class Strategy(Protocol):
    """What to do about a gap. Pure and compilable: no I/O, no clock, no strings, no exceptions."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> EdgeKind:
        """The mispricing it acts on, and so what has to be read for it."""
        ...

    @property
    def params(self) -> Any:
        """Its defaults: a NamedTuple of finite floats, ints and bools."""
        ...

    @property
    def intend(self) -> Callable[[View, Holding, Any], Intent]:
        """A module-level function, for that is what can be compiled."""
        ...


class Signer(Protocol):
    """A key that signs and never shows itself."""

    @property
    def address(self) -> str:
        """Bech32, `inj1…`."""
        ...

    @property
    def public_key(self) -> bytes:
        """Compressed, 33 bytes."""
        ...

    def sign(self, document: bytes) -> bytes:
        """64 bytes r || s, s low, over the Keccak-256 of the document."""
        ...


class Chain(Protocol):
    """One account on a venue that executes signed transactions in blocks: the only port that writes.

    Steps, not decisions: writing ahead, sending again and proving absence are the engine's.
    """

    @property
    def account(self) -> str: ...

    async def block(self) -> Block:
        """The latest. Raises AuthError when the chain is not the one this account was opened for."""
        ...

    async def sign(
        self, orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel] = ()
    ) -> SignedTransaction:
        """One transaction for all of them, simulated and signed with a fresh sequence; nothing is sent.

        Raises OrderRejected when the simulation says that it cannot succeed.
        """
        ...

    async def broadcast(self, transaction: SignedTransaction) -> Submission:
        """Sends the bytes once. Never raises for what the network did: that is an UNKNOWN outcome."""
        ...

    async def find(self, tx_hash: str) -> TransactionResult | None:
        """None when this node does not have it, which proves something only beyond its timeout height."""
        ...

    async def next_sequence(self) -> int:
        """Of the next transaction, as the latest block left it: what waits for a block does not count."""
        ...

    async def holds(self, tx_hash: str, first_height: int, last_height: int) -> bool:
        """Whether one of these blocks (both inclusive) holds it, successful or not, by the blocks themselves.

        Raises DataError when the node does not have all of them.
        """
        ...

    async def portfolio(self, markets: Sequence[Market]) -> Portfolio:
        """Balances, positions and open orders on these markets."""
        ...

    async def fills(self, markets: Sequence[Market], first_height: int, last_height: int) -> Sequence[Fill]:
        """Every fill of the account in these blocks (both inclusive), oldest first, each exactly once.

        Raises DataError when the node does not have all of these blocks: a part is never taken for the whole.
        """
        ...
