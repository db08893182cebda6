"""What was, for the blocks that a node keeps: who asks as of an older one is refused."""

from collections import deque
from typing import Any

KEPT_BLOCKS = 100
"""Public nodes keep about as many states of what is asked for by height."""


class Past:
    def __init__(self) -> None:
        self._kept: deque[tuple[int, Any]] = deque()

    def keep(self, block: int, ledger: Any) -> None:
        """From this block on, until the next that is kept; the same block again replaces it."""
        if self._kept and self._kept[-1][0] == block:
            self._kept.pop()
        self._kept.append((block, ledger))
        while len(self._kept) > 1 and self._kept[1][0] <= block - KEPT_BLOCKS:
            self._kept.popleft()

    def at(self, block: int) -> Any:
        """As it was at the end of that block; of blocks before the first, as it was then."""
        return next((ledger for since, ledger in reversed(self._kept) if since <= block), self._kept[0][1])
