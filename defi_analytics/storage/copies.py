"""Copies of a journal: made whole, and read where nothing may or need be written beside them."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from defi_analytics.errors import WrongState


def left_alone(path: Path, version: int) -> bool:
    """Whether nobody can have this file in use: a copy, one that has ended, or one that none may write to.

    Each user of a journal leaves a lock beside it, and whoever was killed a log. One of another `version`
    is in use as soon as it is read: it is brought forward.
    """
    if not path.exists() or not os.access(path.parent, os.W_OK):
        return path.exists()
    beside = (path.with_name(f"{path.name}{suffix}") for suffix in (".lock", "-wal"))
    return not any(each.exists() for each in beside) and _version(path) == version


def _version(path: Path) -> int:
    """Source: SQLite, "Database File Format", chapter 1.3: the user version stands at byte 60."""
    with path.open("rb") as file:
        return int.from_bytes(file.read(64)[60:], "big")


def connected(path: Path, busy_s: float) -> sqlite3.Connection:
    """For reading only. Raises what sqlite3 raises.

    Without a log the file is all there is, and SQLite need not make one to share.
    Source: SQLite, "Write-Ahead Logging", chapter 6, "Read-Only Databases".
    """
    log = path.with_name(f"{path.name}-wal")
    whole = "" if log.exists() and log.stat().st_size else "&immutable=1"
    uri = f"file:{quote(str(path.absolute()))}?mode=ro{whole}"
    return sqlite3.connect(uri, uri=True, timeout=busy_s, isolation_level=None)


def backed_up(db: sqlite3.Connection, target: Path) -> None:
    """Never over a file that is there. Raises WrongState for a target, and what sqlite3 raises."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
            db.backup(copy)
            # One file, to be moved anywhere: the log's content goes into it.
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute("PRAGMA synchronous = FULL")
        os.link(draft, target)
    except FileExistsError:
        raise WrongState(f"{target} is there already", hint="name a new file") from None
    except OSError as error:
        raise WrongState(f"{target} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
