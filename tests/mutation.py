"""Breaks the code on purpose, one place at a time, and counts how often a test notices.

    python -m tests.mutation risk domain mispricing        # rooms, or modules such as risk/gate.py
    python -m tests.mutation risk --every 5                # a fifth of the mutants, spread evenly
    python -m tests.mutation --rules                       # every rule of `risk`: gone, inverted, at its limit

A mutant is killed when a test of its room fails, or one of a module of the decision core that imports it; or
when these tests take several times as long as they should. They are collected and watched once; each mutant
then runs in a forked process, and in it only the tests that reach its function: first those of its own module,
then those of its users, the quickest first. Inside a function only its code is exchanged; for the rest of a
module everything is imported anew. What no test noticed is listed; the exit code is 1 when fewer than
`--least` of the mutants of any room were killed.
"""

import argparse
import functools
import importlib.abc
import importlib.util
import os
import pickle
import resource
import sys
import time
import types
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import NamedTuple

import _pytest.main
import coverage
import hypothesis
import pytest

from tests.mutants import PACKAGE, ROOT, Mutant, mutants, of_rules

TESTS = ROOT / "tests"
CORE = ("domain", "metrics", "mispricing", "risk", "strategies")
PATIENCE, PATIENCE_S = 4, 10
"""A mutant may use this many times the CPU time its tests use without it, and this much more."""
MOST_BYTES = 4 * 2**30
SURVIVED, KILLED, UNFIT = 0, 1, 2

_SUM = "account.pending_buys + account.pending_sells"
EQUIVALENT = {
    "domain/inventory.py: held.quantity > 0  ->  held.quantity >= 0": "a quantity of zero was dealt with before",
    "mispricing/oracle.py: edge.signal is None or not edge.stands  ->  not edge.stands": (
        "what stands has a signal; asked for the type alone"
    ),
    "mispricing/pairing.py: market.verified and market.status is MarketStatus.ACTIVE  ->  "
    "market.status is MarketStatus.ACTIVE": "what is not known is comparable with nothing either",
    "mispricing/pricing.py: 60  ->  59": "more digits than any product of two has",
    "risk/exposure.py: self.long + self.short  ->  self.long - self.short": "asked only whether one is no number",
    "risk/exposure.py: math.isnan(price) or math.isnan(mark)  ->  math.isnan(mark)": (
        "`max` of NaN and a number is its first argument"
    ),
    "risk/rules/legs.py: net.get(leg.asset, 0.0) + leg.side * leg.notional  ->  "
    "net.get(leg.asset, 0.0) - leg.side * leg.notional": "only its distance from zero counts",
    "risk/limits.py: math.isnan(mine) or math.isnan(theirs)  ->  math.isnan(theirs)": (
        "`min` and `max` of NaN and a number are their first argument"
    ),
    "risk/liquidation.py: quantity > 0.0  ->  quantity >= 0.0": "a position of nothing has no price, and never comes so far",
    "risk/stops.py: holding.lots > 0  ->  holding.lots >= 0": "nothing held was dealt with before",
    "risk/stops.py: position.quantity > 0  ->  position.quantity >= 0": "nothing held was dealt with before",
    "risk/rules/price.py: math.isfinite(reference) and reference > 0.0  ->  reference > 0.0": (
        "a fraction of the infinite is no number, which refuses too"
    ),
    "risk/rules/size.py: order.side > 0  ->  order.side >= 0": "a side is 1 or -1: `grid` refuses others",
    "risk/rules/state.py: order.side > 0  ->  order.side >= 0": "a side is 1 or -1: `grid` refuses others",
    "risk/rules/state.py: amounts + counts  ->  amounts - counts": "asked only whether it is finite",
    "risk/liquidation.py: held.quantity * after > 0.0  ->  held.quantity * after >= 0.0": (
        "nothing is left then, and nothing is as far as can be"
    ),
    f"risk/rules/state.py: {_SUM}  ->  {_SUM.replace('+', '-')}": "asked only whether it is finite",
    "risk/stops.py: 60  ->  59": "more digits than any product of two has",
    "risk/stops.py: 60  ->  61": "more digits than any product of two has",
}
"""Module and change of a mutant that behaves like the original, and why."""


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports one module from the mutant's source instead of its file."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, fullname: str, path: object, target: object = None):
        if fullname != self.mutant.module:
            return None
        return importlib.util.spec_from_file_location(fullname, self.mutant.path, loader=self)

    def get_source(self, fullname: str) -> str:
        return self.mutant.source

    def is_package(self, fullname: str) -> bool:
        return False


