"""Forks one life after the other and kills it: imports are paid once, recovery every time.

python -m tests.integration.kills.lives HOME PORT SEED KILLS [--market TICKER]... [--limited | --broken | --resting] [--hot] [--once]
"""

import argparse
import json
import os
import select
import signal
import statistics
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.integration.kills.life import RESTING_BLOCKS, Place, lived
from tests.integration.kills.local_chain import LocalChain
from tests.integration.kills.person import Person

LONGEST_START_S = 20.0
RECORDS = ("signed", "sent", "resolved", "fills", "decision")


@dataclass
class Life:
    """A child, and what it told so far."""

    pid: int
    pipe: int
    began: float
    said: list = field(default_factory=list)
    rest: bytes = b""
    code: int | None = None

    def listen(self, until: float, wanted=lambda line: False) -> bool:
        """Until the time, the line that is wanted, or its end; whether the line came."""
        while True:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.pipe], [], [], left)[0]:
                return False
            told = os.read(self.pipe, 65536)
            if not told:
                return False
            *lines, self.rest = (self.rest + told).split(b"\n")
            for line in lines:
                self.said.append((time.monotonic() - self.began, line.decode()))
            if any(wanted(line.decode()) for line in lines):
                return True

    def kill(self) -> bool:
        """Whether it was still alive."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        self.listen(time.monotonic() + 0.2)
        os.close(self.pipe)
        self.code = os.waitstatus_to_exitcode(status)
        return self.code == -signal.SIGKILL


def born(place: Place, cycles=None, *, wait=False) -> Life:
    """`wait` lets it stop before it does anything, until it is told to go on."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        code = 98
        try:
            if wait:
                os.kill(os.getpid(), signal.SIGSTOP)
            code = lived(place, writing, cycles)
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    return Life(pid, reading, time.monotonic())


@dataclass
class Reaper:
    """Decides when to kill, by its own chance."""

    random: Random
    cycles_s: deque = field(default_factory=lambda: deque([0.3], maxlen=30))
    starts_s: deque = field(default_factory=lambda: deque([0.2], maxlen=30))
    hit: Counter = field(default_factory=Counter)
    """In which moment of the journal the kills fell, as the next life found it."""
    aims: Counter = field(default_factory=Counter)
    ended: Counter = field(default_factory=Counter)
    """Exit codes of lives that ended before they were killed."""
    errors: Counter = field(default_factory=Counter)
    kills: int = 0
    last_words: list = field(default_factory=list)

    def end(self, life: Life) -> None:
        aim = self.random.choices(("start", "time", "record"), (15, 60, 25))[0]
        self.aims[aim] += 1
        getattr(self, f"_after_{aim}")(life)
        lasted_s = time.monotonic() - life.began
        killed = life.kill()
        self.kills += killed
        if not killed:
            self.ended[life.code] += 1
            self.last_words.append([line for _, line in life.said[-3:]])
        self._learn(life, lasted_s)

    def _after_start(self, life: Life) -> None:
        life.listen(life.began + self.random.uniform(0, 1.2 * statistics.median(self.starts_s)))

    def _after_time(self, life: Life) -> None:
        self._wait_awake(life)
        life.listen(time.monotonic() + self.random.uniform(0.02, 2 * statistics.median(self.cycles_s)))

    def _after_record(self, life: Life) -> None:
        self._wait_awake(life)
        kind = self.random.choice(RECORDS)
        most = time.monotonic() + 3 * statistics.median(self.cycles_s)
        life.listen(most, lambda line: line == f"wrote {kind}")
        # Signing and sending take a while; between two other records there is next to nothing.
        life.listen(time.monotonic() + self.random.uniform(0, 0.06 if kind == "decision" else 0.01))

    def _wait_awake(self, life: Life) -> None:
        if not any(line.startswith("awake") for _, line in life.said):
            life.listen(life.began + LONGEST_START_S, lambda line: line.startswith("awake"))

    def _learn(self, life: Life, lasted_s: float) -> None:
        previous = None
        for at, line in life.said:
            what, _, rest = line.partition(" ")
            if what == "awake":
                self.hit[rest] += 1
                self.starts_s.append(at)
                previous = at
            elif what == "cycle" and previous is not None:
                if rest:
                    # It ended early: to aim by such would let no other come to its order.
                    self.errors[rest] += 1
                else:
                    self.cycles_s.append(at - previous)
                previous = at
        if previous is not None and lasted_s - previous > statistics.median(self.cycles_s):
            # A machine that is busy: none of its cycles would ever be seen to end.
            self.cycles_s.append(1.5 * (lasted_s - previous))


def left_resting(place: Place) -> tuple[int, int]:
    """How many orders are on the book when an agent, which only leaves such, is killed; and some blocks later."""
    chain = LocalChain(f"http://127.0.0.1:{place.port}")
    life = born(place)
    while not (resting := len(chain.ledger()["orders"])):
        life.listen(time.monotonic() + 0.05)
    life.kill()
    chain.wait_blocks(RESTING_BLOCKS + 2)
    return resting, len(chain.ledger()["orders"])


def settled(place: Place) -> str:
    """A last life without faults or kills: how it ended."""
    life = born(place, cycles=2)
    life.listen(life.began + 60, lambda line: line.startswith("ended"))
    _, status = os.waitpid(life.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return f"{code} {life.said[-1][1] if code else ''}".strip()


def main() -> None:
    told = argparse.ArgumentParser()
    told.add_argument("home", type=Path)
    told.add_argument("port", type=int)
    told.add_argument("seed", type=int)
    told.add_argument("kills", type=int)
    told.add_argument("--market", action="append")
    told.add_argument("--limited", action="store_true")
    told.add_argument("--broken", action="store_true")
    told.add_argument("--resting", action="store_true")
    told.add_argument("--hot", action="store_true")
    told.add_argument("--once", action="store_true")
    own = told.parse_args()
    place = Place(
        own.home,
        own.port,
        tuple(own.market or Place.markets),
        limited=own.limited,
        restless=own.resting,
        broken=own.broken,
        hot=own.hot,
        once=own.once,
    )
    if own.resting:
        sys.stdout.write(json.dumps([left_resting(place) for _ in range(own.kills)]) + "\n")
        return
    reaper, chain = Reaper(Random(own.seed)), LocalChain(f"http://127.0.0.1:{place.port}")
    person = Person(chain, Random(own.seed))
    began = time.monotonic()
    while reaper.kills < own.kills and sum(reaper.ended.values()) < own.kills:
        life = born(place)
        if place.hot:
            person.may_trade()
        reaper.end(life)
    took_s = time.monotonic() - began
    chain.set_faults([])
    person.leave()
    report = {
        "last": settled(place),
        "kills": reaper.kills,
        "by_hand": person.sent,
        "hit": reaper.hit,
        "aims": reaper.aims,
        "ended": {str(code): count for code, count in reaper.ended.items()},
        "errors": reaper.errors,
        "last_words": reaper.last_words[-5:],
        "cycle_s": statistics.median(reaper.cycles_s),
        "start_s": statistics.median(reaper.starts_s),
        "took_s": took_s,
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
