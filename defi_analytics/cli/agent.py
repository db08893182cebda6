import asyncio
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.app.accounts import Account, chosen_account, known_accounts
from defi_analytics.app.agents import seen, stop
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.app.log_tail import Follower, last_lines
from defi_analytics.cli.agent_rows import COLUMNS, PEOPLE, agent_row, record_lines
from defi_analytics.cli.common import Common, Output, with_common
from defi_analytics.cli.envelope import Document, say, write_error_line
from defi_analytics.cli.measures import duration
from defi_analytics.cli.options import AccountName
from defi_analytics.cli.render import Column, emit, emit_record, hint
from defi_analytics.cli.schemas_audit import AgentRow, LogRow
from defi_analytics.cli.session import settings_of, settings_to_stop
from defi_analytics.cli.tree import Telling, new_app
from defi_analytics.clock import WallClock
from defi_analytics.errors import NotFound, WrongState

if TYPE_CHECKING:
    from pathlib import Path

    from defi_analytics.config.settings import Settings

app = new_app(help="Show how agents are, end one, or read the log.", cls=Telling)

LOG_COLUMNS: Sequence[Column[LogRow]] = (Column("Line", lambda r: r.line, fold=True),)
_LOOK_S = 0.3


@app.command("status", epilog="Exit codes: 0 an agent runs, 9 none does.")
@with_common
def show_status(common: Common, account: AccountName = None) -> int:
    r"""Show how agents are: whether they run, what they cost, what they last did.

    Of several accounts each is a row; one is told in full. The kernel's lock on an account says whether an
    agent runs; the rest is what it wrote after its last cycle, and is told of one that died too.

    \b
    Examples:
      defi agent status
      defi agent status --account paper --json
    """
    return _status(common, account)


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


def _status(common: Common, account_name: str | None) -> int:
    settings = settings_of(common).settings
    network = settings.network if common.network else None
    accounts = _asked_about(settings, network, account_name)
    rows = [_row(account, settings.home) for account in accounts]
    runs = any(row.state == "running" for row in rows)
    error = None if runs else _missing(accounts, died=any(row.state == "died" for row in rows))
    (execution,) = {account.execution for account in accounts} if len(accounts) == 1 else (None,)
    document = Document("agent", rows, settings.network, error=error, execution=execution)
    if len(rows) == 1:
        emit_record(document, common, PEOPLE)
    else:
        emit(document, COLUMNS, common)
    if error is None:
        return 0
    write_error_line(error)
    return error.exit_code


def _asked_about(settings: "Settings", network: str | None, account_name: str | None) -> list[Account]:
    """The one that is named; else all there are, of one network if that is named; else paper."""
    home = settings.home
    if account_name is None:
        there = [account for account in known_accounts(home) if network in (None, account.network)]
        if there:
            return there
    return [chosen_account(home, settings.network, account_name)]


def _row(account: Account, home: "Path") -> AgentRow:
    return agent_row(account, seen(account, home), record_lines(account, home))


def _missing(accounts: Sequence[Account], *, died: bool) -> WrongState:
    hint = "it died: see defi agent logs and defi reconcile" if died else "see: defi run"
    names = ", ".join(f"{account.address} on {account.network}" for account in accounts)
    return WrongState(f"no agent runs {names}", hint=hint)


async def _stop(common: Common, account_name: str | None, wait_s: float) -> int:
    settings = settings_to_stop(common)
    home, account = settings.home, _to_stop(settings, account_name)
    hint(common, f"Ending the agent of {account.address} on {account.network}")
    pid = await stop(account, home, WallClock(), wait_s)
    if pid is None:
        raise _missing([account], died=False)
    document = Document("agent", [_row(account, home)], account.network, execution=account.execution)
    emit_record(document, common, PEOPLE)
    left = len(ledger_of(home, account, WallClock()).books.live)
    hint(common, f"Process {pid} has ended; {left} orders may still be live by the journal")
    return 0


def _to_stop(settings: "Settings", account_name: str | None) -> Account:
    """Of several accounts of the network the one that is being traded is meant.

    Raises WrongState where none is.
    """
    if account_name is None:
        there = [account for account in known_accounts(settings.home) if account.network == settings.network]
        found = {account: seen(account, settings.home) for account in there}
        running = [account for account in there if found[account].running]
        if len(running) == 1:
            return running[0]
        if there and not running:
            raise _missing(there, died=any(one.state == "died" for one in found.values()))
    return chosen_account(settings.home, settings.network, account_name)


async def _logs(common: Common, count: int, follow: bool) -> int:
    settings = settings_of(common).settings
    path = settings.home / settings.logging.file_path
    if not settings.logging.file_path or not path.is_file():
        raise NotFound("log", f"there is no log file {path}", hint="see logging.file_path")
    rows = [LogRow(line=line) for line in last_lines(path, count)]
    if common.format in {Output.JSON, Output.NDJSON, Output.CSV}:
        emit(Document("logs", rows, settings.network), LOG_COLUMNS, common)
    else:
        for row in rows:
            typer.echo(row.line)
    if follow:
        await _follow(path)
    return 0


async def _follow(path: "Path") -> None:
    say(f"following {path}; Ctrl-C ends it")
    clock = WallClock()
    with closing(Follower(path)) as follower:
        while True:
            for line in follower.fresh():
                typer.echo(line)
            await clock.sleep(_LOOK_S)
