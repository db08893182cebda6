import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

import typer

from defi_analytics.cli.common import Common, Output, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.render import Column, emit, emit_record, hint
from defi_analytics.cli.schemas import (
    BookRow,
    CandleRow,
    FundingRow,
    LevelRow,
    MarketRow,
    Row,
    WarningRow,
    decimal_text,
)
from defi_analytics.cli.tree import new_app
from defi_analytics.domain.book import Candle, Levels, OrderBook, Top
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.snapshot import Problem
from defi_analytics.errors import NotFound

app = new_app(
    help="List Injective's markets, show one, its order book, candles or funding.", no_args_is_help=True
)

MarketName = Annotated[str, typer.Argument(help="INJ/USDT, 'INJ/USDT PERP' or a 0x… id.")]

LIST_COLUMNS: Sequence[Column[MarketRow]] = (
    Column("Market", lambda r: r.ticker),
    Column("Kind", lambda r: r.kind, spare=70),
    Column("Asset", lambda r: f"{r.base}/{r.quote}" if r.base else "not verified", spare=90),
    Column("Bid", lambda r: r.bid or "", number=True),
    Column("Ask", lambda r: r.ask or "", number=True),
    Column("Tick", lambda r: r.price_tick, number=True, spare=100),
    Column("Lot", lambda r: r.quantity_tick, number=True, spare=100),
    Column("Min notional", lambda r: r.min_notional, number=True, spare=120),
    Column("Taker bps", lambda r: f"{float(r.taker_fee) * 10_000:.1f}", number=True, spare=80),
    Column("Id", lambda r: r.market_id, spare=150),
)


class _Line(Row, frozen=True, kw_only=True):
    """One level of a book, for the forms that are lines."""

    side: str
    price: str
    quantity: str
    cumulative: str


BOOK_COLUMNS: Sequence[Column[_Line]] = (
    Column("Side", lambda r: r.side, style=lambda r: "green" if r.side == "bid" else "red"),
    Column("Price", lambda r: r.price, number=True),
    Column("Quantity", lambda r: r.quantity, number=True),
    Column("Cumulative", lambda r: r.cumulative, number=True),
)
CANDLE_COLUMNS: Sequence[Column[CandleRow]] = (
    Column("Open time", lambda r: f"{r.at:%Y-%m-%dT%H:%M}Z"),
    Column("Open", lambda r: r.open, number=True),
    Column("High", lambda r: r.high, number=True),
    Column("Low", lambda r: r.low, number=True),
    Column("Close", lambda r: r.close, number=True),
    Column("Volume", lambda r: r.volume, number=True),
)


FUNDING_COLUMNS: Sequence[Column[FundingRow]] = (
    Column("Hour ended", lambda r: f"{r.at:%Y-%m-%dT%H:%M}Z"),
    Column("Long pays bps", lambda r: f"{float(r.rate) * 10_000:.4f}", number=True),
    Column("Rate", lambda r: r.rate, number=True, spare=1),
)


@app.command("list")
@with_common
def list_markets(
    common: Common,
    pattern: Annotated[list[str] | None, typer.Argument(help="Names or patterns such as 'INJ/*'.")] = None,
) -> int:
    r"""List active markets with their best prices.

    \b
    Examples:
      defi market list
      defi market list 'INJ/*' -o csv > markets.csv
    """
    return asyncio.run(_list(common, tuple(pattern or ())))


@app.command("show")
@with_common
def show_market(common: Common, market: MarketName) -> int:
    r"""Show one market: identity, grid, fees, best prices.

    \b
    Example:
      defi market show 'INJ/USDT PERP' --json
    """
    return asyncio.run(_list(common, (market,), one=True))


@app.command("book")
@with_common
def show_book(
    common: Common,
    market: MarketName,
    depth: Annotated[
        int, typer.Option("--depth", min=1, max=1000, metavar="N", help="Levels on each side.")
    ] = 10,
) -> int:
    r"""Show an order book, best prices in the middle.

    \b
    Example:
      defi market book INJ/USDT --depth 5
    """
    return asyncio.run(_book(common, market, depth))


@app.command("candles")
@with_common
def show_candles(
    common: Common,
    market: MarketName,
    resolution: Annotated[
        int, typer.Option("--resolution", min=1, metavar="MINUTES", help="Length of a candle.")
    ] = 60,
    count: Annotated[
        int, typer.Option("--count", min=1, max=1000, metavar="N", help="How many candles, the newest last.")
    ] = 24,
) -> int:
    r"""Show candles from the indexer, newest last.

    \b
    Example:
      defi market candles INJ/USDT --resolution 15 --count 96 -o csv
    """
    return asyncio.run(_candles(common, market, resolution * 60, count))


@app.command("funding")
@with_common
def show_funding(
    common: Common,
    market: MarketName,
    count: Annotated[
        int, typer.Option("--count", min=1, max=100, metavar="N", help="How many hours, the newest first.")
    ] = 24,
) -> int:
    r"""Show the hourly funding rates of a perpetual, as they were charged.

    \b
    Example:
      defi market funding 'INJ/USDT PERP' --count 8
    """
    return asyncio.run(_funding(common, market, count))


