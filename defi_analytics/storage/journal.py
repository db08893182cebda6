"""The append-only record of what was seen and decided, in one SQLite file."""

import fcntl
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from defi_analytics.errors import WrongState
from defi_analytics.storage.codec import decode_body, encode_body, rfc3339
from defi_analytics.storage.copies import backed_up, connected, left_alone
from defi_analytics.storage.damage import garbled, numbered
from defi_analytics.storage.wal import lost_commits

APPLICATION_ID = 0x44454649
BUSY_S = 30.0
CACHE_KIB = 256
"""Of pages in memory: who only appends gains nothing by SQLite's 2,000, and fills them for half a day."""
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
    """
    DROP TRIGGER records_are_not_changed;
    ALTER TABLE records ADD COLUMN sum INTEGER;
    UPDATE records SET sum = record_sum(seq, at, kind, body);
    CREATE TRIGGER records_are_not_changed BEFORE UPDATE ON records
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    """,
    # The same table; but from here on a body may be a BLOB, which an older reader would take for damage.
    "",
)
"""Entry n brings a file of schema version n to n + 1; never edit one that was released."""

_APPEND = """
    INSERT INTO records (seq, at, kind, body, sum)
    SELECT next, ?1, ?2, ?3, record_sum(next, ?1, ?2, ?3)
    FROM (SELECT coalesce(max(seq), 0) + 1 AS next FROM records)
"""
_ASIDE = "it was left as it is: restore a copy, or move it away to start a new one"


class Facts(NamedTuple):
    version: int
    """Of the schema."""
    size_bytes: int
    """Of the file and its log."""
    kinds: Mapping[str, int]
    """How many records there are of each."""


