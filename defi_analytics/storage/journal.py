"""The append-only record of what was seen and decided, in one SQLite file."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from defi_analytics.errors import WrongState
from defi_analytics.storage.codec import decode, encode, rfc3339

APPLICATION_ID = 0x44454649
BUSY_S = 30.0
MIGRATIONS = (
    """
    CREATE TABLE records (
        seq INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL
    );
    CREATE TRIGGER records_are_not_changed BEFORE UPDATE ON records
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER records_are_not_deleted BEFORE DELETE ON records
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    """,
)
"""Entry n brings a file of schema version n to n + 1; never edit one that was released."""

_ASIDE = "it was left as it is: restore a copy, or move it away to start a new one"


class SqliteJournal:
    """A `Journal` in a file of mode 0600, made on first use.

    Write-ahead log with synchronous=FULL: a record is on the disk when `append` returns. Writers in several
    processes wait for each other. Every failure, a damaged file included, is WrongState; the file is never
    replaced or repaired here.
    """

    def __init__(self, path: Path, busy_s: float = BUSY_S) -> None:
        """`busy_s` is how long to wait for another process that holds it, in seconds."""
        self.path = path
        with self._mapped():
            _make_private(path)
            with _locked(path):
                if not path.exists():
                    _create(path)
                self._db = _connect(path, busy_s)
                try:
                    self._prepare()
                except BaseException:
                    self._db.close()
                    raise

    def append(self, kind: str, at: datetime, body: Mapping[str, Any]) -> None:
        """Raises ValueError for a body that JSON cannot hold, before anything is written."""
        row = (rfc3339(at), kind, encode(dict(body)))
        with self._mapped():
            self._db.execute("INSERT INTO records (at, kind, body) VALUES (?, ?, ?)", row)

    def replay(
        self, kind: str | None = None, after: int = 0
    ) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        # Nothing is ever deleted, so `seq` counts the records from 1 without a gap.
        query = "SELECT at, kind, body FROM records WHERE seq > ?2 AND (?1 IS NULL OR kind = ?1) ORDER BY seq"
        with self._mapped():
            for at, name, body in self._db.execute(query, (kind, after)):
                yield datetime.fromisoformat(at), name, decode(body)

    def verify(self) -> None:
        """Reads the whole file. Raises WrongState when any page of it is damaged."""
        with self._mapped():
            found = self._db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise WrongState(f"{self.path} is damaged: {found}", hint=_ASIDE)

    def close(self) -> None:
        with self._mapped():
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        if self._db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise WrongState(f"{self.path} is not a journal of this program", hint=_ASIDE)
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise WrongState(
                f"{self.path} was written by a newer version", hint="upgrade, or use another --home"
            )
        _migrate(self._db, version)

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """Where SQLite's and the file system's errors become ours."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # a bug of ours, not damage
        except sqlite3.OperationalError as error:
            hint = "another process may hold it, or the disk is full or read-only"
            raise WrongState(f"{self.path} cannot be used: {error}", hint=hint) from error
        except (sqlite3.DatabaseError, ValueError) as error:
            raise WrongState(f"{self.path} is damaged: {error}", hint=_ASIDE) from error
        except OSError as error:
            raise WrongState(f"{self.path} cannot be used: {error.strerror}") from error


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = path.with_name(f"{path.name}-wal")
    if not path.exists() and log.exists() and log.stat().st_size:
        raise WrongState(f"{path} is missing but its {log.name} is there", hint="put the two back together")
    if path.exists() and path.stat().st_size == 0:
        # SQLite would take an empty file for a new one, and every record would be gone without a word.
        raise WrongState(f"{path} is empty: it held a journal once", hint=_ASIDE)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Making and migrating are done by one process at a time; the lock dies with its holder."""
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _create(path: Path) -> None:
    """Makes the file whole under another name first: a kill on the way leaves no half-made journal."""
    draft = path.with_name(f"{path.name}.new")
    for leftover in (
        draft,
        *(draft.with_name(draft.name + suffix) for suffix in ("-wal", "-shm", "-journal")),
    ):
        with suppress(FileNotFoundError):
            leftover.unlink()
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    db = sqlite3.connect(draft, isolation_level=None)
    try:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        _migrate(db, 0)
    finally:
        db.close()
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _connect(path: Path, busy_s: float) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection, version: int) -> None:
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")
