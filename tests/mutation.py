"""Breaks the code on purpose, one place at a time, and counts how often a test notices.

    python -m tests.mutation risk domain mispricing        # rooms, or modules such as risk/gate.py
    python -m tests.mutation risk --every 5                # a fifth of the mutants, spread evenly

The tests of a room are collected once; each mutant then runs in a forked process, the tests of its own module
first. Inside a function only its code is exchanged; for the rest of a module everything is imported anew. What
no test noticed is listed; the exit code is 1 when fewer than `--least` of the mutants were killed.
"""

import argparse
import ast
import copy
import importlib.abc
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import _pytest.main
import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE, TESTS = ROOT / "defi_analytics", ROOT / "tests"
LONGEST_S = 60
KILLED, SURVIVED = 1, 0

COMPARED = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
COMPUTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult}
RENAMED = {"min": "max", "max": "min", "any": "all", "all": "any"}


class Mutant(NamedTuple):
    path: Path
    line: int
    what: str
    source: str
    function: str
    """Qualified name of the outermost function it is in; empty outside of any."""

    @property
    def module(self) -> str:
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts)


def mutants(path: Path) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node, function in list(_nodes(tree)):
        for replacement in _changed(node):
            source = _with(tree, node, replacement)
            what = f"{_short(node)}  ->  {_short(replacement)}"
            found.append(Mutant(path, node.lineno, what, source, function))
    return sorted(found, key=lambda m: m.line)


def _nodes(
    node: ast.AST, scope: tuple[str, ...] = (), function: str = ""
) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """What runs, and the function it is in: no annotations, no decorators, no imports."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        scope = (*scope, node.name)
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"} or isinstance(value, ast.JoinedStr):
            continue
        body = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name == "body"
        within = function or (".".join(scope) if body else "")
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.expr | ast.stmt):
                yield child, within
            if isinstance(child, ast.AST) and not isinstance(child, ast.Import | ast.ImportFrom):
                yield from _nodes(child, scope, within)


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            for index, operator in enumerate(node.ops):
                for other in COMPARED[type(operator)]:
                    changed = copy.deepcopy(node)
                    changed.ops[index] = other()
                    yield changed
        case ast.BinOp() if type(node.op) in COMPUTED:
            yield ast.BinOp(node.left, COMPUTED[type(node.op)](), node.right)
        case ast.AugAssign() if type(node.op) in COMPUTED:
            yield ast.AugAssign(node.target, COMPUTED[type(node.op)](), node.value)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            for index in range(len(node.values)):
                rest = node.values[:index] + node.values[index + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.IfExp():
            yield from (node.body, node.orelse)
        case ast.If():
            for outcome in (True, False):
                yield ast.If(ast.Constant(outcome), node.body, node.orelse)
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield from (ast.Constant(node.value + 1), ast.Constant(node.value - 1))
        case ast.Call(func=ast.Name(id=name)) if name in RENAMED:
            yield ast.Call(ast.Name(RENAMED[name], ast.Load()), node.args, node.keywords)


def _with(tree: ast.Module, old: ast.AST, new: ast.AST) -> str:
    """The source with one node replaced; the tree itself is put back as it was."""
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                text = ast.unparse(tree)
                setattr(parent, name, old)
                return text
            if isinstance(value, list) and any(item is old for item in value):
                index = next(i for i, item in enumerate(value) if item is old)
                value[index] = new
                text = ast.unparse(tree)
                value[index] = old
                return text
    raise AssertionError("the node is not in the tree")


def _short(node: ast.AST) -> str:
    return ast.unparse(node).split("\n")[0][:70]


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


class Breaking:
    """A pytest plugin that runs the collected tests once as they are, then once for each mutant."""

    def __init__(self, chosen: list[Mutant], jobs: int) -> None:
        self.chosen, self.jobs = chosen, jobs
        self.alive: list[Mutant] = []
        self.sound = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        untouched = _forked(lambda: _fails(session, session.items))
        self.sound = bool(session.items) and os.waitpid(untouched, 0)[1] == SURVIVED
        running: dict[int, Mutant] = {}
        for mutant in self.chosen if self.sound else ():
            if len(running) == self.jobs:
                self._wait(running)
            running[_forked(lambda broken=mutant: _noticed(session, broken))] = mutant
        while running:
            self._wait(running)
        return True

    def _wait(self, running: dict[int, Mutant]) -> None:
        pid, status = os.wait()
        mutant = running.pop(pid)
        if status == SURVIVED:
            self.alive.append(mutant)


def _forked(noticed: Callable[[], bool]) -> int:
    """Its process id; what it exits with is whether a test noticed."""
    pid = os.fork()
    if pid == 0:
        code = KILLED
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            code = KILLED if noticed() else SURVIVED
        finally:
            os._exit(code)
    return pid


def _noticed(session: pytest.Session, mutant: Mutant) -> bool:
    own = f"test_{mutant.path.stem}"
    if mutant.function and _exchanged(mutant):
        return _fails(session, sorted(session.items, key=lambda item: not item.path.stem.startswith(own)))
    sys.meta_path.insert(0, _Mutated(mutant))
    for name in [n for n in sys.modules if n.split(".")[0] in {"defi_analytics", "tests"}]:
        del sys.modules[name]
    beside = TESTS / mutant.path.relative_to(PACKAGE).parent
    runs = [sorted(map(str, beside.glob(f"{own}*.py"))), [str(TESTS / _room(mutant.path))]]
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
    found = getattr(found, "fget", found)
    if not isinstance(found, types.FunctionType) or found.__code__.co_freevars != code.co_freevars:
        return False
    found.__code__ = code
    return True


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


OPTIONS = [
    "-q", "-s", "--assert=plain", f"--timeout={LONGEST_S}",
    *("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cov"),
]  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rooms", nargs="+")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--least", type=float, default=0.9)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args(arguments)
    # Compiling takes longer than all other tests together, and would only say the same once more.
    sys.modules["numba"] = None
    hypothesis.settings.register_profile(
        "mutation", max_examples=25, database=None, derandomize=True, deadline=None
    )
    hypothesis.settings.load_profile("mutation")
    places = [PACKAGE / room for room in asked.rooms]
    paths = [p for place in places for p in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    chosen = [mutant for path in paths for mutant in mutants(path)][:: asked.every]
    alive = []
    for room in dict.fromkeys(_room(path) for path in paths):
        breaking = Breaking([m for m in chosen if _room(m.path) == room], asked.jobs)
        pytest.main([*OPTIONS, str(TESTS / room)], plugins=[breaking])
        if not breaking.sound:
            sys.stderr.write(f"the tests of {room} fail as it is\n")
            return 2
        alive += breaking.alive
    return _report(chosen, alive, asked.least)


def _report(chosen: list[Mutant], alive: list[Mutant], least: float) -> int:
    for mutant in sorted(alive, key=lambda m: (m.path, m.line)):
        sys.stdout.write(f"{mutant.path.relative_to(ROOT)}:{mutant.line}: {mutant.what}\n")
    rate = 1 - len(alive) / len(chosen)
    sys.stdout.write(f"{len(chosen) - len(alive)} of {len(chosen)} mutants killed: {rate:.1%}\n")
    return 0 if rate >= least else 1


if __name__ == "__main__":
    sys.exit(main())
