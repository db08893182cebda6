"""What this process costs: memory, file handles, time per cycle; and when that gets worse."""

import ctypes
import gc
from collections import deque
from dataclasses import dataclass, field
from statistics import median

import psutil

_KEPT = 200
_FIRST_CYCLES = 20
"""So many cycles say what is normal before any is called slow."""
_SLOW = 3.0
"""Times the usual duration at which a cycle counts as degraded."""
_AGAIN_AFTER = 50
"""Cycles between two warnings of the same kind: a person needs it once."""
_GIVEN_BACK_AFTER = 60
"""Cycles between two times that free memory is given back, which takes about 20 ms."""


@dataclass(frozen=True, slots=True)
class Reading:
    rss_bytes: int
    open_files: int
    threads: int
    cycles: int
    last_cycle_s: float | None
    usual_cycle_s: float | None
    """The median of the last ones."""


@dataclass(slots=True)
class Health:
    """Watches one process. `warn_rss_bytes` is when a person is told; nothing is stopped for it."""

    warn_rss_bytes: int = 1_000_000_000
    _cycles: int = 0
    _durations: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _warned: dict[str, int] = field(default_factory=dict)
    _process: psutil.Process = field(default_factory=psutil.Process)

    def cycle(self, took_s: float) -> list[str]:
        """Notes a finished cycle; returns what a person should be told of it, mostly nothing."""
        usual = median(self._durations) if len(self._durations) >= _FIRST_CYCLES else None
        self._cycles += 1
        self._durations.append(took_s)
        if self._cycles % _GIVEN_BACK_AFTER == 0:
            give_back()
        warnings = []
        if usual and took_s > _SLOW * usual:
            warnings += self._once("slow", f"a cycle took {took_s:.2f} s, usually {usual:.2f} s")
        rss = self._process.memory_info().rss
        if rss > self.warn_rss_bytes:
            limit = self.warn_rss_bytes / 1e6
            warnings += self._once("memory", f"memory in use is {rss / 1e6:.0f} MB, over {limit:.0f} MB")
        return warnings

    def read(self) -> Reading:
        with self._process.oneshot():
            return Reading(
                rss_bytes=self._process.memory_info().rss,
                open_files=self._process.num_fds(),
                threads=self._process.num_threads(),
                cycles=self._cycles,
                last_cycle_s=self._durations[-1] if self._durations else None,
                usual_cycle_s=median(self._durations) if self._durations else None,
            )

    def _once(self, kind: str, message: str) -> list[str]:
        last = self._warned.get(kind)
        if last is not None and self._cycles - last < _AGAIN_AFTER:
            return []
        self._warned[kind] = self._cycles
        return [message]


def give_back() -> None:
    """Collects garbage, and returns what is free on the heap to the system where the C library is glibc.

    A page that was touched once stays otherwise, and an allocator comes by all of its free space in time: for
    days memory would seem to leak. Between two cycles little is alive that a collection would keep for good.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))


def tune_collector() -> None:
    """For a long run: what was imported is never garbage, and a cycle's values mostly die without help.

    Freezing takes the start's objects out of every later pass; a higher threshold makes passes rarer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