class Watched(NamedTuple):
    """What the tests do as long as nothing is broken; a test is named by its place in the collection."""

    passed: bool
    cpu_s: list[float]
    lines: dict[str, dict[int, set[int]]]
    """Of a file: of a line: the tests that ran it."""


class Breaking:
    """A pytest plugin that runs the collected tests once as they are, then once for each mutant."""

    def __init__(self, chosen: list[Mutant], jobs: int) -> None:
        self.chosen, self.jobs = chosen, jobs
        self.alive: list[Mutant] = []
        self.timed_out = 0
        self.sound = False
        self.measured: coverage.Coverage | None = None
        self.cpu_s: list[float] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        watched = self._watched(session)
        self.sound = bool(session.items) and watched.passed
        running: dict[int, Mutant] = {}
        for mutant in self.chosen if self.sound else ():
            if len(running) == self.jobs:
                self._wait(running)
            items = _selected(mutant, session.items, watched)
            budget_s = PATIENCE_S + PATIENCE * sum(watched.cpu_s[i] for i in items)
            tests = [session.items[i] for i in items]
            running[_forked(lambda b=mutant, t=tests: _noticed(session, b, t), budget_s)] = mutant
        while running:
            self._wait(running)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if self.measured is None:
            return (yield)
        self.measured.switch_context(str(len(self.cpu_s)))
        started = time.process_time()
        try:
            return (yield)
        finally:
            self.cpu_s.append(time.process_time() - started)

    def _watched(self, session: pytest.Session) -> Watched:
        """In a process of its own: what a test leaves behind should not meet a mutant."""
        reading, writing = os.pipe()

        def watch() -> bool:
            paths = sorted({str(mutant.path) for mutant in self.chosen})
            self.measured = coverage.Coverage(data_file=None, include=paths, config_file=False)
            self.measured.start()
            failed = _fails(session, session.items)
            self.measured.stop()
            data = self.measured.get_data()
            lines = {
                path: {n: {int(c) for c in tests if c} for n, tests in data.contexts_by_lineno(path).items()}
                for path in paths
            }
            with os.fdopen(writing, "wb") as out:
                pickle.dump(Watched(not failed, self.cpu_s, lines), out)
            return failed

        pid = _forked(watch)
        os.close(writing)
        with os.fdopen(reading, "rb") as answer:
            told = answer.read()
        os.waitpid(pid, 0)
        return pickle.loads(told) if told else Watched(False, [], {})  # noqa: S301 - our own child wrote it

    def _wait(self, running: dict[int, Mutant]) -> None:
        pid, status = os.wait()
        mutant = running.pop(pid)
        self.timed_out += os.WIFSIGNALED(status)
        if os.waitstatus_to_exitcode(status) == UNFIT:
            raise RuntimeError(f"cannot be run: {_told(mutant)}")
        if status == SURVIVED:
            self.alive.append(mutant)
            sys.stderr.write(f"survived: {_told(mutant)}\n")


def _forked(noticed: Callable[[], bool], budget_s: float = 600) -> int:
    """Its process id; what it exits with is whether a test noticed."""
    pid = os.fork()
    if pid == 0:
        code = UNFIT
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (int(budget_s), int(budget_s)))
            resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
            code = KILLED if noticed() else SURVIVED
        finally:
            os._exit(code)
    return pid


def _selected(mutant: Mutant, items: list[pytest.Item], watched: Watched) -> list[int]:
    """The tests that can notice it, in the order in which they should be asked."""
    own, users = tests_of(mutant.path), {t for user in users_of(mutant.path) for t in tests_of(user)}
    room = TESTS / room_of(mutant.path)
    ranks: dict[int, int] = {}
    for index, item in enumerate(items):
        if item.path in own or item.path in users or item.path.is_relative_to(room):
            ranks[index] = 0 if item.path in own else 1 if item.path in users else 2
    first, last = mutant.span
    lines = watched.lines[str(mutant.path)]
    reaching = {test for line in range(first, last + 1) for test in lines.get(line, ())}
    chosen = [i for i in ranks if i in reaching or not mutant.function]
    return sorted(chosen, key=lambda i: (ranks[i], watched.cpu_s[i]))


def _noticed(session: pytest.Session, mutant: Mutant, items: list[pytest.Item]) -> bool:
    if mutant.function and _exchanged(mutant):
        return _fails(session, items)
    sys.meta_path.insert(0, _Mutated(mutant))
    for name in [n for n in sys.modules if n.split(".")[0] in {"defi_analytics", "tests"}]:
        del sys.modules[name]
    files = list(dict.fromkeys(str(item.path) for item in items))
    own = [name for name in files if Path(name) in tests_of(mutant.path)]
    runs = [own, [name for name in files if name not in own]]
    return any(pytest.main([*OPTIONS, "-x", *run]) != 0 for run in runs if run)


