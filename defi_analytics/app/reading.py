"""An account's story, read without writing: also while its agent runs, and before it ever did."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from defi_analytics.app.trading import Account
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import WrongState
from defi_analytics.ports import Clock, Journal
from defi_analytics.storage.journal import SqliteJournal

_PATIENCE_S = 5.0


class Unwritten:
    """The journal of an account that has none yet."""

    def append(self, kind: str, at: datetime, body: Mapping[str, Any]) -> None:
        raise WrongState("this account has no journal", hint="see: defi run")

    def replay(
        self, kind: str | None = None, after: int = 0
    ) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        return iter(())


def ledger_of(home: Path, account: Account, clock: Clock) -> Ledger:
    """As its journal has it now; nothing where there is none.

    Raises WrongState for a journal that cannot be read, Mismatch for one that cannot be this account's.
    """
    path = account.journal(home)
    if not has_journal(path):
        journal: Journal = Unwritten()
        return Ledger.opened(journal, clock)
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
