"""Whether a write-ahead log still holds what was committed to it.

Source: SQLite, "Database File Format", chapter 4: a header of 32 bytes, then frames of 24 bytes and a page,
all chained by checksums. Readers stop at the first frame that does not fit; a crash leaves at most one commit
beyond it, the one that was being written.
"""

import struct
from pathlib import Path

_HEADER, _FRAME = 32, 24
_LITTLE, _BIG = 0x377F0682, 0x377F0683
_TRIES = 3
"""A log that another process is starting anew may look torn for a moment."""


def lost_commits(path: Path) -> bool:
    """Whether more commits stand beyond the first damage than a crash can leave there. Raises OSError."""
    return all(_lost(path) for _ in range(_TRIES))


def _lost(path: Path) -> bool:
    try:
        log = path.read_bytes()
    except FileNotFoundError:
        return False
    if len(log) <= _HEADER:
        return False
    magic, _, page, _, salts, *sums = struct.unpack(">IIII8sII", log[:_HEADER])
    order = ">" if magic == _BIG else "<"
    whole = magic in {_LITTLE, _BIG} and _chained((0, 0), log[:24], order) == tuple(sums)
    if not whole:
        # A header is written before any frame, in one piece: no crash tears it.
        return any(log[_HEADER:])
    return _commits_beyond(log, page or 65_536, salts, (sums[0], sums[1]), order) > 1


def _commits_beyond(log: bytes, page: int, salts: bytes, sums: tuple[int, int], order: str) -> int:
    """Of this generation of the log, after the first frame that does not fit."""
    fits, beyond = True, 0
    for start in range(_HEADER, len(log) - _FRAME - page + 1, _FRAME + page):
        head, content = log[start : start + _FRAME], log[start + _FRAME : start + _FRAME + page]
        if fits:
            sums = _chained(_chained(sums, head[:8], order), content, order)
            fits = head[8:16] == salts and struct.pack(">II", *sums) == head[16:]
        if not fits and head[8:16] == salts and head[4:8] != b"\0\0\0\0":
            beyond += 1
    return beyond


def _chained(sums: tuple[int, int], content: bytes, order: str) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
