"""What a home would otherwise collect for ever: journals of sandboxes that are gone, limits of dead ports."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from defi_analytics.ports import Clock

KEPT = 5
"""Journals of ended sandboxes, of each account."""
_OLD_S = 86_400.0
_ENDED = re.compile(r"\.ended-([1-9][0-9]{0,8})\.sqlite")
_OF_THIS_MACHINE = ("127.0.0.1_*.gate", "localhost_*.gate", "%3A%3A1_*.gate")


def next_ended(journal: Path) -> Path:
    """The name under which a sandbox's journal is put away: its number was never used before."""
    return journal.with_name(f"{journal.stem}.ended-{max(_ended(journal), default=0) + 1}.sqlite")


def prune(home: Path, journal: Path, clock: Clock) -> None:
    """Keeps the last journals that were put away beside this one, and forgets limits of ports long unused.

    Only of a sandbox, whose money is worth nothing: of any other network nothing is ever deleted. What cannot
    be deleted stays.
    """
    if journal.name.startswith("sandbox-"):
        ended = _ended(journal)
        for number in sorted(ended)[:-KEPT]:
            for suffix in ("", "-wal", "-shm", ".lock"):
                with suppress(OSError):
                    ended[number].with_name(ended[number].name + suffix).unlink()
    now_s = clock.now().timestamp()
    for pattern in _OF_THIS_MACHINE:
        for gate in (home / "hosts").glob(pattern):
            with suppress(OSError):
                if now_s - gate.stat().st_mtime > _OLD_S:
                    gate.unlink()


def _ended(journal: Path) -> Mapping[int, Path]:
    """By number."""
    found = {}
    for path in journal.parent.glob(f"{journal.stem}.ended-*.sqlite"):
        if number := _ENDED.fullmatch(path.name.removeprefix(journal.stem)):
            found[int(number[1])] = path
    return found
