"""Marks, in the locked requirements, what only the official SDK needs: it has no wheels for newer Pythons.

`make lock` runs `python -m tests.lock BASE FULL`: BASE is locked without the `injective` extra, FULL with it
and is rewritten in place.
"""

import re
import sys
from pathlib import Path

NEWEST = '; python_version < "3.13"'
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)( \\)?$", re.MULTILINE)


def marked(full: str, base: str) -> str:
    """`full` with a marker on each package that `base` does not pin."""
    wanted = {found[1].lower() for found in _PINNED.finditer(base)}

    def line(found: re.Match[str]) -> str:
        marker = "" if found[1].lower() in wanted else f" {NEWEST}"
        return f"{found[1]}=={found[2]}{marker}{found[3] or ''}"

    return _PINNED.sub(line, full)


if __name__ == "__main__":
    base, full = map(Path, sys.argv[1:])
    full.write_text(marked(full.read_text(), base.read_text()))
