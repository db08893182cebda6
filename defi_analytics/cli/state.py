import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import Document, write_error_line
from defi_analytics.cli.figures import time_text
from defi_analytics.cli.options import AccountName
from defi_analytics.cli.render import Column, emit, emit_record, hint
from defi_analytics.cli.schemas_audit import KindRow, StateRow, VerifiedRow
from defi_analytics.cli.tree import Showing, new_app
from defi_analytics.errors import DefiError, NotFound

if TYPE_CHECKING:
    from defi_analytics.ports import Clock

app = new_app(help="Show, back up and verify the journals.", cls=Showing)

STATE_COLUMNS: Sequence[Column[StateRow]] = (
    Column("Journal", lambda r: Path(r.path).name, exact=lambda r: r.path, fold=True),
    Column("Bytes", lambda r: f"{r.size_bytes:,}", number=True, exact=lambda r: str(r.size_bytes)),
    Column("Records", lambda r: str(r.records), number=True),
    Column("Schema", lambda r: str(r.version), number=True, spare=70),
    Column(
        "Last",
        lambda r: f"{r.last_at:%Y-%m-%d %H:%M}" if r.last_at else "",
        spare=60,
        exact=lambda r: time_text(r.last_at) if r.last_at else "",
    ),
    Column("Kinds", lambda r: ", ".join(f"{each.kind} {each.records}" for each in r.kinds), fold=True),
)
VERIFIED_COLUMNS: Sequence[Column[VerifiedRow]] = (
    Column("Journal", lambda r: Path(r.path).name, exact=lambda r: r.path, fold=True),
    Column("Verdict", lambda r: "whole" if r.ok else r.code, style=lambda r: "green" if r.ok else "red"),
    Column("Records", lambda r: str(r.records), number=True),
    Column("Decisions", lambda r: str(r.decisions), number=True, spare=50),
    Column("Message", lambda r: r.message, fold=True, spare=90),
)


@app.command("show")
@with_common
def show_state(common: Common) -> int:
    r"""Show every journal below home: its size, its records by kind, its schema.

    \b
    Example:
      defi state show
    """
    return asyncio.run(_show(common))


@app.command("backup")
@with_common
def back_up(
    common: Common,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; one that is there is refused.")],
    account: AccountName = None,
) -> int:
    r"""Copy an account's journal of this moment whole, though its agent writes meanwhile.

    A copy made by hand would miss what is still in the -wal file. To restore, put the copy in the journal's
    place while no agent runs, with no -wal or -shm beside it.

    \b
    Example:
      defi state backup journal-2026-01-31.sqlite
    """
    return asyncio.run(_backup(common, account, file))


@app.command("verify", epilog="Exit codes: 0 all are whole, 9 one is damaged, 22 one is no account's story.")
@with_common
def verify_state(
    common: Common,
    file: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Journals or copies; none: all of home.")
    ] = None,
) -> int:
    r"""Read journals whole: every page, every checksum, every record, every decision.

    \b
    Examples:
      defi state verify
      defi state verify journal-2026-01-31.sqlite --json
    """
    return asyncio.run(_verify(common, file or []))


async def _show(common: Common) -> int:
    from defi_analytics.cli.session import opened
    from defi_analytics.storage.journal import SqliteJournal

    async with opened(common) as session:
        rows = []
        for path in _journals(session.app.settings.home):
            with SqliteJournal(path, reading=True) as journal:
                facts, tail = journal.facts(), journal.tail(1)
            rows.append(
                StateRow(
                    path=str(path),
                    version=facts.version,
                    size_bytes=facts.size_bytes,
                    records=sum(facts.kinds.values()),
                    kinds=[KindRow(kind=kind, records=count) for kind, count in facts.kinds.items()],
                    last_at=tail[0][0] if tail else None,
                )
            )
        emit(Document("state", rows, session.app.network), STATE_COLUMNS, common)
        hint(common, f"{len(rows)} journals below {session.app.settings.home}")
        return 0


async def _backup(common: Common, account_name: str | None, target: Path) -> int:
    from defi_analytics.app.accounts import chosen_account
    from defi_analytics.cli.session import opened
    from defi_analytics.storage.journal import SqliteJournal

    async with opened(common) as session:
        home = session.app.settings.home
        account = chosen_account(home, session.app.network, account_name)
        path = account.journal(home)
        if not path.exists():
            raise NotFound("state", f"{account.address} has no journal yet", hint="see: defi state show")
        with session.working("copying"), SqliteJournal(path, reading=True) as journal:
            journal.backup(target)
        row = _verified(target, session.app.clock)[0]
        emit_record(Document("verify", [row], session.app.network), common)
        hint(common, f"Next: defi state verify {target}")
        return 0


async def _verify(common: Common, files: Sequence[Path]) -> int:
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        paths = files or _journals(session.app.settings.home)
        with session.working("reading"):
            found = [_verified(path, session.app.clock) for path in paths]
        error = next((error for _, error in found if error), None)
        rows = [row for row, _ in found]
        emit(Document("verify", rows, session.app.network, error=error), VERIFIED_COLUMNS, common)
        if error is None:
            return 0
        write_error_line(error)
        return error.exit_code


def _journals(home: Path) -> list[Path]:
    found = [home / "journal.sqlite", *sorted((home / "accounts").glob("*.sqlite"))]
    return [path for path in found if path.exists()]


def _verified(path: Path, clock: "Clock") -> tuple[VerifiedRow, DefiError | None]:
    from defi_analytics.app.verifying import verified

    try:
        counted = verified(path, clock)
    except DefiError as error:
        row = VerifiedRow(
            path=str(path), ok=False, records=0, decisions=0, code=error.code, message=error.message
        )
        return row, error
    whole = VerifiedRow(
        path=str(path), ok=True, records=counted.records, decisions=counted.decisions, code="", message=""
    )
    return whole, None
