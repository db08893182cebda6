"""Which blocks the indexer provably has, by trades of anybody before and after them.

It follows the chain block by block, so whoever has a trade before a block and one after it has all between
them. Their times bound what it is asked for, so that no node has to remember when an old block was.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

NARROW_BLOCKS = 100_000
"""About 19 hours: of these at most trades are read in vain, because no nearer mark is known."""
_FAST_BLOCK_MS, _SLOW_BLOCK_MS = 500, 800
"""Real ones take about 700; others only cost requests."""
_TRIES = 40


class Mark(NamedTuple):
    """A trade of anybody."""

    height: int
    at_ms: int


class Reach(NamedTuple):
    """All between these two blocks is told; what is of them may be so in part."""

    after: Mark
    before: Mark


Newest = Callable[[int], Awaitable[Mark | None]]
"""The newest up to a time in milliseconds."""


async def reach(newest: Newest, latest: Mark, first: int, last: int) -> Reach | None:
    """Of the blocks from `first` to `last`, as far as `latest` goes.

    None where nothing older than `first` is kept: what came soon after may be deleted as well.
    """
    before = await _soon_after(newest, latest, last)
    # The longer way back is one request mostly, but may lead beyond the oldest that is kept.
    after = await _before(newest, before, first, _SLOW_BLOCK_MS)
    after = after or await _before(newest, before, first, _FAST_BLOCK_MS)
    return Reach(after, before) if after else None


async def _soon_after(newest: Newest, mark: Mark, last: int) -> Mark:
    while (beyond := mark.height - last) > NARROW_BLOCKS:
        found = await newest(mark.at_ms - beyond * _FAST_BLOCK_MS)
        if found is None or not last < found.height < mark.height:
            break
        mark = found
    return mark


async def _before(newest: Newest, mark: Mark, first: int, block_ms: int) -> Mark | None:
    for _ in range(_TRIES):
        found = await newest(mark.at_ms - (mark.height - first + 1) * block_ms)
        if found is None or found.height < first:
            return found
        mark = found
    return None
