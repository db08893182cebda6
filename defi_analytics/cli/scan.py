import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.cli.common import Common, Output, with_common
from defi_analytics.cli.measures import duration, number, sizes
from defi_analytics.cli.tree import new_app
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.errors import DataError, Unavailable, UsageError

if TYPE_CHECKING:
    from defi_analytics.app.parts import App
    from defi_analytics.app.scan import Scan, ScanRequest
    from defi_analytics.cli.scan_view import Options
    from defi_analytics.cli.session import Session

EXIT_NOT_MET = 10

app = new_app()


@app.command(
    epilog="Exit codes: 0 ran, 3 settings, 5 nothing answered, 8 unknown market, 10 with --exit-code: none."
)
@with_common
def scan(
    common: Common,
    market: Annotated[
        list[str] | None,
        typer.Argument(
            help="INJ/USDT, 'INJ/USDT PERP', INJ for all of INJ's, a 0x… id or a pattern such as 'INJ/*'. "
            "[default: all]"
        ),
    ] = None,
    kind: Annotated[
        list[EdgeKind] | None,
        typer.Option("--kind", help="Kind of mispricing; repeat for several. [default: all]"),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="VENUE",
            help="Venue to compare with; repeat for several. [default: scan.against]",
        ),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(
            "--size",
            metavar="NOTIONAL",
            help="Price this size, in the market's quote, such as 500USDT, 1,000 USDT or 1kUSDT; repeat for "
            "several. The largest caps the trade. [default: the size that earns most]",
        ),
    ] = None,
    min_edge_bps: Annotated[
        float | None,
        typer.Option(
            "--min-edge-bps",
            parser=number(least=0),
            metavar="BPS",
            help="Smallest net edge, in basis points. [default: 5]",
        ),
    ] = None,
    min_profit: Annotated[
        float | None,
        typer.Option(
            "--min-profit",
            parser=number(least=0),
            metavar="AMOUNT",
            help="Smallest profit, in the market's quote. [default: 0]",
        ),
    ] = None,
    max_age: Annotated[
        float | None,
        typer.Option(
            "--max-age",
            parser=duration(),
            metavar="DURATION",
            help="Oldest book to use, such as 500ms or 2s. [default: 10s]",
        ),
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", min=1, metavar="N", help="Show at most N rows. [default: 20]")
    ] = None,
    include_rejected: Annotated[
        bool, typer.Option("--include-rejected", help="Also show what does not stand, and why.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Below the table: each cost, input and age.")
    ] = False,
    watch: Annotated[
        float | None,
        typer.Option(
            "--watch",
            parser=duration(least_s=0.1),
            metavar="DURATION",
            help="Scan again this often, such as 5s or 1m. [default: scan once]",
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            min=1,
            metavar="N",
            help="Stop after N scans; alone, with the settings' interval. [default: until Ctrl-C]",
        ),
    ] = None,
    record: Annotated[bool, typer.Option("--record", help="Append what was found to the journal.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 10 when nothing stands.")] = False,
) -> int:
    r"""Find mispricings on Injective's order books, after every cost.

    \b
    Examples:
      defi scan INJ/USDT
      defi scan INJ/USDT --against binance --size 100USDT --size 1000USDT --explain
      defi scan --json --exit-code --min-edge-bps 20 > edges.json
      defi scan 'INJ/*' --watch 5 --count 12 -o ndjson >> edges.ndjson
    """
    from defi_analytics.app.scan import ScanRequest
    from defi_analytics.cli.scan_view import Options

    if (watch or count) and common.format is Output.JSON:
        raise UsageError(
            "one JSON document cannot hold many scans", hint="use -o ndjson with --watch or --count"
        )
    asked = sizes(size or ())
    request = ScanRequest(
        markets=tuple(market or ()),
        kinds=frozenset(kind) if kind else None,
        against=tuple(name.lower() for name in against) if against else None,
        sizes=asked.notionals,
        size_quote=asked.quote,
        min_edge=None if min_edge_bps is None else min_edge_bps / 10_000,
        min_profit=min_profit,
        max_age_s=max_age,
    )
    options = Options(top, include_rejected, explain, watch, count, record, exit_code)
    return asyncio.run(_scan(common, request, options))


async def _scan(common: Common, request: "ScanRequest", options: "Options") -> int:
    from defi_analytics.cli.session import opened

    repeats = options.watch_s is not None or options.count is not None
    async with opened(common, hold=not repeats) as session:
        if not repeats:
            return await _once(session, request, options)
        interval_s = float(session.loaded.settings.monitoring.update_interval)
        return await _repeated(session, request, options, options.watch_s or interval_s)


async def _repeated(session: "Session", request: "ScanRequest", options: "Options", pause_s: float) -> int:
    """Looks again and again; a look that fails is told in a line, and the next may succeed."""
    from defi_analytics.cli.envelope import write_error_line

    code = rounds = 0
    shown = False
    while options.count is None or rounds < options.count:
        if rounds:
            await session.app.clock.sleep(pause_s)
        try:
            code = await _once(session, request, options, repaint=rounds > 0, again=shown)
            shown = True
        except DataError as error:
            if not error.retryable:
                raise
            write_error_line(error)
            code = error.exit_code
        rounds += 1
    return code


async def _once(
    session: "Session",
    request: "ScanRequest",
    options: "Options",
    *,
    repaint: bool = False,
    again: bool = False,
) -> int:
    from defi_analytics.app.scan import look
    from defi_analytics.cli.scan_view import show

    with session.working("reading order books"):
        found = await look(session.app, request)
    if repaint:
        _clear(session.common)
    # What cannot be kept is shown all the same, and the document says that it was not.
    unkept = session.kept(lambda: _record(session.app, found, edges=options.record))
    error = _silence(found) or unkept
    show(session, found, options, error, again=again)
    if error is not None:
        return error.exit_code
    stood = any(edge.stands for edge in found.edges)
    return EXIT_NOT_MET if options.exit_code and not stood else 0


def _silence(found: "Scan") -> Unavailable | None:
    return Unavailable("scan", "nothing that it could compare with answered") if found.exit_code else None


def _record(app: "App", found: "Scan", *, edges: bool) -> None:
    app.record_predictions(found.snapshot.predictions)
    if edges:
        app.record_scan(found.snapshot, found.scope, found.limits, found.edges)


def _clear(common: Common) -> None:
    if common.format is Output.TABLE and sys.stdout.isatty():
        sys.stdout.write("\x1b[H\x1b[2J")
