import contextlib
import sqlite3

import pytest

from defi_analytics.errors import WrongState
from defi_analytics.storage.damage import numbered
from defi_analytics.storage.journal import SqliteJournal
from tests.storage.test_journal import filled


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


def garble(path, column):
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("DROP TRIGGER records_are_not_changed")
        db.execute(f"UPDATE records SET {column} = CAST(x'ff00fe' AS TEXT) WHERE seq = 3")  # noqa: S608  - the name of a column, from this file
        db.commit()


def test_text_that_is_none_is_damage_at_a_record(path):
    garble(filled(path, 5), "body")
    with SqliteJournal(path) as journal:
        with pytest.raises(WrongState, match=r"damaged: record 3 cannot be read") as caught:
            list(journal.replay())
        assert "restore a copy" in caught.value.hint
        with pytest.raises(WrongState, match="record 3"):
            journal.verify()


def test_a_kind_that_is_no_text_is_damage_to_who_counts_and_who_looks_at_the_end(path):
    garble(filled(path, 3), "kind")
    with SqliteJournal(path) as journal:
        for look in (journal.facts, lambda: journal.tail(1)):
            with pytest.raises(WrongState, match="text that is none"):
                look()


def test_a_page_that_is_lost_is_damage_at_the_first_record_of_it(path):
    filled(path, 2000)
    raw = bytearray(path.read_bytes())
    raw[-4096:] = b"\xff" * 4096
    path.write_bytes(raw)
    with SqliteJournal(path) as journal, pytest.raises(WrongState, match=r"record \d+ cannot be read"):
        list(journal.replay())


def test_an_operation_that_fails_is_not_called_damage():
    def rows():
        yield "one"
        raise sqlite3.OperationalError("interrupted")

    read = numbered(rows(), 7)
    assert next(read) == (7, "one")
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        next(read)
