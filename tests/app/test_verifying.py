from pathlib import Path

import pytest

from defi_analytics.app.verifying import verified
from defi_analytics.errors import Mismatch, NotFound
from defi_analytics.storage.journal import SqliteJournal
from tests.fakes import NOON, FakeClock


def test_records_that_cannot_be_an_accounts_story_are_a_mismatch(tmp_path: Path) -> None:
    with SqliteJournal(tmp_path / "a.sqlite") as journal:
        journal.append("scan", NOON, {})
    assert verified(tmp_path / "a.sqlite", FakeClock()) == (1, 0)
    with SqliteJournal(tmp_path / "a.sqlite") as journal:
        journal.append("sent", NOON, {"tx_hash": "T1", "submission": {"outcome": "accepted"}})
    with pytest.raises(Mismatch):
        verified(tmp_path / "a.sqlite", FakeClock())


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        verified(tmp_path / "a.sqlite", FakeClock())
    assert not list(tmp_path.iterdir())
