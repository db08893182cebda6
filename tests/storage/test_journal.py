import contextlib
import fcntl
import os
import random
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from defi_analytics.errors import WrongState
from defi_analytics.storage import journal as module
from defi_analytics.storage.journal import SqliteJournal

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}
WRITER = """\
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from defi_analytics.storage.journal import SqliteJournal
journal = SqliteJournal(Path(sys.argv[1]))
count = sum(1 for _ in journal.replay(sys.argv[2]))
os.write(1, b"r")
for number in range(count, count + int(sys.argv[3])):
    journal.append(sys.argv[2], datetime(2026, 1, 2, tzinfo=UTC), {"n": number, "pad": "x" * (number * 37 % 3000)})
    os.write(1, b".")
"""


def filled(path, count):
    with SqliteJournal(path) as journal:
        for number in range(count):
            journal.append("scan", NOON + timedelta(seconds=number), {"n": number})
    return path


def numbers(path, kind=None):
    with SqliteJournal(path) as journal:
        journal.verify()
        return [body["n"] for _, _, body in journal.replay(*([kind] if kind else []))]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "journal.sqlite"


def test_records_come_back_in_order_whole_and_by_kind(path):
    with SqliteJournal(path) as journal:
        journal.append("scan", NOON, {"edge": Decimal("0.01"), "name": "é\0\x1b"})
        journal.append("prediction", NOON + timedelta(microseconds=1), {})
        assert list(journal.replay()) == [
            (NOON, "scan", {"edge": "0.01", "name": "é\0\x1b"}),
            (NOON + timedelta(microseconds=1), "prediction", {}),
        ]
        assert [kind for _, kind, _ in journal.replay("prediction")] == ["prediction"]
        assert list(journal.replay("nothing")) == []


def test_a_reader_goes_on_where_it_was_whoever_wrote_since(path):
    filled(path, 2)
    with SqliteJournal(path) as journal, SqliteJournal(path) as other:
        other.append("scan", NOON, {"n": 2})
        journal.append("prediction", NOON, {"n": 3})
        assert [body["n"] for _, _, body in journal.replay(after=2)] == [2, 3]
        assert [body["n"] for _, _, body in journal.replay("scan", after=1)] == [1, 2]
        assert list(journal.replay(after=4)) == []


def test_a_journal_that_is_held_is_waited_for_as_long_as_asked(path):
    filled(path, 1)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with SqliteJournal(path, busy_s=0.05) as journal, pytest.raises(WrongState, match="locked"):
            journal.append("scan", NOON, {})


def test_the_file_is_the_owners_alone_whatever_the_umask(path):
    before = os.umask(0)
    try:
        with SqliteJournal(path) as journal:
            journal.append("scan", NOON, {})
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert "journal.sqlite-wal" in modes
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_every_append_is_synchronous_and_ahead_of_the_file(path):
    with SqliteJournal(path) as journal:
        assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)


@pytest.mark.parametrize("statement", ["UPDATE records SET kind = 'x'", "DELETE FROM records"])
def test_nobody_changes_or_deletes_a_record(path, statement):
    filled(path, 3)
    with (
        contextlib.closing(sqlite3.connect(path)) as db,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        db.execute(statement)
    assert numbers(path) == [0, 1, 2]


def test_a_body_that_cannot_be_stored_leaves_no_trace(path):
    with SqliteJournal(path) as journal:
        for at, body in ((NOON, {"x": float("nan")}), (NOON.replace(tzinfo=None), {})):
            with pytest.raises(ValueError, match=r"finite|time zone"):
                journal.append("scan", at, body)
        assert list(journal.replay()) == []


@pytest.mark.parametrize("text", [b"", b"not a database, but long enough to be looked at" * 30])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(path, text):
    path.parent.mkdir()
    path.write_bytes(text)
    with pytest.raises(WrongState) as error:
        SqliteJournal(path)
    assert error.value.exit_code == 9
    assert error.value.hint
    assert path.read_bytes() == text


def test_somebody_elses_database_is_refused_and_left_alone(path):
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE records (x)")
    with pytest.raises(WrongState, match="not a journal"):
        SqliteJournal(path)


def test_a_journal_of_a_newer_version_is_refused(path):
    filled(path, 1)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(WrongState, match="newer version"):
        SqliteJournal(path)


def test_an_older_journal_is_brought_forward_once(path, monkeypatch):
    filled(path, 2)
    monkeypatch.setattr(module, "MIGRATIONS", (*module.MIGRATIONS, "ALTER TABLE records ADD COLUMN run TEXT"))
    assert numbers(path) == [0, 1]
    assert numbers(path) == [0, 1]
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(module.MIGRATIONS),)


