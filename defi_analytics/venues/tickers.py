"""Listings made of tickers: thousands in one answer, of which a look needs a few dozen."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

import msgspec

from defi_analytics.domain.book import Top
from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.snapshot import Listing, OnDemand
from defi_analytics.venues.wire import each

Row = TypeVar("Row")

_NONE: Mapping[str, float] = MappingProxyType({})


class Ticker(msgspec.Struct, frozen=True, gc=False):
    """The bests of a market, positive and finite where told, else zero."""

    market_id: str
    base: str
    quote: str
    bid: float
    ask: float
    changed: datetime | None
    """When its bests last changed, where the venue tells."""


def ticker_listing(
    venue: str,
    rows: Iterable[Row],
    read: Callable[[Row], Ticker | None],
    make: Callable[[Ticker], Market],
    received: datetime,
    marks: Mapping[str, float] = _NONE,
) -> Listing:
    """A listing without its unreadable rows, its markets and tops made on demand.

    None is skipped; of a market listed twice the first row counts. Bests that have not changed for long are
    still the bests: all are dated by the newest change in the answer, which is the least age that the whole
    of it can have, and never after its receipt. Raises Malformed as `wire.each` does.
    """
    tickers: dict[str, Ticker] = {}

    def keep(row: Row) -> bool | None:
        ticker = read(row)
        if ticker is None:
            return None
        if ticker.market_id in tickers:
            raise ValueError("a market that was listed already")
        if ticker.bid >= ticker.ask > 0:
            raise ValueError(f"crossed top: bid {ticker.bid} >= ask {ticker.ask}")
        tickers[ticker.market_id] = ticker
        return True

    def top(ticker: Ticker) -> Top:
        mark = marks.get(ticker.market_id)
        return Top(MarketKey(venue, ticker.market_id), at, ticker.bid or None, ticker.ask or None, mark=mark)

    _, problems = each(venue, rows, keep)
    at = min(received, max((t.changed for t in tickers.values() if t.changed), default=received))
    quoted = {t.market_id: t for t in tickers.values() if t.bid or t.ask or t.market_id in marks}
    bases = {t.market_id: t.base for t in tickers.values()}
    return Listing(venue, OnDemand(tickers, make), OnDemand(quoted, top), problems, bases)
