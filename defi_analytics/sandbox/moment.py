"""When a request is answered: one block of the world, and how blocks and times correspond."""

import math
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from defi_analytics.errors import WrongState
from defi_analytics.ports import Clock
from defi_analytics.sandbox.world import World

FIRST_HEIGHT = 150_000_000
"""The height of the world's block 0."""


class Moment(NamedTuple):
    world: World
    block: int
    at: datetime
    """When that block was made."""
    ledger: Any = None
    """What users own and have on the books: the ledger package's Ledger."""
    chain: Any = None
    """Accounts, transactions and blocks: the chain package's Chain."""

    @property
    def height(self) -> int:
        return FIRST_HEIGHT + self.block

    @property
    def block_s(self) -> float:
        return self.world.block_s

    def time_of(self, block: float) -> datetime:
        return self.at + timedelta(seconds=(block - self.block) * self.block_s)

    def block_at(self, timestamp_s: float) -> int:
        """The last block made by then."""
        return self.block + math.floor((timestamp_s - self.at.timestamp()) / self.block_s + 1e-6)


class BlockClock:
    """Which block it is: counted from `start_block` by the time that passed, or held until `advance`.

    A held block keeps its prices, but its time follows the clock, so that it is always fresh.
    """

    def __init__(self, world: World, clock: Clock, start_block: int = 0, *, hold: bool = False) -> None:
        self._world, self._clock, self._hold = world, clock, hold
        self._block, self.block_s = start_block, world.block_s
        self._started, self._origin = clock.monotonic(), clock.now()
        self.genesis = f"{world.seed}-{self._origin.isoformat()}"
        """Tells this chain from one that was started at another time."""
        self._halted: tuple[float, float] | None = None

    @property
    def held(self) -> bool:
        return self._hold

    @property
    def halted(self) -> bool:
        """Whether no block is made at present, although blocks follow the clock."""
        self._resume()
        return self._halted is not None

    def moment(self) -> Moment:
        if self._hold:
            return Moment(self._world, self._block, self._clock.now())
        self._resume()
        until = self._clock.monotonic() if self._halted is None else self._halted[0]
        passed = math.floor((until - self._started) / self.block_s + 1e-9)
        at = self._origin + timedelta(seconds=passed * self.block_s)
        return Moment(self._world, self._block + passed, at)

    def advance(self, blocks: int) -> None:
        """Raises WrongState when the clock is not held, or no blocks are made."""
        if not self._hold:
            raise WrongState("blocks follow the clock; only a held sandbox can be advanced")
        if self.halted:
            raise WrongState("the chain is halted")
        self._block += blocks

    def halt(self, seconds: float) -> None:
        """No blocks for so long; then they go on from where they stopped."""
        self._resume()
        now = self._clock.monotonic()
        since = now if self._halted is None else self._halted[0]
        self._halted = (since, now + seconds)

    def _resume(self) -> None:
        if self._halted is None or self._clock.monotonic() < self._halted[1]:
            return
        since, until = self._halted
        self._halted = None
        self._started += until - since
        self._origin += timedelta(seconds=until - since)