def test_a_migration_that_fails_changes_nothing(path, monkeypatch):
    filled(path, 2)
    monkeypatch.setattr(module, "MIGRATIONS", (*module.MIGRATIONS, "CREATE TABLE extra (x); SELECT nonsense"))
    with pytest.raises(WrongState):
        SqliteJournal(path)
    monkeypatch.undo()
    assert numbers(path) == [0, 1]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_journal_that_is_moved_away_takes_no_more_records(path, tmp_path, replaced):
    with SqliteJournal(path) as journal:
        journal.append("scan", NOON, {"n": 0})
        path.rename(tmp_path / "aside.sqlite")
        if replaced:
            path.write_bytes(b"another")
        with pytest.raises(WrongState, match="moved away or replaced"):
            journal.append("scan", NOON, {"n": 1})
        path.unlink(missing_ok=True)
        (tmp_path / "aside.sqlite").rename(path)
        journal.append("scan", NOON, {"n": 1})
    assert numbers(path) == [0, 1]


def test_a_journal_separated_from_its_log_is_refused(path):
    journal = SqliteJournal(path)
    journal.append("scan", NOON, {"n": 0})
    moved = path.parent / "moved"
    path.rename(moved)
    with pytest.raises(WrongState, match="missing"):
        SqliteJournal(path)
    assert not path.exists()
    moved.rename(path)
    journal.close()
    assert numbers(path) == [0]


def test_a_half_made_journal_is_made_anew(path):
    path.parent.mkdir()
    (path.parent / "journal.sqlite.new").write_bytes(b"half")
    (path.parent / "journal.sqlite.new-journal").write_bytes(b"half")
    assert numbers(filled(path, 1)) == [0]
    assert not list(path.parent.glob("*.new*"))


def test_a_record_that_was_tampered_with_is_named_damage(path):
    filled(path, 1)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO records (at, kind, body) VALUES ('yesterday', 'scan', '{}')")
        db.commit()
    with SqliteJournal(path) as journal, pytest.raises(WrongState, match="damaged"):
        list(journal.replay())


def test_damaged_pages_are_found_and_never_read_as_records(path):
    filled(path, 500)
    raw = bytearray(path.read_bytes())
    chance = random.Random(7)
    found = 0
    for _ in range(60):
        hurt = bytearray(raw)
        start = chance.randrange(4096, len(hurt) - 64)
        hurt[start : start + 64] = bytes(chance.randrange(256) for _ in range(64))
        path.write_bytes(hurt)
        try:
            with SqliteJournal(path) as journal:
                journal.verify()
                rows = [body.get("n") for _, _, body in journal.replay()]
        except WrongState:
            found += 1
        else:
            assert len(rows) <= 500
        assert path.read_bytes()[:4096] == bytes(raw[:4096])
    assert found > 30


def test_a_torn_log_gives_an_exact_prefix(path, tmp_path):
    journal = SqliteJournal(path)
    for number in range(40):
        journal.append("scan", NOON, {"n": number})
    log = path.with_name("journal.sqlite-wal")
    chance = random.Random(11)
    seen = set()
    for index in range(60):
        copy = tmp_path / str(index) / path.name
        copy.parent.mkdir()
        shutil.copy(path, copy)
        torn = log.read_bytes()[: chance.randrange(log.stat().st_size)]
        copy.with_name(log.name).write_bytes(torn)
        rows = numbers(copy)
        assert rows == list(range(len(rows)))
        seen.add(len(rows))
    journal.close()
    assert len(seen) > 10


HARMS = 2_000


def harmed(chance, raw):
    """Cut off, one bit turned, a stretch overwritten, or a stretch zeroed."""
    start = chance.randrange(len(raw))
    if (kind := chance.randrange(4)) == 0:
        return raw[:start]
    hurt = bytearray(raw)
    if kind == 1:
        hurt[start] ^= 1 << chance.randrange(8)
    else:
        end = min(len(hurt), start + chance.randrange(1, 700))
        hurt[start:end] = bytes(end - start) if kind == 2 else chance.randbytes(end - start)
    return bytes(hurt)


