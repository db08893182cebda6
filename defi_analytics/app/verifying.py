"""Whether a journal is whole, down to the last decision."""

from pathlib import Path
from typing import NamedTuple

from defi_analytics.engine.decisions import DECIDED
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.packing import Unpacker
from defi_analytics.errors import NotFound
from defi_analytics.ports import Clock
from defi_analytics.storage.journal import SqliteJournal


class Counted(NamedTuple):
    records: int
    decisions: int


def verified(path: Path, clock: Clock) -> Counted:
    """Raises NotFound, WrongState for damage, Mismatch for records that cannot be an account's story."""
    if not path.is_file():
        raise NotFound("state", f"there is no {path}")
    with SqliteJournal(path, reading=True) as journal:
        journal.verify()
        Ledger.opened(journal, clock)
        decisions, unpacker = 0, Unpacker()
        for _, _, body in journal.replay(DECIDED):
            unpacker.unpacked(body)
            decisions += 1
        return Counted(sum(journal.facts().kinds.values()), decisions)
