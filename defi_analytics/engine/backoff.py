from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

FIRST_S, LONGEST_S = 5.0, 300.0
GUARDED_S = 15.0
"""The longest wait while something is held or on the book: it cannot be left by who does not look."""


@dataclass(slots=True)
class Backoff:
    """How long to leave each failing source alone: twice as long each time, from 5 s to 5 min."""

    _failures: dict[str, int] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)
    """When each failed last, on the monotonic clock."""

    def failed(self, source: str, now_s: float) -> float:
        """Notes a failure; returns the seconds until it is worth to ask again."""
        self._failures[source] = self._failures.get(source, 0) + 1
        self._last[source] = now_s
        return self._rest_s(source)

    def succeeded(self, source: str) -> None:
        self._failures.pop(source, None)
        self._last.pop(source, None)

    def told(self, asked: Iterable[str], failing: Collection[str], now_s: float) -> None:
        """What became of several that were asked at once."""
        for source in asked:
            if source in failing:
                self.failed(source, now_s)
            else:
                self.succeeded(source)

    def resting(self, now_s: float, *, guarding: bool = False) -> frozenset[str]:
        """Sources that are not to be asked now; `guarding` while something is held or on the book."""
        return frozenset(source for source in self._last if self.wait_s(source, now_s, guarding=guarding) > 0)

    def wait_s(self, source: str, now_s: float, *, guarding: bool = False) -> float:
        rest_s = min(self._rest_s(source), GUARDED_S if guarding else LONGEST_S)
        return max(0.0, self._last.get(source, now_s - rest_s) + rest_s - now_s)

    def _rest_s(self, source: str) -> float:
        doublings = min(max(0, self._failures.get(source, 0) - 1), 30)
        rest_s: float = min(LONGEST_S, FIRST_S * 2.0**doublings)
        return rest_s
