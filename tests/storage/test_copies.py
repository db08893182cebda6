import os
import shutil
import sqlite3

import pytest

from defi_analytics.errors import WrongState
from defi_analytics.storage import copies
from defi_analytics.storage import journal as module
from defi_analytics.storage.journal import SqliteJournal
from tests.storage.test_journal import NOON, filled


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "journal.sqlite"


@pytest.fixture
def read_only(monkeypatch):
    """What a file system that takes no writes says, which root is not refused otherwise."""
    monkeypatch.setattr(copies.os, "access", lambda path, mode: False)


def read(path):
    with SqliteJournal(path, reading=True) as journal:
        journal.verify()
        return [body["n"] for _, _, body in journal.replay()]


def everything(folder):
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_a_copy_is_read_without_a_trace(path, tmp_path):
    with SqliteJournal(filled(path, 3)) as journal:
        (tmp_path / "copies").mkdir()
        journal.backup(tmp_path / "copies" / "copy.sqlite")
    before = everything(tmp_path / "copies")
    assert read(tmp_path / "copies" / "copy.sqlite") == [0, 1, 2]
    assert everything(tmp_path / "copies") == before


def test_a_journal_that_ended_is_read_without_a_trace(path):
    filled(path, 3)
    path.with_name(f"{path.name}.lock").unlink()
    before = everything(path.parent)
    assert read(path) == [0, 1, 2]
    assert everything(path.parent) == before


def test_a_folder_that_takes_no_writes_is_read_with_the_log_of_whoever_was_killed(path, tmp_path, read_only):
    with SqliteJournal(filled(path, 2)) as journal:
        journal.append("scan", NOON, {"n": 2})
        shutil.copytree(path.parent, tmp_path / "killed")
    before = everything(tmp_path / "killed")
    assert "journal.sqlite-wal" in before
    assert read(tmp_path / "killed" / "journal.sqlite") == [0, 1, 2]
    assert everything(tmp_path / "killed").keys() == before.keys()


def test_what_is_only_read_takes_no_record(path, read_only):
    filled(path, 1)
    with SqliteJournal(path, reading=True) as journal, pytest.raises(WrongState, match="readonly"):
        journal.append("scan", NOON, {"n": 1})


def test_a_journal_in_use_is_read_as_far_as_it_goes_by_now(path):
    filled(path, 1)
    with SqliteJournal(path) as writer, SqliteJournal(path, reading=True) as reader:
        writer.append("scan", NOON, {"n": 1})
        assert [body["n"] for _, _, body in reader.replay()] == [0, 1]


def test_an_older_copy_is_brought_forward_to_be_read(path, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(module, "MIGRATIONS", module.MIGRATIONS[:1])
        SqliteJournal(path).close()
    path.with_name(f"{path.name}.lock").unlink()
    assert read(path) == []
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(module.MIGRATIONS),)
    db.close()


@pytest.mark.parametrize("raw", [b"", b"x", os.urandom(200)])
def test_what_is_no_journal_is_refused(path, raw):
    path.parent.mkdir()
    path.write_bytes(raw)
    with pytest.raises(WrongState):
        read(path)
