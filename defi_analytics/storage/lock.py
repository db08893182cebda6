"""One broadcaster per account: a lock that dies with its holder, whatever kills it."""

import errno
import fcntl
import hashlib
import json
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from defi_analytics.errors import WrongState

_TRIES = 5


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
        if not _taken(handle, self.path):
            os.close(handle)
            holder = holder_of(self.path)
            who = f"process {holder}" if holder else "another process"
            raise WrongState(
                f"{who} runs this account already", hint="see: defi agent status; or use another account"
            )
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


class MachineLock:
    """Held by one process of this machine, whatever its home folder or user, while the context is open.

    A name in the kernel, which is gone with the process that has it. Only Linux has such names: elsewhere
    this holds nothing. Raises WrongState when it is taken. Source: unix(7), "abstract".
    """

    def __init__(self, network: str, account: str) -> None:
        told = hashlib.sha256(network.encode()).hexdigest()[:16]
        self.account, self._address = account, f"\0defi.{told}.{account}"
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        if sys.platform != "linux":
            return self
        held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            held.bind(self._address)
        except OSError as error:
            held.close()
            if error.errno != errno.EADDRINUSE:
                raise WrongState(f"{self.account} cannot be locked: {error.strerror}") from error
            raise WrongState(
                f"another process of this machine sends for {self.account}, perhaps from another home folder",
                hint="end it first: two that send for one account break each other's sequence",
            ) from None
        self._socket = held
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _taken(handle: int, path: Path) -> bool:
    """Tried again where nobody holds it by then: somebody only looked."""
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if holder_of(path) is not None:
            break
    return False


def holder_of(path: Path) -> int | None:
    """The process that holds a lock file, if one does."""
    handle = _opened(path)
    if handle is None:
        return None
    try:
        # Shared, so that two who look do not take each other for the holder.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
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
