import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer

from defi_analytics.cli.common import Common, Output, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.figures import decimal_text
from defi_analytics.cli.market_rows import (
    BOOK_COLUMNS,
    CANDLE_COLUMNS,
    FUNDING_COLUMNS,
    LIST_COLUMNS,
    PEOPLE,
    book_lines,
    book_row,
    candle_row,
    listing_order,
    market_row,
    warning_rows,
)
from defi_analytics.cli.measures import duration
from defi_analytics.cli.render import emit, emit_record, hint
from defi_analytics.cli.schemas import (
    FundingRow,
)
from defi_analytics.cli.tree import new_app
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.errors import NotFound

app = new_app(
    help="List Injective's markets, show one, its order book, candles or funding.", no_args_is_help=True
)

MarketName = Annotated[str, typer.Argument(help="INJ/USDT, 'INJ/USDT PERP' or a 0x… id.")]


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
        float | None,
        typer.Option(
            "--resolution",
            parser=duration(least_s=60, bare_s=60),
            metavar="DURATION",
            help="Length of a candle, such as 15m or 4h; without a unit, minutes. [default: 1h]",
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", min=1, max=1000, metavar="N", help="How many candles, the newest last.")
    ] = 24,
) -> int:
    r"""Show candles from the indexer, newest last.

    \b
    Example:
      defi market candles INJ/USDT --resolution 15 --count 96 -o csv
    """
    return asyncio.run(_candles(common, market, round(resolution or 3600), count))


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
    from defi_analytics.venues.injective.resolve import resolve_many

    async with opened(common) as session:
        with session.working("reading markets"):
            listing = await session.app.injective().listing()
            chosen: Sequence[Market] = list(listing.markets.values())
            if one:
                chosen = await session.app.meant(patterns, chosen)
            elif patterns:
                chosen = resolve_many(patterns, chosen)
        rows = [
            market_row(m, listing.tops.get(m.market_id), session.app.note_on(m))
            for m in sorted(chosen, key=listing_order)
        ]
        document = Document("market", rows, session.app.network, warning_rows(listing.problems))
        if one:
            emit_record(document, common, PEOPLE)
            where = f" --network {common.network.value}" if common.network else ""
            hint(common, f"Next: defi scan {rows[0].market_id[:12]}{where}   looks for mispricings of it")
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
        shown = [row] if structured else book_lines(row)
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
