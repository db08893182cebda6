"""Stopping, by means that fail apart: a record in each account's journal, and a file beside them.

Nothing here asks a network, and a halt folds nothing: it must work where the rest of a journal is beyond
reading. A stop is as good as its most durable half, and each half is told.
"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from defi_analytics.app.accounts import Account, known_accounts, stop_file, told_to_stop
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import DefiError, RiskHalt, UsageError
from defi_analytics.ports import Clock
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import Record, halt, reduce, resume
from defi_analytics.storage.journal import SqliteJournal

PERSON = "person"
_PATIENCE_S = 5.0
"""To wait for a journal that another process holds: the file has stopped everything by then."""
_MADE_BY = "defi risk halt"
_MOST_BYTES = 10_000


class Step(NamedTuple):
    """One of the things that were done, or failed."""

    account: Account | None
    """None for what concerns every account."""
    where: str
    done: bool
    message: str


def stopped(
    home: Path, accounts: Sequence[Account], reason: str, clock: Clock, *, everything: bool
) -> list[Step]:
    """Halts these accounts, and with `everything` also those that are not there yet. Never raises."""
    files = [None] if everything else list(accounts)
    steps = [_file_left(home, account, reason, clock) for account in files]
    record = halt(Denial.HALTED, reason, PERSON)
    return [*steps, *(_written(home, account, record, clock) for account in accounts)]


def holds(steps: Sequence[Step]) -> bool:
    """Whether every account concerned is stopped by at least one of its halves."""
    if any(step.done for step in steps if step.account is None):
        return True
    accounts = {step.account for step in steps if step.account is not None}
    return bool(accounts) and accounts <= {step.account for step in steps if step.done}


def reduced(home: Path, account: Account, reason: str, clock: Clock) -> Step:
    """Only reducing orders from now on. Never raises."""
    return _written(home, account, reduce(Denial.REDUCE_ONLY, reason, PERSON), clock)


def resumed(
    home: Path, account: Account, ack: Denial, clock: Clock, *, rebase: bool, file_too: bool
) -> list[Step]:
    """Lifts what stands, if `ack` names it. Raises RiskHalt when it still stands, and says why.

    Raises UsageError for an `ack` of NONE: it tells the code that has to be named.
    """
    ledger = _read(home, account, clock)
    standing = stands(ledger, told_to_stop(home, account))
    if standing is Denial.NONE:
        return [Step(account, "journal", True, "trading is active: there is nothing to resume")]
    if ack is not standing:
        why = ledger.risk.reason or told_to_stop(home, account)
        hint = f"if that is settled: {lifted_by(account, standing)}"
        if ack is Denial.NONE:
            raise UsageError(f"--ack has to name what stands, {standing.name}: {why}", hint=hint)
        raise RiskHalt(f"what stands is {standing.name}, not {ack.name}: {why}", hint=hint)
    steps = _files_taken_away(home, account, clock, file_too=file_too)
    if ledger.risk.trading is not TradingState.ACTIVE:
        steps.append(_written(home, account, resume(ack, PERSON, rebase=rebase), clock))
    left = stands(_read(home, account, clock), told_to_stop(home, account))
    if left is not Denial.NONE:
        failed = next((step.message for step in steps if not step.done), "it was stopped again meanwhile")
        raise RiskHalt(f"{left.name} still stands: {failed}", hint="see: defi risk")
    return steps


def stands(ledger: Ledger, told: str) -> Denial:
    """The code to acknowledge: the journal's, else that of a file; NONE when trading is active."""
    if ledger.risk.trading is not TradingState.ACTIVE:
        return ledger.risk.code
    return Denial.HALTED if told else Denial.NONE


def lifted_by(account: Account, code: Denial) -> str:
    """The command that lifts it, whichever account and network another command would mean."""
    return f"defi risk resume --ack {code.name} {account.options}"


def _read(home: Path, account: Account, clock: Clock) -> Ledger:
    """A journal that cannot be read keeps trading halted."""
    try:
        return ledger_of(home, account, clock)
    except DefiError as error:
        raise RiskHalt(f"cannot be resumed: {error.message}", hint=error.hint) from error


def _written(home: Path, account: Account, record: Record, clock: Clock) -> Step:
    try:
        with SqliteJournal(account.journal(home), _PATIENCE_S) as journal:
            journal.append(record.kind, clock.now(), record.body)
    except DefiError as error:
        return Step(account, "journal", False, error.message)
    return Step(account, "journal", True, f"{record.kind.removeprefix('risk.')} is written")


def _file_left(home: Path, account: Account | None, reason: str, clock: Clock) -> Step:
    """That the file is there is what counts: one whose words found no room stops all the same."""
    path = stop_file(home, account)
    said = json.dumps({"made_by": _MADE_BY, "at": clock.now().isoformat(), "reason": reason}).encode()
    try:
        with suppress(FileExistsError):  # perhaps as something else, which opening then tells
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return Step(account, "stop-file", True, f"{path} was there already")
    except OSError as error:
        return Step(account, "stop-file", False, f"{path} cannot be made: {error.strerror}")
    try:
        with suppress(OSError):
            os.write(handle, said)
            os.fsync(handle)
    finally:
        os.close(handle)
    return _kept(account, path)


def _kept(account: Account | None, path: Path) -> Step:
    """A name is on the disk once its folder is."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        return Step(account, "stop-file", False, f"{path} may not outlast a crash: {error.strerror}")
    return Step(account, "stop-file", True, f"{path} is there")


def _files_taken_away(home: Path, account: Account, clock: Clock, *, file_too: bool) -> list[Step]:
    """Before the journal's record: an agent that still saw one would halt again. Raises RiskHalt."""
    steps = []
    for owner in (account, None):
        path = stop_file(home, owner)
        if not os.path.lexists(path):
            continue
        if not (file_too or _made_by_us(path)):
            raise RiskHalt(
                f"the file {path} is there, and does not say that `{_MADE_BY}` left it",
                hint="remove it, or add --stop-file",
            )
        if owner is None:
            steps += _handed_on(home, account, clock)
        try:
            path.unlink()
        except OSError as error:
            raise RiskHalt(f"{path} cannot be removed: {error.strerror}") from error
        whose = "" if owner else "; accounts that are there keep a file of their own"
        steps.append(Step(owner, "stop-file", True, f"{path} is removed{whose}"))
    return steps


def _handed_on(home: Path, account: Account, clock: Clock) -> list[Step]:
    """A file for each other account, before that of all goes: their journals may not have heard of the stop.

    Raises RiskHalt when one cannot be made to last.
    """
    try:
        others = [other for other in known_accounts(home) if other != account]
    except DefiError as error:
        raise RiskHalt(f"cannot be resumed: {error.message}", hint=error.hint) from error
    steps = [_file_left(home, other, "what stopped every account", clock) for other in others]
    for step in steps:
        if not step.done:
            raise RiskHalt(f"every account is stopped, and has to stay so: {step.message}")
    return [_still_halted(step, other) for step, other in zip(steps, others, strict=True)]


def _still_halted(step: Step, account: Account) -> Step:
    own = lifted_by(account, Denial.HALTED)
    return step._replace(message=f"stays halted, for {step.message}; see: {own}")


def _made_by_us(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            said = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("made_by") == _MADE_BY
