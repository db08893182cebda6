"""An account's story, read without writing: also while its agent runs, and before it ever did."""

import os
from pathlib import Path

from defi_analytics.app.trading import Account, Unwritten
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import WrongState
from defi_analytics.ports import Clock
from defi_analytics.storage.journal import SqliteJournal

_PATIENCE_S = 5.0


def ledger_of(home: Path, account: Account, clock: Clock) -> Ledger:
    """As its journal has it now; nothing where there is none.

    Raises WrongState for a journal that cannot be read, Mismatch for one that cannot be this account's.
    """
    path = account.journal(home)
    if not has_journal(path):
        return Ledger.opened(Unwritten(), clock)
    with SqliteJournal(path, _PATIENCE_S) as journal:
        return Ledger.opened(journal, clock)


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