async def _list(common: Common, patterns: tuple[str, ...], *, one: bool = False) -> int:
    from defi_analytics.cli.session import opened
    from defi_analytics.venues.injective.resolve import resolve, resolve_many

    async with opened(common) as session:
        with session.working("reading markets"):
            listing = await session.app.injective().listing()
        markets = list(listing.markets.values())
        if one:
            chosen: Sequence[Market] = [resolve(patterns[0], markets)]
        else:
            chosen = resolve_many(patterns, markets) if patterns else markets
        rows = [market_row(m, listing.tops.get(m.market_id)) for m in sorted(chosen, key=_order)]
        document = Document("market", rows, session.app.network, warning_rows(listing.problems))
        if one:
            emit_record(document, common)
            hint(common, f"Next: defi scan {rows[0].market_id[:12]}   looks for mispricings of it")
        else:
            emit(document, LIST_COLUMNS, common)
        return 0


async def _book(common: Common, name: str, depth: int) -> int:
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        with session.working("reading the order book"):
            market = await session.app.find_market(name)
            book = await session.app.injective().order_book(market)
        row = book_row(market, book, depth)
        structured = common.format in {Output.JSON, Output.NDJSON}
        shown = [row] if structured else _lines(row)
        emit(Document("book", shown, session.app.network), BOOK_COLUMNS, common)
        pair = f"{market.base}/{market.quote}" if market.verified else "an unverified market"
        hint(
            common,
            f"{pair} at {book.at:%H:%M:%S}Z, sequence {book.sequence}; notional is cumulative, in quote",
        )
        return 0


async def _candles(common: Common, name: str, resolution_s: int, count: int) -> int:
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        with session.working("reading candles"):
            market = await session.app.find_market(name)
            end = session.app.clock.now()
            start = end - timedelta(seconds=resolution_s * count)
            candles = await session.app.injective().candles(market, resolution_s, start, end)
        rows = [candle_row(candle) for candle in candles[-count:]]
        emit(Document("candles", rows, session.app.network), CANDLE_COLUMNS, common)
        return 0


async def _funding(common: Common, name: str, count: int) -> int:
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        with session.working("reading funding rates"):
            market = await session.app.find_market(name)
            if market.kind is not MarketKind.PERPETUAL:
                raise NotFound(
                    market.venue, "only a perpetual pays funding", hint="see: defi market list '*PERP'"
                )
            rates = await session.app.indexer().funding_rates(market, count)
        rows = [FundingRow(at=r.at, rate=decimal_text(r.rate) or "0") for r in rates[:count]]
        emit(Document("funding", rows, session.app.network), FUNDING_COLUMNS, common)
        return 0


def _order(market: Market) -> tuple[bool, str, str]:
    return (not market.verified, market.ticker.strip(), market.market_id)


def warning_rows(problems: Sequence[Problem]) -> list[WarningRow]:
    return [WarningRow(code=p.code, message=f"{p.source}: {p.message}", source=p.source) for p in problems]


def market_row(market: Market, top: Top | None) -> MarketRow:
    def price(value: float | None) -> str | None:
        return None if value is None else decimal_text(market.nearest_price(value))

    return MarketRow(
        venue=market.venue,
        market_id=market.market_id,
        ticker=market.ticker,
        kind=market.kind.value,
        status=market.status.value,
        base=market.base,
        quote=market.quote,
        base_denom=market.base_denom,
        quote_denom=market.quote_denom,
        base_decimals=market.base_decimals,
        quote_decimals=market.quote_decimals,
        price_tick=decimal_text(market.price_tick) or "",
        quantity_tick=decimal_text(market.quantity_tick) or "",
        min_notional=decimal_text(market.min_notional) or "",
        min_quantity=decimal_text(market.min_quantity) or "",
        maker_fee=decimal_text(market.maker_fee) or "",
        taker_fee=decimal_text(market.taker_fee) or "",
        bid=price(top.bid) if top else None,
        ask=price(top.ask) if top else None,
        mid=decimal_text(top.mid) if top else None,
        mark=decimal_text(top.mark) if top else None,
        funding_hourly=decimal_text(top.funding_hourly) if top else None,
    )


def book_row(market: Market, book: OrderBook, depth: int) -> BookRow:
    return BookRow(
        venue=market.venue,
        market_id=market.market_id,
        ticker=market.ticker,
        at=book.at,
        sequence=book.sequence,
        truncated=book.truncated or max(len(book.bids.prices), len(book.asks.prices)) > depth,
        bids=_level_rows(market, book.bids, depth),
        asks=_level_rows(market, book.asks, depth),
    )


def _level_rows(market: Market, side: Levels, depth: int) -> list[LevelRow]:
    rows, total = [], Decimal(0)
    for price, quantity in zip(side.prices[:depth], side.quantities[:depth], strict=True):
        exact = market.nearest_price(price), market.nearest_quantity(quantity)
        total += exact[0] * exact[1]
        rows.append(
            LevelRow(
                price=decimal_text(exact[0]) or "",
                quantity=decimal_text(exact[1]) or "",
                cumulative=decimal_text(total) or "",
            )
        )
    return rows


def _lines(row: BookRow) -> list[_Line]:
    """Asks from the dearest down, then bids: the two best prices meet in the middle."""
    sides = [("ask", level) for level in reversed(row.asks)] + [("bid", level) for level in row.bids]
    return [_Line(side=s, price=v.price, quantity=v.quantity, cumulative=v.cumulative) for s, v in sides]


def candle_row(candle: Candle) -> CandleRow:
    return CandleRow(
        at=candle.at,
        open=decimal_text(candle.open) or "",
        high=decimal_text(candle.high) or "",
        low=decimal_text(candle.low) or "",
        close=decimal_text(candle.close) or "",
        volume=decimal_text(candle.volume) or "",
    )
