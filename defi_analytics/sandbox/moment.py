"""When a request is answered: one block of the world, and how blocks and times correspond."""

import math
from datetime import datetime, timedelta
from typing import NamedTuple

from defi_analytics.errors import WrongState
from defi_analytics.ports import Clock
from defi_analytics.sandbox.world import BLOCK_S, World

FIRST_HEIGHT = 150_000_000
"""The height of the world's block 0."""


class Moment(NamedTuple):
    world: World
    block: int
    at: datetime
    """When that block was made."""

    @property
    def height(self) -> int:
        return FIRST_HEIGHT + self.block

    def time_of(self, block: int) -> datetime:
        return self.at + timedelta(seconds=(block - self.block) * BLOCK_S)

    def block_at(self, timestamp_s: float) -> int:
        """The last block made by then."""
        return self.block + math.floor((timestamp_s - self.at.timestamp()) / BLOCK_S + 1e-6)


class BlockClock:
    """Which block it is: counted from `start_block` by the time that passed, or held until `advance`.

    A held block keeps its prices, but its time follows the clock, so that it is always fresh.
    """

    def __init__(self, world: World, clock: Clock, start_block: int = 0, *, hold: bool = False) -> None:
        self._world, self._clock, self._hold = world, clock, hold
        self._block = start_block
        self._started, self._origin = clock.monotonic(), clock.now()

    @property
    def held(self) -> bool:
        return self._hold

    def moment(self) -> Moment:
        if self._hold:
            return Moment(self._world, self._block, self._clock.now())
        passed = math.floor((self._clock.monotonic() - self._started) / BLOCK_S)
        at = self._origin + timedelta(seconds=passed * BLOCK_S)
        return Moment(self._world, self._block + passed, at)

    def advance(self, blocks: int) -> None:
        """Raises WrongState when the clock is not held."""
        if not self._hold:
            raise WrongState("blocks follow the clock; only a held sandbox can be advanced")
        self._block += blocks
