"""Replays of a million bars against the engines people use, each in a process of its own.

The same closes, the same strategy: z-score(60) of the close, in at -2, out at 0, one unit, 0.1 % a side,
filled at the close. All engines must have made the very same trades, or there is no figure.
"""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from tests.bench.timing import Figure, paired

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS = ROOT / ".venv-bench"
MANY, FEW = 1_000_000, 100_000


class Engine:
    """CPU seconds of one replay at a time, from a process that stays warm."""

    def __init__(self, name: str, rows: int, kept: str = "") -> None:
        """`kept` is where compiled code is; without, where the user's is."""
        self.name = name
        python = str(PEERS / "bin" / "python") if name in {"vectorbt", "backtesting"} else sys.executable
        self.process = subprocess.Popen(
            [python, "-W", "ignore", "-m", "tests.bench.engines", name, str(rows)],
            cwd=ROOT,
            env={**os.environ, **({"XDG_CACHE_HOME": kept} if kept else {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.first = self._answer()
        self.last = self.first

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def run(self) -> float:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.last = self._answer()
        return float(self.last["s"])

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} gave no answer")
        answer: dict[str, Any] = json.loads(line)
        return answer


def figures() -> Iterator[Figure]:
    with TemporaryDirectory() as kept, Engine("defi", MANY, kept) as ours, Engine("defi", FEW, kept) as less:
        yield Figure("first replay ever, compiled on the way: CPU seconds", ours.first["s"])
        yield Figure("first replay of the next process: CPU seconds", less.first["s"], 2.0, "compiled before")
        growth = paired(ours.run, less.run)
        yield Figure("replay of 1M bars, every gate on / of 100k bars", growth, 10.5, _speed(ours))
        with Engine("loop", MANY) as loop:
            yield Figure(
                "replay of 1M bars, every gate on / a bare compiled loop without gates", *_against(ours, loop)
            )
        if (PEERS / "installed").exists():
            yield from _peers(ours)
        else:
            yield Figure(
                "replays, every gate on / vectorbt, backtesting.py", math.nan, None, "left out: not installed"
            )


def _peers(ours: Engine) -> Iterator[Figure]:
    with Engine("vectorbt", MANY) as vectorbt:
        yield _promised("5 replays of 1M bars, every gate on / one of vectorbt", 5, ours, vectorbt)
        yield Figure(
            "peak memory of 1M bars replayed / of vectorbt's process",
            ours.last["peak"] / vectorbt.last["peak"],
            1.0,
        )
    with Engine("backtesting", MANY) as backtesting:
        yield _promised(
            "200 replays of 1M bars, every gate on / one of backtesting.py", 200, ours, backtesting
        )


def _promised(name: str, times: int, ours: Engine, theirs: Engine) -> Figure:
    ratio, _, note = _against(ours, theirs)
    return Figure(name, times * ratio, 1.0, note)


def _against(ours: Engine, theirs: Engine) -> tuple[float, None, str]:
    ratio = paired(ours.run, theirs.run, rounds=9)
    for side in ("in", "out"):
        assert ours.last[side] == theirs.last[side], f"{theirs.name} made other trades"
    # The spread of a thousandth of a cent, and fees rounded up to that: no more lies between us.
    trades = len(ours.last["in"])
    apart = abs(ours.last["profit"] - theirs.last["profit"])
    assert apart <= 0.006 * trades, f"{theirs.name} earned something else"
    return ratio, None, f"{trades} same trades"


def _speed(engine: Engine) -> str:
    return f"{MANY / engine.last['s'] / 1e6:.0f}M bars/s, {engine.last['peak'] / 1024:.0f} MiB here"
