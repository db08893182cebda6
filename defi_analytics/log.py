"""Log lines for people: on stderr as asked by -v, and in a file that rotates and forgets.

Registered secrets never reach either, in any of their encodings, and text from a chain or venue cannot
move the terminal's cursor or forge a line. A log that cannot be written is reported once and then left
alone: it never stops the program.
"""

import base64
import fcntl
import json
import logging
import os
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, quote_plus

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_BYTES = {"B": 1, "KB": 1000, "MB": 10**6, "GB": 10**9, "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3}
_DURATION = re.compile(r"([1-9][0-9]{0,5}) ?(second|minute|hour|day|week)s?")
_SIZE = re.compile(r"([1-9][0-9]{0,5}) ?(B|[KMG]i?B)", re.IGNORECASE)
_MAX_BYTES = 10**12
_STAMP = "%Y%m%dT%H%M%SZ"
_QUIET = ("httpx", "httpcore", "asyncio")
_PART = 12
_SHORTEST = 4

_secrets: list[str] = []


class Rotation(NamedTuple):
    """One is set, or both: whichever is first. Periods begin at multiples of `every_s` since 1970, UTC."""

    every_s: int | None = None
    max_bytes: int | None = None


def parse_rotation(text: str) -> Rotation:
    """`1 day`, `10 MB`, or both as in `1 day, 10 MB`. Raises ValueError."""
    one, comma, other = text.partition(",")
    if not comma:
        return _parse_one(text)
    first, second = _parse_one(one.strip()), _parse_one(other.strip())
    if (first.every_s is None) == (second.every_s is None):
        raise ValueError(f"must be one duration and one size, such as 1 day, 10 MB, got {text}")
    return Rotation(first.every_s or second.every_s, first.max_bytes or second.max_bytes)


def _parse_one(text: str) -> Rotation:
    if size := _SIZE.fullmatch(text):
        count = int(size[1]) * _BYTES[size[2].upper()]
        if count > _MAX_BYTES:
            raise ValueError(f"must be at most 1000 GB, got {text}")
        return Rotation(max_bytes=count)
    try:
        return Rotation(every_s=parse_duration_s(text))
    except ValueError:
        raise ValueError(f"must be a duration such as 1 day or a size such as 10 MB, got {text}") from None


def parse_duration_s(text: str) -> int:
    """`30 days` in seconds. Raises ValueError."""
    if match := _DURATION.fullmatch(text):
        return int(match[1]) * _SECONDS[match[2]]
    raise ValueError(f"must be a duration such as 30 days, got {text}")


def hide(secret: str) -> None:
    """From now on no log line shows this text, nor its URL, base64 or hexadecimal form, nor its ends."""
    if len(secret) < _SHORTEST:
        raise ValueError("too short to be a secret")
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), *_encoded(secret.encode())}
    if len(secret) >= 2 * _PART:
        forms |= {secret[:_PART], secret[-_PART:]}
    # Longest first, or the ends of a secret would be cut out of its middle.
    _secrets[:] = sorted({*_secrets, *forms}, key=len, reverse=True)


def redacted(text: str) -> str:
    """Text without registered secrets."""
    for secret in _secrets:
        text = text.replace(secret, "***")
    return text


def shown(text: str) -> str:
    """Text as a log may show it: secrets replaced, everything that is not printable escaped."""
    text = redacted(text)
    return text if text.isprintable() else "".join(map(_escaped, text))


def configure(  # noqa: PLR0913  - each is a setting of its own
    *,
    level: str,
    file_path: str,
    rotation: str,
    retention: str,
    home: Path,
    verbosity: int,
    form: str = "text",
) -> None:
    """Sends records to stderr (verbosity -1: errors, 0: warnings, 1: info, 2: all) and to the file.

    `form` is text, or json for one JSON object in a line. A relative `file_path` is below `home`; empty means
    no file. Neither the file nor its folder is made before the first record.
    """
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each.formatter, _Line)]:
        root.removeHandler(handler)
        handler.close()
    console: logging.Handler = logging.StreamHandler(sys.stderr)
    console.setLevel({-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG))
    handlers = [console]
    if file_path:
        file = RotatingFile(home / file_path, parse_rotation(rotation), parse_duration_s(retention))
        file.setLevel(level)
        handlers.append(file)
    for handler in handlers:
        handler.setFormatter(_Json() if form == "json" else _Line())
        root.addHandler(handler)
    if form != "json" and verbosity < 1:
        console.setFormatter(_Message())
    root.setLevel(min(handler.level for handler in handlers))
    for name in _QUIET:
        # httpx tells whole URLs at INFO, httpcore the cookies at DEBUG.
        logging.getLogger(name).setLevel(logging.WARNING)


