"""Order books: the chain's v2 (human units) and the indexer's (chain format).

Source: injective.exchange.v2 QuerySpotOrderbookResponse (and its derivative twin) through the gRPC gateway;
the indexer's GET /api/exchange/{spot,derivative}/v2/orderbook/{id}.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from defi_analytics.domain.book import Levels, OrderBook, checked_book
from defi_analytics.domain.market import Market
from defi_analytics.venues.injective.units import ChainUnits, chain_units, scaled
from defi_analytics.venues.wire import MAX_LEVELS, reading, utc

Sequence64 = Annotated[int, msgspec.Meta(ge=0)]


class _Level(msgspec.Struct, gc=False):
    p: float
    q: float


class _Book(msgspec.Struct, gc=False):
    """Both sides are always told; a null side is how Go prints an empty list."""

    buys_price_level: list[_Level] | None
    sells_price_level: list[_Level] | None
    seq: Sequence64 | None = None


class _IndexerLevel(msgspec.Struct, gc=False, rename={"p": "price", "q": "quantity"}):
    p: float
    q: float


class _IndexerBook(msgspec.Struct, gc=False):
    """An empty side may be left out."""

    sequence: Sequence64
    timestamp: int
    """Milliseconds; the year 1 when the book never changed."""
    buys: list[_IndexerLevel] = []
    sells: list[_IndexerLevel] = []


class _OneBook(msgspec.Struct, gc=False):
    orderbook: _IndexerBook
    market_id: str = msgspec.field(name="marketId", default="")


class _IndexerAnswer(msgspec.Struct, gc=False):
    orderbook: _IndexerBook | None = None
    orderbooks: list[_OneBook] = []


# Numbers come as text, hence not strict. What is no price, "nan" among it, is refused by checked_book: once
# for a whole side, which halves the cost of bounds on each number.
_BOOK = msgspec.json.Decoder(_Book, strict=False)
_INDEXER_ANSWER = msgspec.json.Decoder(_IndexerAnswer, strict=False)


def parse_order_book(source: str, body: bytes, market: Market, at: datetime, limit: int) -> OrderBook:
    """A book of the chain's exchange v2, `limit` being the levels asked for per side.

    The chain's answer carries no time and does not repeat the market's id: `at` is its block's.
    """
    with reading(source, "order book"):
        book = _BOOK.decode(body)
        bids, asks = book.buys_price_level or (), book.sells_price_level or ()
        cut = _cut(len(bids), len(asks), limit)
        return checked_book(market.key, _levels(bids), _levels(asks), at, book.seq, truncated=cut)


def parse_indexer_order_book(source: str, body: bytes, market: Market, at: datetime, limit: int) -> OrderBook:
    """From the answer for one market, or out of one for several.

    The book's time is the indexer's own: a book that has not changed for long looks old, and so does an
    indexer that lags. `at` stands in where it tells none. Its sides are put in order here, for it has been
    seen to send asks worst first.
    """
    with reading(source, "order book"):
        book = _found(_INDEXER_ANSWER.decode(body), market.market_id)
        told = utc(book.timestamp) if book.timestamp > 0 else at
        bids = _ordered(_scaled_levels(book.buys, chain_units(market)), descending=True)
        asks = _ordered(_scaled_levels(book.sells, chain_units(market)), descending=False)
        cut = _cut(len(bids.prices), len(asks.prices), limit)
        return checked_book(market.key, bids, asks, told, book.sequence, truncated=cut)


def _found(answer: _IndexerAnswer, market_id: str) -> _IndexerBook:
    if answer.orderbook is not None:
        return answer.orderbook
    for one in answer.orderbooks:
        if one.market_id.lower() == market_id:
            return one.orderbook
    raise ValueError("no order book of the market asked for")


def _levels(side: Sequence[_Level]) -> Levels:
    return Levels(tuple([level.p for level in side]), tuple([level.q for level in side]))


def _scaled_levels(side: Sequence[_IndexerLevel], units: ChainUnits) -> Levels:
    """Scaled as floats: at most two roundings from the exact number, far less than any market's grid."""
    return Levels(
        scaled([level.p for level in side], units.price), scaled([level.q for level in side], units.quantity)
    )


def _ordered(side: Levels, *, descending: bool) -> Levels:
    prices = side.prices
    if len(prices) < 2 or (prices[0] > prices[-1]) == descending:  # noqa: PLR2004 - one level is in order
        return side
    return Levels(prices[::-1], side.quantities[::-1])


def _cut(bids: int, asks: int, limit: int) -> bool:
    """Whether a side is as long as was asked for. Raises ValueError for one longer than any book we walk."""
    longest = max(bids, asks)
    if longest > MAX_LEVELS:
        raise ValueError(f"more than {MAX_LEVELS} levels")
    return longest >= limit
