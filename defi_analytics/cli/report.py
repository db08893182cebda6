import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.app.earned import By, Sum, booked, sums
from defi_analytics.cli.audit_rows import rounded, text
from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.figures import decimal_text
from defi_analytics.cli.options import AccountName, Days, Since, Until, days
from defi_analytics.cli.render import Column, emit, hint
from defi_analytics.cli.schemas_audit import ReportRow
from defi_analytics.cli.tree import new_app

if TYPE_CHECKING:
    from collections.abc import Iterator

app = new_app()

_UNTOLD = "the source of a fill did not tell the funding it settled"
_NONE_ENDED = "no trade ended"
_NO_CURRENCY = "gas is for markets of several currencies"
_SEVERAL = "gas, several"
"""Of transactions with orders on more than one market; a fill is always of one."""


def _money(value: str | None) -> str:
    return "" if value is None else f"{Decimal(value):,.2f}"


def _percent(fraction: str | None) -> str:
    return "" if fraction is None else f"{float(fraction) * 100:.0f} %"


def columns(by: By) -> Sequence[Column[ReportRow]]:
    """What a line is of comes first."""
    return (Column(by.value.capitalize(), _of), *_COLUMNS)


def _of(row: ReportRow) -> str:
    return row.day or row.market or (_SEVERAL if row.by != "total" else "total")


_COLUMNS: Sequence[Column[ReportRow]] = (
    Column("Trades", lambda r: str(r.trades), number=True),
    Column("Won", lambda r: _percent(r.win_rate), number=True, exact=lambda r: r.win_rate or ""),
    Column("Realised", lambda r: _money(r.realised), number=True, exact=lambda r: r.realised),
    Column("Fees", lambda r: _money(r.fees), number=True, exact=lambda r: r.fees),
    Column("Funding", lambda r: _money(r.funding), number=True, spare=50, exact=lambda r: r.funding or ""),
    Column("Total", lambda r: _money(r.total), number=True, exact=lambda r: r.total or ""),
    Column("Quote", lambda r: r.quote, spare=60),
    Column("Gas INJ", lambda r: decimal_text(Decimal(r.gas_inj)) or "", number=True, spare=70),
    Column("Fills", lambda r: str(r.fills), number=True, spare=80),
    Column("Market id", lambda r: r.market_id or "", machine=True),
    Column("Empty because", lambda r: r.empty_because, machine=True),
)


@app.command()
@with_common
def report(
    common: Common,
    by: Annotated[By, typer.Option("--by", help="A line for each day or for each market.")] = By.DAY,
    account: AccountName = None,
    since: Since = "",
    until: Until = "",
) -> int:
    r"""Show what an account's strategies earned, by day or by market.

    A trade is a position from its first fill until it is closed. It counts on the day it ends, and is won
    when it earned something after fees and funding. Fees, funding and gas count on the day they are paid.
    Total is realised less fees and funding; gas is in INJ, beside it, and with --by market on a line of its
    own where a transaction was about several. What is still held counts once it is closed: see `defi
    positions`.

    \b
    Examples:
      defi report
      defi report --by market --since 2026-01-01
      defi report --account paper --json
    """
    return asyncio.run(_report(common, by, account, days(since, until)))


async def _report(common: Common, by: By, account_name: str | None, wanted: Days) -> int:
    from defi_analytics.app.accounts import account_of
    from defi_analytics.app.ledgers import read_ledger
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        account = account_of(session.app, account_name)
        with read_ledger(session.app, account) as ledger:
            entries = [entry for entry in booked(ledger.journal) if wanted.include(entry.at)]
        rows = [
            *(_row(by, each) for each in sums(entries, by)),
            *(_row(None, each) for each in sums(entries)),
        ]
        emit(Document("report", rows, session.app.network, execution=account.execution), columns(by), common)
        for line in _said(rows, account.address, "in these days" if any(wanted) else "yet"):
            hint(common, line)
        return 0


def _row(by: By | None, of: Sum) -> ReportRow:
    total = of.total if of.quote else None
    why = [
        _NONE_ENDED if not of.trades else "",
        _UNTOLD if of.funding is None else "",
        "" if of.quote else _NO_CURRENCY,
    ]
    return ReportRow(
        by=by or "total",
        day=of.day.isoformat() if of.day else None,
        market=of.market.ticker if of.market else None,
        market_id=of.market.market_id if of.market else None,
        quote=of.quote,
        fills=of.fills,
        trades=of.trades,
        won=of.won,
        win_rate=decimal_text(of.won / of.trades, 6) if of.trades else None,
        realised=text(rounded(of.realised)),
        fees=text(rounded(of.fees)),
        funding=None if of.funding is None else text(rounded(of.funding)),
        gas_inj=text(of.gas),
        total=None if total is None else text(rounded(total)),
        empty_because="; ".join(filter(None, why)),
    )


def _said(rows: Sequence[ReportRow], account: str, when: str) -> "Iterator[str]":
    if not rows:
        yield f"{account} has no fill {when}, by its journal"
        return
    why = dict.fromkeys(reason for row in rows for reason in row.empty_because.split("; ") if reason)
    if why:
        yield f"A cell is empty where {', or where '.join(why)}"
    yield f"{account}; total is realised less fees and funding; what is still held: defi positions"
