"""A journal in memory that keeps what a disk would: encoded bodies, in order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from defi_analytics.errors import WrongState
from defi_analytics.storage.codec import decode_body, encode_body


@dataclass
class MemoryJournal:
    rows: list[tuple[datetime, str, str | bytes]] = field(default_factory=list)
    full: bool = False

    @property
    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.rows]

    def append(self, kind: str, at: datetime, body: Mapping[str, Any]) -> None:
        if self.full:
            raise WrongState("disk full")
        self.rows.append((at, kind, encode_body(body)))

    def replay(self, *kinds: str, after: int = 0) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        begin = tuple(kind for kind in kinds if kind.endswith("."))
        for at, name, body in self.rows[after:]:
            if not kinds or name in kinds or name.startswith(begin):
                yield at, name, decode_body(body)
