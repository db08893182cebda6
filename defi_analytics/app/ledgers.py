"""An account's journal: opened to go on with, or only to be read, also while its agent runs."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from defi_analytics.app.accounts import Account
from defi_analytics.app.parts import App
from defi_analytics.app.pruning import next_ended, prune
from defi_analytics.app.sandboxed import begun, carry, genesis_of, is_another
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import WrongState
from defi_analytics.ports import Clock, Journal
from defi_analytics.storage.journal import SqliteJournal

_PATIENCE_S = 5.0


@asynccontextmanager
async def opened_ledger(app: App, account: Account, *, locked: bool) -> AsyncIterator[Ledger]:
    """The account's story; `locked` for who sends orders. Raises WrongState while another process does."""
    home = app.settings.home
    async with AsyncExitStack() as stack:
        if locked:
            stack.enter_context(account.lock(home))
        journal = stack.enter_context(SqliteJournal(account.journal(home), reading=not locked))
        ledger = Ledger.opened(journal, app.clock)
        if app.network == "sandbox":
            genesis = await genesis_of(app)
            if await is_another(app, ledger, genesis):
                before, ledger = ledger.risk, Ledger(Unwritten(), app.clock)
                if locked:
                    ledger = _other_story(app, account, journal, stack)
                carry(before, ledger)
            if locked:
                begun(ledger, genesis)
        yield ledger


def _other_story(app: App, account: Account, journal: SqliteJournal, stack: AsyncExitStack) -> Ledger:
    """A new journal; that of a sandbox that is gone is kept beside it, under a name that says so."""
    path = account.journal(app.settings.home)
    journal.close()
    kept = next_ended(path)
    path.rename(kept)
    prune(app.settings.home, path, app.clock)
    app.warn(f"this sandbox is a new chain: the journal of the one before is kept as {kept.name}")
    return Ledger.opened(stack.enter_context(SqliteJournal(path)), app.clock)


@contextmanager
def read_ledger(app: App, account: Account) -> Iterator[Ledger]:
    """To look at only: an account that has no journal yet gets none by being looked at."""
    path = account.journal(app.settings.home)
    if not path.exists():
        yield Ledger.opened(Unwritten(), app.clock)
        return
    with SqliteJournal(path, reading=True) as journal:
        yield Ledger.opened(journal, app.clock)


def ledger_of(home: Path, account: Account, clock: Clock) -> Ledger:
    """As its journal has it now; nothing where there is none.

    Raises WrongState for a journal that cannot be read, or a home that can hold none; Mismatch for one that
    cannot be this account's.
    """
    path = account.journal(home)
    if not has_journal(path):
        _require(home)
        return Ledger.opened(Unwritten(), clock)
    with SqliteJournal(path, _PATIENCE_S, reading=True) as journal:
        return Ledger.opened(journal, clock)


def _require(home: Path) -> None:
    """No journal, where none could be, does not say that nothing was ever halted."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WrongState(f"{home} cannot be used: {error.strerror}", hint="set DEFI_HOME") from error


def has_journal(path: Path) -> bool:
    """Also where only its log is left of it. Raises WrongState when that cannot be told."""
    try:
        return any(name.startswith(path.name) and not name.endswith(".lock") for name in _names(path.parent))
    except OSError as error:
        raise WrongState(f"{path.parent} cannot be read: {error.strerror}") from error


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are all that is wanted
    except FileNotFoundError:
        return []


class Unwritten:
    """What would follow a journal's first records, in memory alone: a plan must leave no trace.

    Those first ones are read from the journal `beneath` where kinds of them are asked for.
    """

    def __init__(self, beneath: Journal | None = None, length: int = 0) -> None:
        self._beneath, self._length = beneath, length
        self._rows: list[tuple[datetime, str, dict[str, Any]]] = []

    def append(self, kind: str, at: datetime, body: Mapping[str, Any]) -> None:
        self._rows.append((at, kind, dict(body)))

    def replay(self, *kinds: str, after: int = 0) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        if kinds and not after and self._beneath is not None:
            yield from self._beneath.replay(*kinds)
        rows = self._rows[max(0, after - self._length) :]
        yield from [row for row in rows if not kinds or row[1] in kinds]
