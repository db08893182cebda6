"""How SQLite tells of a damaged file, and which record it concerns."""

import sqlite3
from collections.abc import Iterator
from typing import Any


def numbered(rows: sqlite3.Cursor, first: int) -> Iterator[tuple[int, Any]]:
    """Rows with the numbers they should have. Raises ValueError, which says the number, for a damaged one."""
    number = first
    try:
        for row in rows:
            yield number, row
            number += 1
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and not garbled(error):
            raise
        raise ValueError(f"record {number} cannot be read") from None


def garbled(error: sqlite3.OperationalError) -> bool:
    """Whether text is none: told as a failed operation, along with the bytes."""
    return str(error).startswith("Could not decode to UTF-8")
