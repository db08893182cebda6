import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import typer

from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.figures import decimal_text
from defi_analytics.cli.render import Column, emit
from defi_analytics.cli.schemas import PingRow, VenueRow
from defi_analytics.cli.tree import new_app
from defi_analytics.config.fields import VENUE_NAMES
from defi_analytics.domain.snapshot import Listing
from defi_analytics.errors import DefiError, Unavailable

app = new_app(help="List the venues compared with, and whether they answer.", no_args_is_help=True)

LIST_COLUMNS: Sequence[Column[VenueRow]] = (
    Column("Venue", lambda r: r.name),
    Column("Role", lambda r: r.role),
    Column("Kinds", lambda r: r.kinds, spare=80),
    Column(
        "Taker bps", lambda r: f"{float(r.taker_fee) * 10_000:g}" if r.taker_fee else "by market", number=True
    ),
    Column(
        "Maker bps",
        lambda r: f"{float(r.maker_fee) * 10_000:g}" if r.maker_fee else "by market",
        number=True,
        spare=70,
    ),
    Column("URL", lambda r: r.url, spare=90, fold=True),
)
PING_COLUMNS: Sequence[Column[PingRow]] = (
    Column("Source", lambda r: r.name),
    Column("Answers", lambda r: "yes" if r.ok else "no", style=lambda r: "green" if r.ok else "bold red"),
    Column("ms", lambda r: str(r.elapsed_ms), number=True),
    Column("Markets", lambda r: str(r.markets) if r.markets else "", number=True),
    Column("Why not", lambda r: r.message, fold=True),
)


@app.command("list")
@with_common
def list_venues(common: Common) -> int:
    r"""List every venue that `scan` can compare with, and its fees.

    \b
    Example:
      defi venue list
    """
    from defi_analytics.app.opening import injective_network, pointed_at, sandbox_url
    from defi_analytics.app.parts import SANDBOX_VENUES
    from defi_analytics.cli.session import settings_of
    from defi_analytics.sandbox.sandbox import endpoints_at

    settings = settings_of(common).settings
    known = tuple(settings.venues)
    if settings.network == "sandbox":
        settings = pointed_at(settings, endpoints_at(sandbox_url(settings)))
        known = SANDBOX_VENUES
    rows = [
        VenueRow(
            name="injective",
            role="home",
            url=injective_network(settings).lcd_url,
            kinds="spot, perpetual",
            taker_fee="",
            maker_fee="",
        )
    ]
    for name in known:
        own = settings.venues[name]
        rows.append(
            VenueRow(
                name=name,
                role="compared" if name in settings.scan.against else "on request",
                url=own.url,
                kinds=_kinds(name),
                taker_fee=decimal_text(own.taker_fee) or "0",
                maker_fee=decimal_text(own.maker_fee) or "0",
            )
        )
    emit(Document("venue", rows, settings.network), LIST_COLUMNS, common)
    return 0


def _kinds(name: str) -> str:
    if name not in VENUE_NAMES:
        # Only its own listing tells.
        return ""
    return "perpetual" if name == "hyperliquid" or name.endswith("-perp") else "spot"


@app.command("ping")
@with_common
def ping(
    common: Common,
    venue: Annotated[
        list[str] | None, typer.Argument(help="Which; all that scan uses when left out.")
    ] = None,
) -> int:
    r"""Ask each venue for its markets and say how long it took.

    \b
    Examples:
      defi venue ping
      defi venue ping binance okx --json
    """
    return asyncio.run(_ping(common, tuple(venue or ())))


async def _ping(common: Common, names: Sequence[str]) -> int:
    from defi_analytics.cli.session import opened

    async with opened(common, ask_all=True) as session:
        app = session.app
        wanted = names or ("injective", *app.default_against())
        sources = {n: app.injective() if n == "injective" else app.venue(n) for n in wanted}
        with session.working("asking"):
            rows = await asyncio.gather(
                *(pinged(name, source.listing(), app.clock.monotonic) for name, source in sources.items())
            )
        silent = [row.name for row in rows if not row.ok]
        error = Unavailable("venue ping", f"no answer from {', '.join(silent)}") if silent else None
        emit(Document("ping", rows, app.network, error=error), PING_COLUMNS, common)
        return error.exit_code if error else 0


async def pinged(name: str, asked: Awaitable[Listing], monotonic: Callable[[], float]) -> PingRow:
    """How one source answered; a failure is a row, not an error."""
    started = monotonic()
    try:
        listing = await asked
    except DefiError as error:
        elapsed_ms = round((monotonic() - started) * 1000)
        return PingRow(
            name=name, ok=False, elapsed_ms=elapsed_ms, markets=0, code=error.code, message=error.message
        )
    elapsed_ms = round((monotonic() - started) * 1000)
    return PingRow(
        name=name, ok=True, elapsed_ms=elapsed_ms, markets=len(listing.markets), code="", message=""
    )
