import os

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.ledgers import has_journal, ledger_of
from defi_analytics.errors import WrongState
from defi_analytics.storage.journal import SqliteJournal
from tests.fakes import FakeClock

PAPER = Account("sandbox")


def test_a_story_is_read_as_far_as_it_goes(tmp_path):
    clock = FakeClock()
    with SqliteJournal(PAPER.journal(tmp_path)) as journal:
        journal.append("risk.equity", clock.now(), {"equity": 7.0})
    assert ledger_of(tmp_path, PAPER, clock).risk.equity == 7.0


def test_a_lock_alone_is_no_journal(tmp_path):
    path = PAPER.journal(tmp_path)
    path.parent.mkdir()
    path.with_name(f"{path.name}.lock").touch()
    assert not has_journal(path)


def test_a_folder_that_is_none_is_not_taken_for_an_empty_one(tmp_path):
    PAPER.folder(tmp_path).write_text("")
    with pytest.raises(WrongState, match=os.strerror(20)):
        has_journal(PAPER.journal(tmp_path))
