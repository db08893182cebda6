"""Ratios that hold on any machine: subject and yardstick by turns, the median over the pairs."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

ROUNDS = 15


@dataclass(frozen=True)
class Figure:
    """One line of the table. Without a target it is told, not judged."""

    name: str
    ratio: float
    target: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.target is None:
            return "info"
        return "ok" if self.ratio <= self.target else "MISS"


def paired(subject: Callable[[], float], yardstick: Callable[[], float], rounds: int = ROUNDS) -> float:
    """The median ratio of two measurements, each of which returns what it took.

    Which goes first alternates, so that neither gains from what the other leaves in the caches.
    """
    subject(), yardstick()
    ratios = []
    for number in range(rounds):
        if number % 2:
            ours, theirs = subject(), yardstick()
        else:
            theirs, ours = yardstick(), subject()
        ratios.append(ours / theirs)
    return median(ratios)


def timed(work: Callable[[], object], repeat: int) -> Callable[[], float]:
    """Measures `repeat` calls in a row, in CPU seconds: others on the machine do not count."""

    def measure() -> float:
        start = process_time()
        for _ in range(repeat):
            work()
        return process_time() - start

    return measure


def process(command: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> Callable[[], float]:
    """Measures a whole process from before its start until after its end, in seconds."""

    def measure() -> float:
        start = perf_counter()
        done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, check=False)
        took = perf_counter() - start
        if done.returncode:
            raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
        return took

    return measure