class SqliteJournal:
    """A `Journal` in a file of mode 0600, made on first use.

    Write-ahead log with synchronous=FULL: a record is on the disk when `append` returns. Writers in several
    processes wait for each other. Every record is numbered without a gap and carries a checksum, for SQLite
    has none of its own: what is read is an exact beginning of what was written. Every failure, a damaged file
    included, is WrongState; the file is never replaced or repaired here.
    """

    def __init__(self, path: Path, busy_s: float = BUSY_S, *, reading: bool = False) -> None:
        """`busy_s` is how long to wait for another process that holds it, in seconds.

        `reading` appends nothing: what may not be written can be read then, and a copy stays as it is.
        """
        self.path = path
        with self._mapped():
            if reading and left_alone(path, len(MIGRATIONS)):
                self._open(lambda: connected(path, busy_s))
                return
            _make_private(path)
            with _locked(path):
                if not path.exists():
                    _create(path)
                self._open(lambda: _connect(path, busy_s))

    def _open(self, connect: Callable[[], sqlite3.Connection]) -> None:
        _refuse_lost_commits(self.path)
        self._db = connect()
        try:
            _teach(self._db)
            self._prepare()
            self._opened = self.path.stat()
        except BaseException:
            self._db.close()
            raise

    def append(self, kind: str, at: datetime, body: Mapping[str, Any]) -> None:
        """Raises ValueError for a body that JSON cannot hold, before anything is written."""
        row = (rfc3339(at), kind, encode_body(body))
        self._refuse_unlinked()
        with self._mapped():
            self._db.execute(_APPEND, row)

    def _refuse_unlinked(self) -> None:
        """What is written to a file that nobody will find again is not written down."""
        try:
            there = os.path.samestat(self._opened, self.path.stat())
        except OSError:
            there = False
        if not there:
            raise WrongState(
                f"{self.path} was moved away or replaced while it was in use",
                hint="put it back: what is written now would be missing from it",
            )

    def replay(self, *kinds: str, after: int = 0) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        """Bodies of other kinds are passed over unread, though not their numbers.

        An index of kinds would be faster still, and a damaged page of it would hide records.
        """
        wanted, values = _wanted(kinds)
        query = f"SELECT seq, CASE WHEN {wanted} THEN sum END, at, kind, CASE WHEN {wanted} THEN body END FROM records WHERE seq > ? ORDER BY seq"  # noqa: S608, E501  - made of placeholders alone
        with self._mapped():
            rows = numbered(self._db.execute(query, [*values, *values, after]), after + 1)
            for expected, (seq, found, at, kind, body) in rows:
                if seq != expected:
                    raise ValueError(f"record {expected} is missing")
                if body is None and kinds:
                    continue
                if found != _sum(seq, at, kind, body):
                    raise ValueError(f"record {seq} is not what was written")
                yield datetime.fromisoformat(at), kind, decode_body(body)

    def verify(self) -> None:
        """Reads the whole file. Raises WrongState when any page or record of it is damaged."""
        with self._mapped():
            found = self._db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise WrongState(f"{self.path} is damaged: {found}", hint=_ASIDE)
        for _ in self.replay():
            pass

    def tail(self, count: int) -> list[tuple[datetime, str]]:
        """When the last records were written and of which kind they are, the newest last."""
        query = "SELECT at, kind FROM records ORDER BY seq DESC LIMIT ?"
        with self._mapped():
            found = self._db.execute(query, (count,)).fetchall()
            return [(datetime.fromisoformat(at), kind) for at, kind in reversed(found)]

    def facts(self) -> Facts:
        query = "SELECT kind, count(*) FROM records GROUP BY kind ORDER BY kind"
        with self._mapped():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            kinds = dict(self._db.execute(query).fetchall())
            log = _log(self.path)
            size = self.path.stat().st_size + (log.stat().st_size if log.exists() else 0)
        return Facts(version, size, kinds)

    def backup(self, target: Path) -> None:
        """A whole copy of this moment, though others write meanwhile; never over a file that is there."""
        with self._mapped():
            backed_up(self._db, target)

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
            if garbled(error):
                raise WrongState(f"{self.path} is damaged: text that is none", hint=_ASIDE) from None
            hint = "another process may hold it, or the disk is full or read-only"
            raise WrongState(f"{self.path} cannot be used: {error}", hint=hint) from error
        except (sqlite3.DatabaseError, ValueError) as error:
            raise WrongState(f"{self.path} is damaged: {error}", hint=_ASIDE) from error
        except OSError as error:
            raise WrongState(f"{self.path} cannot be used: {error.strerror}") from error


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = _log(path)
    if not path.exists() and log.exists() and log.stat().st_size:
        raise WrongState(f"{path} is missing but its {log.name} is there", hint="put the two back together")
    if path.exists() and path.stat().st_size == 0:
        # SQLite would take an empty file for a new one, and every record would be gone without a word.
        raise WrongState(f"{path} is empty: it held a journal once", hint=_ASIDE)


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _refuse_lost_commits(path: Path) -> None:
    """SQLite takes the beginning of a log up to its first damage for the whole, and then deletes the rest."""
    if not lost_commits(_log(path)):
        return
    raise WrongState(f"{_log(path)} is damaged: records that were written would be lost", hint=_ASIDE)


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
    _teach(db)
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
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection, version: int) -> None:
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


def _teach(db: sqlite3.Connection) -> None:
    db.create_function("record_sum", 4, _sum, deterministic=True)


def _sum(seq: int, at: str, kind: str, body: str | bytes) -> int:
    stored = body if isinstance(body, bytes) else str(body).encode()
    return zlib.crc32(stored, zlib.crc32(f"{seq}|{at}|{kind}|".encode()))


def _wanted(kinds: tuple[str, ...]) -> tuple[str, list[str]]:
    """A condition on `kind`, and its values; one that ends in a point means all that begin with it."""
    if not kinds:
        return "1", []
    parts = ["substr(kind, 1, length(?)) = ?" if kind.endswith(".") else "kind = ?" for kind in kinds]
    values = [value for kind in kinds for value in ([kind, kind] if kind.endswith(".") else [kind])]
    return f"({' OR '.join(parts)})", values
