"""The end of a log file, and what is added to it: shown as a log may be, whoever wrote it."""

import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from defi_analytics.errors import WrongState
from defi_analytics.log import shown

_BLOCK = 65_536
_LONGEST_LINE = 100_000


def last_lines(path: Path, count: int) -> list[str]:
    """Reads the file from its end. Raises WrongState when it cannot be read."""
    try:
        with path.open("rb") as file:
            return [_line(raw) for raw in _tail(file, count)]
    except OSError as error:
        raise WrongState(f"{path} cannot be read: {error.strerror}") from error


def _tail(file: BinaryIO, count: int) -> list[bytes]:
    end = file.seek(0, os.SEEK_END)
    text = b""
    while end and text.count(b"\n") <= count:
        start = file.seek(max(0, end - _BLOCK))
        text, end = file.read(end - start) + text, start
    lines = text.split(b"\n")
    return list(deque(lines if lines[-1] else lines[:-1], count))


@dataclass(slots=True)
class Follower:
    """What is added from now on, also to the file that a rotation puts in the place of this one."""

    path: Path
    _file: BinaryIO = field(init=False)
    _rest: bytes = b""

    def __post_init__(self) -> None:
        self._file = self.path.open("rb")
        self._file.seek(0, os.SEEK_END)

    def fresh(self) -> list[str]:
        """Whole lines since the last call."""
        found = self._read()
        if self._replaced():
            self._file.close()
            self._file = self.path.open("rb")
            found += self._read()
        return found

    def close(self) -> None:
        self._file.close()

    def _read(self) -> list[str]:
        *whole, rest = (self._rest + self._file.read()).split(b"\n")
        self._rest = rest[-_LONGEST_LINE:]
        return [_line(raw) for raw in whole]

    def _replaced(self) -> bool:
        try:
            return not os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        except FileNotFoundError:
            return False


def _line(raw: bytes) -> str:
    return shown(raw[:_LONGEST_LINE].decode("utf-8", "backslashreplace"))