def outcome(copy):
    """The numbers that are read, or None for a refusal; `numbers` without the second opinion of `verify`."""
    try:
        with SqliteJournal(copy) as journal:
            return [body["n"] for _, _, body in journal.replay("fills")], len(list(journal.replay()))
    except WrongState:
        return None


@pytest.fixture
def memory(tmp_path):
    """A folder where flushing costs nothing, on a machine that has one."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def test_two_thousand_harms_give_an_exact_prefix_or_a_refusal_that_touches_nothing(path, memory):
    """And never an account without positions, where there were some: a refused file stays as it is."""
    records = 14
    filled(path, 1)
    journal = SqliteJournal(path)
    for number in range(1, records):
        journal.append("fills" if number % 2 else "decision", NOON, {"n": number, "pad": "x" * 40 * number})
    log = path.with_name("journal.sqlite-wal")
    live = {path.name: path.read_bytes(), log.name: log.read_bytes()}
    journal.close()
    rest = {path.name: path.read_bytes()}
    chance, refused, folder = random.Random(5), 0, memory / "copy"
    for index in range(HARMS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        before, target = (live, log.name) if index % 2 else (rest, path.name)
        now = {**before, target: harmed(chance, before[target])}
        for name, raw in now.items():
            (folder / name).write_bytes(raw)
        found = outcome(folder / path.name)
        if found is None:
            refused += 1
            assert (folder / target).read_bytes() == now[target]
        else:
            numbers_read, whole = found
            assert numbers_read == [n for n in range(whole) if n % 2]
            cut = len(now[target]) < len(before[target])
            assert whole == records or (target == log.name and (cut or whole >= records - 1)), index
    assert refused > HARMS / 4


def old_journal(path):
    """As version 1 made it."""
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {module.APPLICATION_ID}")
        db.executescript(f"PRAGMA journal_mode = WAL; {module.MIGRATIONS[0]} PRAGMA user_version = 1;")
        for number in range(3):
            row = ("2026-01-02T12:00:00Z", "scan", f'{{"n":{number},"name":"\u00e9"}}')
            db.execute("INSERT INTO records (at, kind, body) VALUES (?, ?, ?)", row)
        db.commit()
    path.chmod(0o600)


def test_a_journal_of_the_first_version_is_brought_forward_with_sums_and_stays_append_only(path):
    old_journal(path)
    with SqliteJournal(path) as journal:
        assert journal.facts()[0] == 3
        journal.append("scan", NOON, {"n": 3})
    assert numbers(path) == [0, 1, 2, 3]
    with (
        contextlib.closing(sqlite3.connect(path)) as db,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        db.execute("UPDATE records SET kind = 'x'")


def test_a_changed_record_and_a_missing_one_are_damage(path):
    filled(path, 3)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("DROP TRIGGER records_are_not_changed; DROP TRIGGER records_are_not_deleted;")
        db.execute("""UPDATE records SET body = '{"n":7}' WHERE seq = 2""")
        db.commit()
        with SqliteJournal(path) as journal, pytest.raises(WrongState, match="record 2 is not what was"):
            journal.verify()
        db.execute("DELETE FROM records WHERE seq = 2")
        db.commit()
    with SqliteJournal(path) as journal, pytest.raises(WrongState, match="record 2 is missing"):
        list(journal.replay("nothing"))


def test_kinds_are_asked_for_one_by_one_or_by_their_beginning(path):
    with SqliteJournal(path) as journal:
        for kind in ("risk.halt", "risky", "fills", "risk.flow", "scan"):
            journal.append(kind, NOON, {})
        assert [kind for _, kind, _ in journal.replay("risk.", "fills")] == [
            "risk.halt",
            "fills",
            "risk.flow",
        ]
        assert journal.facts().kinds == {"fills": 1, "risk.flow": 1, "risk.halt": 1, "risky": 1, "scan": 1}


def test_the_tail_is_the_newest_records_the_last_at_the_end(path):
    with SqliteJournal(path) as journal:
        assert journal.tail(3) == []
    filled(path, 5)
    with SqliteJournal(path) as journal:
        assert journal.tail(2) == [(NOON + timedelta(seconds=s), "scan") for s in (3, 4)]


def test_a_backup_is_one_whole_private_file_though_another_process_writes(path, tmp_path):
    filled(path, 3)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, path, "busy", "400"], env=ENV, stdout=subprocess.PIPE
    )
    assert writer.stdout.read(20)
    target = tmp_path / "copy.sqlite"
    with SqliteJournal(path) as journal:
        journal.backup(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["copy.sqlite"]
    assert writer.wait(60) == 0
    writer.stdout.close()
    with SqliteJournal(target) as copy:
        copy.verify()
        kept = [body["n"] for _, _, body in copy.replay("busy")]
    assert kept == list(range(len(kept)))
    assert len(kept) >= 19


def test_a_backup_never_replaces_a_file_and_tells_why_it_cannot_be_written(path, tmp_path):
    filled(path, 1)
    (tmp_path / "there").write_text("mine")
    with SqliteJournal(path) as journal:
        with pytest.raises(WrongState, match="there already"):
            journal.backup(tmp_path / "there")
        with pytest.raises(WrongState, match="cannot be written"):
            journal.backup(tmp_path / "no" / "folder")
    assert (tmp_path / "there").read_text() == "mine"
    assert not list(tmp_path.glob(".there*"))


def test_a_folder_that_cannot_be_written_is_told(path, tmp_path):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(WrongState, match="cannot be used"):
        SqliteJournal(path)


def test_a_full_disk_refuses_the_record_and_keeps_the_others(path):
    filled(path, 3)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with SqliteJournal(path) as journal:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
            pads = ({"n": -1, "pad": "x" * 50_000} for _ in range(50))
            with pytest.raises(WrongState):
                any(journal.append("scan", NOON, pad) for pad in pads)
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [number for number in numbers(path) if number >= 0] == [0, 1, 2]


def test_a_writer_that_waits_too_long_is_told(path):
    filled(path, 1)
    with (
        SqliteJournal(path, busy_s=0.05) as journal,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WrongState, match="locked"):
            journal.append("scan", NOON, {"n": 1})
        other.execute("ROLLBACK")
        journal.append("scan", NOON, {"n": 1})
    assert numbers(path) == [0, 1]


def test_using_a_closed_journal_is_a_bug_not_damage(path):
    journal = SqliteJournal(path)
    journal.close()
    with pytest.raises(sqlite3.ProgrammingError):
        journal.append("scan", NOON, {})


def test_one_process_makes_the_file_while_the_others_wait(path):
    path.parent.mkdir()
    with (path.parent / "journal.sqlite.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [sys.executable, "-c", WRITER, path, "a", "1"], env=ENV, stdout=subprocess.PIPE
        )
        time.sleep(0.5)
        assert waiting.poll() is None
        assert not path.exists()
    assert waiting.communicate(timeout=30)[0] == b"r."
    assert numbers(path) == [0]


def test_writers_in_several_processes_lose_nothing(path):
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, kind, "60"], env=ENV, stdout=subprocess.PIPE)
        for kind in "abcd"
    ]
    assert [len(process.communicate(timeout=120)[0]) for process in running] == [61] * 4
    for kind in "abcd":
        assert numbers(path, kind) == list(range(60))


def test_sixty_kills_lose_nothing_that_was_acknowledged(path):
    chance = random.Random()
    seed = chance.randrange(2**32)
    chance.seed(seed)
    kept = 0
    for kill in range(60):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, path, "a", "1000000"], env=ENV, stdout=subprocess.PIPE, bufsize=0
        )  # unbuffered, or `communicate` would miss what `read` took beyond its one byte
        # Some die before their journal is open, most between and inside their appends, however busy it is here.
        seen = b"".join(process.stdout.read(1) for _ in range(min(kill % 10, 3)))
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        told = (seen + process.communicate(timeout=30)[0]).count(b".")
        rows = numbers(path)
        assert rows == list(range(len(rows))), f"seed {seed}"
        assert kept + told <= len(rows) <= kept + told + 1, f"seed {seed}"
        kept = len(rows)
    assert kept > 60


def test_a_kill_while_the_file_is_made_never_leaves_half_of_one(tmp_path):
    chance = random.Random()
    for attempt in range(15):
        path = tmp_path / str(attempt) / "journal.sqlite"
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, path, "a", "1"], env=ENV, stdout=subprocess.PIPE
        )
        while process.poll() is None and not path.parent.exists():
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.02))
        process.kill()
        told = process.communicate(timeout=30)[0].count(b".")
        assert len(numbers(path)) >= told
