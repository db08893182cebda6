"""How the text of a setting becomes a value.

Every parser takes text (a YAML scalar, an environment variable, a flag) and raises ValueError with the
sentence a person reads. Numbers are bounded by a pattern before `Decimal` sees them: nine bytes such as
1e1000000 would otherwise cost minutes of CPU later on.
"""

import re
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

_NUMBER = r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,2})?"
_WHOLE = r"-?(?:0|[1-9][0-9]{0,17})"
_URL = r"(https?)://([a-z0-9.-]{1,253}|\[[0-9a-f:]{2,45}\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]{0,200})?"
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_SHOWN = 40


def shown(text: object) -> str:
    """Foreign text as it may appear in a message: one line, printable, short."""
    line = "nothing" if text is None else str(text)
    line = line if line.isprintable() else line.encode("unicode_escape").decode()
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


class Number(NamedTuple):
    at_least: Decimal | None = None
    above: Decimal | None = None
    at_most: Decimal | None = None
    below: Decimal | None = None

    def parse(self, text: object) -> Decimal:
        if isinstance(text, str) and text.endswith("%"):
            raise ValueError(f"must be a fraction, not a percentage (1 % is 0.01), got {shown(text)}")
        if not isinstance(text, str) or not re.fullmatch(_NUMBER, text):
            raise ValueError(f"must be a number, got {_kind(text)}")
        value = Decimal(text)
        self._check(value, text)
        return value

    def _check(self, value: Decimal, text: str) -> None:
        if self.at_least is not None and value < self.at_least:
            raise ValueError(f"must be ≥ {self.at_least}, got {shown(text)}")
        if self.above is not None and value <= self.above:
            raise ValueError(f"must be > {self.above}, got {shown(text)}")
        if self.at_most is not None and value > self.at_most:
            raise ValueError(f"must be ≤ {self.at_most}, got {shown(text)}")
        if self.below is not None and value >= self.below:
            raise ValueError(f"must be < {self.below}, got {shown(text)}")


class Whole(NamedTuple):
    at_least: int
    at_most: int

    def parse(self, text: object) -> int:
        if not isinstance(text, str) or not re.fullmatch(_WHOLE, text):
            raise ValueError(f"must be a whole number, got {_kind(text)}")
        value = int(text)
        if not self.at_least <= value <= self.at_most:
            raise ValueError(f"must be between {self.at_least} and {self.at_most}, got {shown(text)}")
        return value


class Choice(NamedTuple):
    names: tuple[str, ...]

    def parse(self, text: object) -> str:
        if isinstance(text, str) and text in self.names:
            return text
        known = ", ".join(self.names)
        raise ValueError(f"must be one of {known}, got {_kind(text)}{did_you_mean(text, self.names)}")


class Registered(NamedTuple):
    """A name of ours, else of an installed package's entry point in `group`, looked up only then."""

    names: tuple[str, ...]
    group: str

    def parse(self, text: object) -> str:
        known = self.names if text in self.names else (*self.names, *installed(self.group))
        return Choice(known).parse(text)


def installed(group: str) -> tuple[str, ...]:
    """The names that installed packages offer as entry points of this group."""
    from importlib.metadata import entry_points  # noqa: PLC0415  - costs 30 ms, for names that are not ours

    return tuple(point.name for point in entry_points(group=group))


class Text(NamedTuple):
    """Text that matches `pattern` as a whole; `meaning` says what that is, for the message."""

    pattern: str
    meaning: str

    def parse(self, text: object) -> str:
        if isinstance(text, str) and re.fullmatch(self.pattern, text):
            return text
        raise ValueError(f"must be {self.meaning}, got {_kind(text)}")


class YesNo:
    def parse(self, text: object) -> bool:
        if text not in ("true", "false"):
            raise ValueError(f"must be true or false, got {_kind(text)}")
        return text == "true"


class Url:
    """An https address without user, query or fragment; http only to this machine. May be left empty."""

    def parse(self, text: object) -> str:
        if text == "":
            return ""
        match = re.fullmatch(_URL, text) if isinstance(text, str) else None
        if match is None:
            # A refused address is not repeated: it may hold a password.
            raise ValueError(
                "must be an address such as https://host/path (lower-case host, no user, no query)"
            )
        if match[1] == "http" and match[2] not in _LOOPBACK:
            raise ValueError("must start with https:// (http:// only reaches this machine)")
        return match[0].rstrip("/")


class Folder:
    def parse(self, text: object) -> Path:
        if not isinstance(text, str) or not text or not text.isprintable():
            raise ValueError(f"must be a folder, got {_kind(text)}")
        return absolute(text)


class LogSpan(NamedTuple):
    """When a log is rotated (a duration or a size) or dropped (a duration)."""

    sizes: bool

    def parse(self, text: object) -> str:
        from defi_analytics import log  # noqa: PLC0415  - brings `logging` with it

        (log.parse_rotation if self.sizes else log.parse_duration_s)(_kind(text))
        return str(text)


def absolute(text: str) -> Path:
    """A path with ~ filled in; relative ones are relative to where the command runs."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError(f"must be a folder that exists on this machine, got {shown(text)}") from None


def did_you_mean(wrong: object, known: tuple[str, ...]) -> str:
    """Ends a message with the nearest known name, or with nothing."""
    from difflib import get_close_matches  # noqa: PLC0415  - only errors need it

    near = get_close_matches(str(wrong)[:100], known, n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def _kind(text: object) -> str:
    if isinstance(text, dict):
        return "a group of keys"
    return "a list" if isinstance(text, list | tuple) else shown(text) or "nothing"
