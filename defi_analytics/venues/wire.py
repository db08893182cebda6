"""What the wire formats of the venues have in common.

Every number is bounded while it is decoded, so NaN, infinities, exponents made to hurt and text that only
looks like a number end as `Malformed` before anything computes with them.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import ceil
from typing import Annotated, NamedTuple, TypeVar

import msgspec

from defi_analytics.domain.book import Candle, Levels, Top
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.snapshot import Listing, Problem
from defi_analytics.errors import Malformed

Row = TypeVar("Row")
Value = TypeVar("Value")
First = TypeVar("First")
Second = TypeVar("Second")

Price = Annotated[float, msgspec.Meta(ge=1e-18, le=1e18)]
Quantity = Annotated[float, msgspec.Meta(ge=1e-18, le=1e18)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e24)]
"""A price or volume that may be zero, which venues write for "none"."""
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, lt=4_102_444_800_000)]
"""Since 1970, before 2100: always a valid datetime."""

MAX_LEVELS = 5_000
DAY_S = 86_400
PROBLEMS_NAMED = 5
UNREADABLE = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)
"""All that decoding and checking untrusted bytes can raise."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")


class Fees(NamedTuple):
    """Fractions of notional."""

    taker: Decimal
    maker: Decimal


class Level(msgspec.Struct, array_like=True, gc=False):
    """`[price, quantity, …]`, the form of Binance and OKX; what follows is ignored.

    Bounds are checked by `checked_book`, once for a whole side: on each number they cost as much as decoding.
    """

    price: float
    quantity: float


Side = Annotated[list[Level], msgspec.Meta(max_length=MAX_LEVELS)]


class CandleRow(msgspec.Struct, array_like=True, gc=False):
    """`[open time, open, high, low, close, volume, …]`, the form of Binance and OKX."""

    at: Milliseconds
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount


class Listed(NamedTuple):
    market: Market
    top: Top | None


def market_without_grid(
    venue: str, market_id: str, kind: MarketKind, base: str, quote: str, fees: Fees
) -> Market:
    """A market as far as a listing of tickers tells it."""
    return Market(
        venue=venue,
        market_id=market_id,
        ticker=market_id,
        kind=kind,
        base=base,
        quote=quote,
        price_tick=Decimal(0),
        quantity_tick=Decimal(0),
        min_notional=Decimal(0),
        min_quantity=Decimal(0),
        maker_fee=fees.maker,
        taker_fee=fees.taker,
    )


async def together(first: Awaitable[First], second: Awaitable[Second]) -> tuple[First, Second]:
    """Both results, or a failure once both have ended: no request is left running."""
    one, two = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(one, BaseException):
        raise one
    if isinstance(two, BaseException):
        raise two
    return one, two


@contextmanager
def reading(source: str, what: str) -> Iterator[None]:
    """Whatever trips over untrusted bytes inside leaves as `Malformed`, and as nothing else."""
    try:
        yield
    except UNREADABLE as error:
        raise Malformed(source, f"{what}: {_brief(error)}") from error


def levels(side: Sequence[Level]) -> Levels:
    return Levels(tuple([row.price for row in side]), tuple([row.quantity for row in side]))


def exact(text: str) -> Decimal:
    """A plain decimal of at most 18 + 18 digits, without trailing zeros. Raises ValueError."""
    if not _EXACT.fullmatch(text):
        raise ValueError("not a plain decimal number")
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def step(text: str | None, name: str) -> Decimal:
    """A tick or lot, which must be told and positive. Raises ValueError."""
    size = exact(text or "0")
    if not size:
        raise ValueError(f"{name} is not told")
    return size


def utc(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def to_milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def most_pages(span: timedelta, resolution_s: int, page: int) -> int:
    """Requests that an honest venue makes us send for a period's candles, `page` to each."""
    return ceil(span / timedelta(seconds=resolution_s) / page) + 1


def candles(rows: Sequence[CandleRow], resolution_s: int) -> Sequence[Candle]:
    """Candles from rows that are oldest first and on the resolution's grid. Raises ValueError.

    Beyond a day venues begin their grids on days of their own, so only the distances must fit those.
    """
    whole, day = 1_000 * resolution_s, 1_000 * min(resolution_s, DAY_S)
    if any(row.at % day or (row.at - rows[0].at) % whole for row in rows):
        raise ValueError(f"a candle off the grid of {resolution_s} s")
    return checked_candles(
        [Candle(utc(row.at), row.open, row.high, row.low, row.close, row.volume) for row in rows]
    )


def checked_candles(candles: Sequence[Candle]) -> Sequence[Candle]:
    """Refuses (ValueError) candles that are not oldest first or whose range excludes their own prices."""
    if any(before.at >= after.at for before, after in pairwise(candles)):
        raise ValueError("candles are not in the order of time")
    for candle in candles:
        if not candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high:
            raise ValueError(f"candle of {candle.at:%Y-%m-%dT%H:%MZ} leaves its own range")
    return candles


def each(
    source: str, rows: Iterable[Row], read: Callable[[Row], Value | None]
) -> tuple[list[Value], tuple[Problem, ...]]:
    """Reads rows one by one: None is skipped, an unreadable row is dropped and becomes a problem.

    The first few are named; the rest is only counted, so a hostile answer cannot fill the output.
    Raises Malformed when rows were refused and nothing was left: then it is the format that changed.
    """
    values: list[Value] = []
    refused: list[str] = []
    for number, row in enumerate(rows):
        try:
            value = read(row)
        except UNREADABLE as error:
            refused.append(f"row {number}: {_brief(error)}")
            continue
        if value is not None:
            values.append(value)
    if refused and not values:
        raise Malformed(source, f"{refused[0]} (and no other row is readable)")
    return values, _problems(source, refused)


def listing(venue: str, rows: Iterable[Row], read: Callable[[Row], Listed | None]) -> Listing:
    """A listing without its unreadable rows; of a market listed twice the first row counts."""
    seen: set[str] = set()

    def once(row: Row) -> Listed | None:
        listed = read(row)
        if listed is not None:
            if listed.market.market_id in seen:
                raise ValueError("a market that was listed already")
            seen.add(listed.market.market_id)
        return listed

    values, problems = each(venue, rows, once)
    markets = {value.market.market_id: value.market for value in values}
    tops = {value.market.market_id: value.top for value in values if value.top is not None}
    return Listing(venue, markets, tops, problems)


def _problems(source: str, refused: Sequence[str]) -> tuple[Problem, ...]:
    named = [*refused[:PROBLEMS_NAMED]]
    if len(refused) > PROBLEMS_NAMED:
        named.append(f"{len(refused) - PROBLEMS_NAMED} more rows dropped")
    return tuple(Problem(source, Malformed.code, f"{source}: {message}") for message in named)


def _brief(error: Exception) -> str:
    return str(error)[:200]
