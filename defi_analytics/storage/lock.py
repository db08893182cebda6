"""One broadcaster per account: a lock that dies with its holder, whatever kills it."""

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from defi_analytics.errors import WrongState


class AccountLock:
    """Held while the context is open, by one process on this machine. Raises WrongState when it is taken.

    The file stays behind (removing it would let two processes hold two files of one name) and says who holds
    it; what it says is only for people, the kernel's lock decides.
    """

    def __init__(self, folder: Path, network: str, account: str) -> None:
        self.path = folder / f"{network}-{account}.lock"
        self._handle: int | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise WrongState(f"{self.path} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            holder = holder_of(self.path)
            who = f"process {holder}" if holder else "another process"
            raise WrongState(
                f"{who} runs this account already", hint="see: defi agent status; or use another account"
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid()}).encode(), 0)
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            # Empty says that it was let go in order; the lock is still held while it is written.
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None


def holder_of(path: Path) -> int | None:
    """The process that holds a lock file, if one does."""
    handle = _opened(path)
    if handle is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(os.pread(handle, 100, 0))
    else:
        return None
    finally:
        os.close(handle)


def _opened(path: Path) -> int | None:
    """Also where it may only be read; network file systems lock only what may be written."""
    for access in (os.O_RDWR, os.O_RDONLY):
        try:
            return os.open(path, access | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
    return None


def died_holding(path: Path) -> bool:
    """Whether the last who held a lock file never let it go: it was killed, or the machine went down."""
    try:
        return holder_of(path) is None and _pid(path.read_bytes()[:100]) is not None
    except OSError:
        return False


def _pid(text: bytes) -> int | None:
    try:
        pid = json.loads(text)["pid"]
    except (ValueError, TypeError, KeyError):
        return None
    return pid if isinstance(pid, int) else None