def _fails(session: pytest.Session, items: list[pytest.Item]) -> bool:
    session.items[:] = items
    session.config.option.maxfail = 1
    try:
        _pytest.main.pytest_runtestloop(session)
    except session.Failed:
        return True
    return session.testsfailed > 0


def _exchanged(mutant: Mutant) -> bool:
    """Gives the function, wherever it was imported to, the mutant's code; False where it has no plain one."""
    code = compile(mutant.source, str(mutant.path), "exec")
    for part in mutant.function.split("."):
        code = next((c for c in code.co_consts if getattr(c, "co_name", None) == part), None)
        if code is None:
            return False
    found: object = sys.modules.get(mutant.module)
    for part in mutant.function.split("."):
        found = vars(found).get(part) if found else None
    found = getattr(found, "fget", getattr(found, "__func__", found))
    if not isinstance(found, types.FunctionType) or found.__code__.co_freevars != code.co_freevars:
        return False
    found.__code__ = code
    return True


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


@functools.cache
def tests_of(path: Path) -> set[Path]:
    """The test modules that mirror a module."""
    return set((TESTS / path.relative_to(PACKAGE).parent).glob(f"test_{path.stem.strip('_')}*.py"))


@functools.cache
def users_of(path: Path) -> list[Path]:
    """The modules of the decision core that import it."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    core = (p for room in CORE for p in sorted((PACKAGE / room).rglob("*.py")))
    return [p for p in core if f"from {module} import" in p.read_text(encoding="utf-8")]


OPTIONS = [
    *("-q", "-s", "--assert=plain"),
    *("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cov"),
]


def broken(chosen: list[Mutant], jobs: int, asked: set[Path]) -> Breaking:
    """What became of these mutants with the tests in these places."""
    # Compiling takes longer than all other tests together, and would only say the same once more.
    sys.modules["numba"] = None
    # Whether it fails is asked, not where it fails first: looking for a smaller example takes half of the time.
    asked_for = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutation", max_examples=25, database=None, derandomize=True, deadline=None, phases=asked_for
    )
    hypothesis.settings.load_profile("mutation")
    breaking = Breaking(chosen, jobs)
    pytest.main([*OPTIONS, *sorted(map(str, asked))], plugins=[breaking])
    return breaking


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rooms", nargs="*")
    parser.add_argument("--rules", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--least", type=float, default=0.9)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args(arguments)
    places = [PACKAGE / room for room in asked.rooms]
    paths = [p for place in places for p in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    found = [*(of_rules() if asked.rules else ()), *(mutant for path in paths for mutant in mutants(path))]
    chosen = [m for m in found if f"{_place(m)}: {m.what}" not in EQUIVALENT][:: asked.every]
    tests = {TESTS / "risk" / "rules"} if asked.rules else set()
    breaking = broken(chosen, asked.jobs, tests | _noticing(paths))
    if not breaking.sound:
        sys.stderr.write("the tests fail as it is\n")
        return 2
    return _report(chosen, breaking, 1.0 if asked.rules else asked.least)


def _noticing(paths: list[Path]) -> set[Path]:
    """The rooms' own tests, and those of their users elsewhere."""
    rooms = {TESTS / room_of(path) for path in paths}
    users = {test for path in paths for user in users_of(path) for test in tests_of(user)}
    return rooms | {test for test in users if not any(test.is_relative_to(room) for room in rooms)}


def _report(chosen: list[Mutant], breaking: Breaking, least: float) -> int:
    alive = sorted(breaking.alive, key=lambda m: (m.path, m.line, m.what))
    sys.stdout.write("".join(f"{_told(mutant)}\n" for mutant in alive) + "\n")
    for name in (_place, lambda m: room_of(m.path)):
        made, left = Counter(map(name, chosen)), Counter(map(name, alive))
        rates = {place: 1 - left[place] / made[place] for place in made}
        for place, rate in rates.items():
            sys.stdout.write(f"{place:32} {made[place] - left[place]:5} of {made[place]:5}  {rate:7.1%}\n")
        sys.stdout.write("\n")
    sys.stdout.write(f"{breaking.timed_out} of the killed took too long.\n")
    return 0 if min(rates.values()) >= least else 1


def _place(mutant: Mutant) -> str:
    return mutant.path.relative_to(PACKAGE).as_posix()


def _told(mutant: Mutant) -> str:
    return f"{mutant.path.relative_to(ROOT)}:{mutant.line}: {mutant.what}"


if __name__ == "__main__":
    sys.exit(main())