class RotatingFile(logging.Handler):
    """Appends to one file; several processes may share it.

    A rotated file is renamed to name.20260102T120000Z.log, the time of its last line's rotation, and
    deleted once that is older than the retention. Files are 0600 in folders of 0700.
    """

    def __init__(self, path: Path, rotation: Rotation, retention_s: int) -> None:
        super().__init__()
        self.path, self.rotation, self.retention_s = path, rotation, retention_s
        self._handle: int | None = None
        self._broken = False

    def emit(self, record: logging.LogRecord) -> None:
        if self._broken:
            return
        try:
            line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
            self._rotate(record.created, len(line))
            os.write(self._open(), line)
        except (OSError, ValueError, TypeError) as error:
            # Not logging.raiseExceptions: a traceback on stderr would bury what the user asked for.
            self._broken = isinstance(error, OSError)
            reason = (
                error.strerror if isinstance(error, OSError) else f"a record cannot be formatted: {error}"
            )
            with suppress(OSError, ValueError):
                print(shown(f"defi: warning: log file {self.path}: {reason}"), file=sys.stderr)  # noqa: T201  - there is no other way left

    def close(self) -> None:
        self._drop()
        super().close()

    def _open(self) -> int:
        if self._handle is not None and not self._moved(self._handle):
            return self._handle
        self._drop()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(self.path, flags, 0o600)
        return self._handle

    def _rotate(self, now: float, more: int) -> None:
        if not self._due(now, more):
            return
        handle = self._open()
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            if not self._moved(handle) and self._due(now, more):
                self.path.rename(self._free_name(now))
        finally:
            self._drop()
        self._forget(now)

    def _due(self, now: float, more: int) -> bool:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return False
        every_s, max_bytes = self.rotation
        full = max_bytes is not None and status.st_size + more > max_bytes
        late = every_s is not None and status.st_mtime // every_s < now // every_s
        return status.st_size > 0 and (full or late)

    def _free_name(self, now: float) -> Path:
        stamp = datetime.fromtimestamp(now, UTC).strftime(_STAMP)
        name = self.path.with_name(f"{self.path.stem}.{stamp}{self.path.suffix}")
        number = 1
        while name.exists():
            name = self.path.with_name(f"{self.path.stem}.{stamp}-{number}{self.path.suffix}")
            number += 1
        return name

    def _forget(self, now: float) -> None:
        stem, suffix = re.escape(self.path.stem), re.escape(self.path.suffix)
        ours = re.compile(rf"{stem}\.(\d{{8}}T\d{{6}}Z)(-\d+)?{suffix}")
        for path in self.path.parent.iterdir():
            if not (match := ours.fullmatch(path.name)):
                continue
            with suppress(ValueError, FileNotFoundError):
                rotated = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC).timestamp()
                if rotated < now - self.retention_s:
                    path.unlink()

    def _moved(self, handle: int) -> bool:
        try:
            return not os.path.samestat(os.fstat(handle), self.path.stat())
        except FileNotFoundError:
            return True

    def _drop(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class _Line(logging.Formatter):
    def text(self, record: logging.LogRecord) -> str:
        return f"{_at(record)} {record.levelname:<7} {record.name}[{record.process}]: {record.getMessage()}"

    def format(self, record: logging.LogRecord) -> str:
        lines = [shown(self.text(record))]
        if record.exc_info:
            lines += [f"    {shown(line)}" for line in self.formatException(record.exc_info).splitlines()]
        return "\n".join(lines)


class _Message(_Line):
    """As every other message to a person: those who want times and names ask for -v, or read the file."""

    def text(self, record: logging.LogRecord) -> str:
        return f"defi: {record.levelname.lower()}: {record.getMessage()}"


class _Json(_Line):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "at": _at(record),
            "level": record.levelname,
            "logger": record.name,
            "pid": record.process,
            "message": shown(record.getMessage()),
        }
        if record.exc_info:
            fields["exception"] = [shown(line) for line in self.formatException(record.exc_info).splitlines()]
        return json.dumps(fields)


def _at(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return f"{at.removesuffix('+00:00')}Z"


def _encoded(raw: bytes) -> set[str]:
    forms = {raw.hex(), raw.hex().upper()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            # Inside a longer text (user:secret) the secret starts at any of three places of base64's grid;
            # the characters it shares with its neighbours are cut off.
            text = encode(b"\0" * offset + raw).decode().rstrip("=")
            whole = text[(0, 2, 3)[offset] :]
            forms.add(whole if (offset + len(raw)) % 3 == 0 else whole[:-1])
    return forms


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
