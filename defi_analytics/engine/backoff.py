from dataclasses import dataclass, field

FIRST_S, LONGEST_S = 5.0, 300.0


@dataclass(slots=True)
class Backoff:
    """How long to leave each failing source alone: twice as long each time, from 5 s to 5 min."""

    _failures: dict[str, int] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)
    """By source, on the monotonic clock."""

    def failed(self, source: str, now_s: float) -> float:
        """Notes a failure; returns the seconds until it is worth to ask again."""
        count = self._failures.get(source, 0)
        self._failures[source] = count + 1
        wait_s: float = min(LONGEST_S, FIRST_S * 2.0 ** min(count, 30))
        self._until[source] = now_s + wait_s
        return wait_s

    def succeeded(self, source: str) -> None:
        self._failures.pop(source, None)
        self._until.pop(source, None)

    def resting(self, now_s: float) -> frozenset[str]:
        """Sources that are not to be asked now."""
        return frozenset(source for source, until in self._until.items() if now_s < until)

    def wait_s(self, source: str, now_s: float) -> float:
        return max(0.0, self._until.get(source, 0.0) - now_s)
