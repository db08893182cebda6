import asyncio
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.cli.common import Common, Output, with_common
from defi_analytics.cli.envelope import Document, say, write_error_line
from defi_analytics.cli.measures import duration
from defi_analytics.cli.options import AccountName
from defi_analytics.cli.render import Column, emit, emit_record, hint
from defi_analytics.cli.schemas_audit import LogRow
from defi_analytics.cli.tree import new_app
from defi_analytics.errors import NotFound, WrongState

if TYPE_CHECKING:
    from pathlib import Path

    from defi_analytics.app.accounts import Account
    from defi_analytics.app.parts import App

app = new_app(help="Show how an agent is, end it, or read its log.", no_args_is_help=True)

LOG_COLUMNS: Sequence[Column[LogRow]] = (Column("Line", lambda r: r.line, fold=True),)
_LOOK_S = 0.3


@app.command("status", epilog="Exit codes: 0 an agent runs, 9 none does.")
@with_common
def show_status(common: Common, account: AccountName = None) -> int:
    r"""Show how an account's agent is: whether it runs, what it costs, what it last did.

    The kernel's lock on the account says whether one runs; the rest is what it wrote after its last cycle,
    and is told of one that died too.

    \b
    Examples:
      defi agent status
      defi agent status --json
    """
    return asyncio.run(_status(common, account))


@app.command("stop")
@with_common
def stop_agent(
    common: Common,
    account: AccountName = None,
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait", parser=duration(), metavar="DURATION", help="For its end in order. [default: 60s]"
        ),
    ] = None,
) -> int:
    r"""End an account's agent in order, and wait until it has gone.

    It settles what it sent and leaves the book as its --on-exit says.

    \b
    Example:
      defi agent stop --wait 2m
    """
    return asyncio.run(_stop(common, account, wait or 60.0))


@app.command("logs")
@with_common
def show_logs(
    common: Common,
    lines: Annotated[
        int, typer.Option("--lines", min=0, max=100_000, metavar="N", help="The last N. [default: 50]")
    ] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> int:
    r"""Show the end of the log file.

    \b
    Examples:
      defi agent logs --lines 200
      defi agent logs --follow
    """
    return asyncio.run(_logs(common, lines, follow))


async def _status(common: Common, account_name: str | None) -> int:
    from defi_analytics.app.accounts import chosen_account
    from defi_analytics.app.agents import seen
    from defi_analytics.cli.agent_rows import agent_row, record_lines
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        home = session.app.settings.home
        account = chosen_account(home, session.app.network, account_name)
        found = seen(account, home)
        row = agent_row(account, found, record_lines(account, home))
        error = None if found.running else _missing(account, died=found.state == "died")
        document = Document("agent", [row], session.app.network, error=error, execution=account.execution)
        emit_record(document, common)
        if error is None:
            return 0
        write_error_line(error)
        return error.exit_code


def _missing(account: "Account", *, died: bool) -> WrongState:
    hint = "it died: see defi agent logs and defi reconcile" if died else "see: defi run"
    return WrongState(f"no agent runs {account.address} on {account.network}", hint=hint)


async def _stop(common: Common, account_name: str | None, wait_s: float) -> int:
    from defi_analytics.app.accounts import chosen_account
    from defi_analytics.app.agents import seen, stop
    from defi_analytics.app.ledgers import ledger_of
    from defi_analytics.cli.agent_rows import agent_row, record_lines
    from defi_analytics.cli.session import settings_to_stop
    from defi_analytics.clock import WallClock

    settings, clock = settings_to_stop(common), WallClock()
    home = settings.home
    account = chosen_account(home, settings.network, account_name)
    pid = await stop(account, home, clock, wait_s)
    if pid is None:
        raise _missing(account, died=False)
    row = agent_row(account, seen(account, home), record_lines(account, home))
    emit_record(Document("agent", [row], settings.network, execution=account.execution), common)
    left = len(ledger_of(home, account, clock).books.live)
    hint(common, f"Process {pid} has ended; {left} orders may still be live by the journal")
    return 0


async def _logs(common: Common, count: int, follow: bool) -> int:
    from defi_analytics.app.log_tail import last_lines
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        path = session.app.settings.home / session.app.settings.logging.file_path
        if not session.app.settings.logging.file_path or not path.is_file():
            raise NotFound("log", f"there is no log file {path}", hint="see logging.file_path")
        rows = [LogRow(line=line) for line in last_lines(path, count)]
        if common.format in {Output.JSON, Output.NDJSON, Output.CSV}:
            emit(Document("logs", rows, session.app.network), LOG_COLUMNS, common)
        else:
            for row in rows:
                typer.echo(row.line)
        if follow:
            await _follow(session.app, path)
        return 0


async def _follow(app: "App", path: "Path") -> None:
    from defi_analytics.app.log_tail import Follower

    say(f"following {path}; Ctrl-C ends it")
    with closing(Follower(path)) as follower:
        while True:
            for line in follower.fresh():
                typer.echo(line)
            await app.clock.sleep(_LOOK_S)
