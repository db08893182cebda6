import contextlib
import errno
import sqlite3

import pytest

from defi_analytics.cli.state import STATE_COLUMNS, VERIFIED_COLUMNS
from defi_analytics.storage import copies, journal
from defi_analytics.storage.journal import SqliteJournal
from tests.cli.forms import FORMS, assert_form
from tests.cli.lived import journal_path, live
from tests.fakes import NOON


@pytest.mark.parametrize("form", FORMS)
def test_journals_are_shown_and_verified_in_every_form(defi, home, form):
    live(home)
    assert_form(defi("state", "show", "-o", form), form, STATE_COLUMNS, 1)
    assert_form(defi("state", "verify", "-o", form), form, VERIFIED_COLUMNS, 1)


def test_a_journal_tells_its_size_its_kinds_and_its_schema(defi, home):
    path = live(home)
    with SqliteJournal(home / "state" / "journal.sqlite"):
        scans, account = defi("state", "show", "--json").rows
    assert (scans["records"], scans["last_at"]) == (0, None)
    kinds = {each["kind"]: each["records"] for each in account["kinds"]}
    assert kinds == {"baseline": 1, "fills": 1, "resolved": 2, "signed": 2}
    assert (account["records"], account["version"], account["size_bytes"]) == (6, 3, path.stat().st_size)


def test_a_size_is_in_bytes_in_a_pipe_too(defi, home):
    size = live(home).stat().st_size
    header, line = defi("state", "show", "-o", "plain").out.splitlines()
    assert line.split("\t")[header.split("\t").index("Bytes")] == str(size)
    assert f"{size:,}" in defi("state", "show", "-o", "table").out


def test_a_backup_leaves_nothing_beside_it(defi, home):
    live(home)
    (home / "copies").mkdir()
    defi("state", "backup", "copies/copy.sqlite")
    assert defi("state", "verify", "copies/copy.sqlite").code == 0
    assert [path.name for path in (home / "copies").iterdir()] == ["copy.sqlite"]


def test_a_home_that_takes_no_writes_can_be_read(defi, home, monkeypatch):
    live(home)
    monkeypatch.setattr(copies.os, "access", lambda path, mode: False)
    monkeypatch.setattr(journal, "_locked", refused)
    for args in (["state", "verify"], ["state", "show"], ["positions"], ["fills"], ["orders"]):
        assert defi(*args).code == 0, args
    assert defi("state", "backup", "copy.sqlite").code == 0
    assert defi("agent", "status", "--json").rows[0]["records"]


def refused(path):
    raise OSError(errno.EROFS, "read-only")


def test_alone_it_shows(defi, home):
    live(home)
    assert defi("state", "--json").rows == defi("state", "show", "--json").rows


def test_a_backup_is_verified_and_can_take_the_place_of_what_was_lost(defi, home):
    path = live(home)
    assert defi("state", "backup", "copy.sqlite", "--json").rows[0]["records"] == 6
    assert defi("state", "backup", "copy.sqlite").code == 9
    path.unlink()
    (home / "copy.sqlite").rename(path)
    assert len(defi("orders", "--json").rows) == 1


def test_an_account_without_a_journal_has_nothing_to_back_up(defi):
    assert defi("state", "backup", "copy.sqlite").code == 8


def test_damage_is_found_and_nothing_is_shown_as_whole(defi, home):
    live(home)
    with contextlib.closing(sqlite3.connect(journal_path(home))) as db:
        db.executescript("DROP TRIGGER records_are_not_changed; UPDATE records SET body = '{}' WHERE seq = 3")
    ran = defi("state", "verify", "--json")
    assert (ran.code, ran.rows[0]["ok"], ran.rows[0]["code"]) == (9, False, "WRONG_STATE")
    assert defi("orders").code == 9


def test_a_decision_that_cannot_be_read_is_found(defi, home):
    with SqliteJournal(live(home)) as journal:
        journal.append("decision", NOON, {"packed": "no"})
    assert defi("state", "verify").code == 22


def test_a_file_that_is_not_there_is_not_found(defi):
    assert defi("state", "verify", "nothing.sqlite").code == 8
