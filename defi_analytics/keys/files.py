"""Files that hold something secret: read and made so that nobody else has a part in them."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from defi_analytics.errors import AuthError, WrongState

OWN_FILE = "it must be a file of your own, mode 0600"
OTHERS = 0o077
"""Permission bits of anyone but the owner."""


def private_bytes(path: Path, where: str, most_bytes: int, forbidden: int = OTHERS) -> bytes:
    """What a private file holds. Raises AuthError, which begins with `where`; a link is not followed."""
    try:
        # Without O_NONBLOCK a fifo would hang the command.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123  - a descriptor, not a path
            _checked(os.fstat(handle), path, where, forbidden)
            raw = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        _refuse(f"{where}: the file it names cannot be read: {reason}", OWN_FILE)
    if len(raw) > most_bytes:
        _refuse(f"{where}: {path} is too large for a key", "write only the key into it")
    return raw


def private_folder(path: Path) -> None:
    """Raises AuthError for a folder that is a link, someone else's, or open to others."""
    try:
        status = path.lstat()
    except OSError as error:
        _refuse(f"{path} cannot be read: {error.strerror}", "it must be a folder of your own, mode 0700")
    if not stat.S_ISDIR(status.st_mode):
        _refuse(f"{path} is not a folder", "it must be a folder of your own, mode 0700")
    if status.st_uid != os.geteuid():
        _refuse(f"{path} belongs to someone else", "it must be a folder of your own, mode 0700")
    if status.st_mode & OTHERS:
        _refuse(f"others may enter {path}", f"run `chmod 700 {path}`")


def write_private(path: Path, content: bytes) -> None:
    """A new file of mode 0600, durable and whole, or none. Raises WrongState: nothing is ever overwritten."""
    part = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        _written(part, content)
        try:
            # A link fails where the name is taken, so of two writers only one wins.
            path.hardlink_to(part)
        finally:
            part.unlink()
        _made_durable(path.parent)
    except FileExistsError:
        raise taken(path) from None
    except OSError as error:
        raise WrongState(
            f"{path} cannot be written: {error.strerror}", hint="see: defi config path"
        ) from None


def taken(path: Path) -> WrongState:
    return WrongState(f"{path} exists", hint="choose another name: keys are never overwritten")


def _written(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123  - a descriptor, not a path
            file.write(content)
            file.flush()
            os.fsync(handle)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def _made_durable(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checked(status: os.stat_result, path: Path, where: str, forbidden: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        _refuse(f"{where}: {path} is not a file", OWN_FILE)
    if status.st_uid not in (0, os.geteuid()):
        _refuse(f"{where}: {path} belongs to someone else", OWN_FILE)
    if status.st_mode & forbidden:
        _refuse(f"{where}: others may read {path}", f"run `chmod 600 {path}`")


def _refuse(message: str, hint: str) -> NoReturn:
    raise AuthError(message, hint=hint)
