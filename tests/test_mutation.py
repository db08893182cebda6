"""The tool that breaks the code on purpose breaks what it says, and sees what notices."""

import ast
import os
import subprocess
import sys
import types

import pytest

from tests import mutants as breaking
from tests import mutation
from tests.mutants import GATE, PACKAGE, ROOT, mutants, of_rules

SOURCE = '''
LIMIT = 2

def capped(value: int = 3) -> int:
    """A docstring."""
    if value <= LIMIT and not value < 0:
        return min(value, LIMIT) + 1
    if value == 3:
        raise ValueError(f"{1} is in a message, which no test should repeat")
    return -value
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    path = tmp_path / "capping.py"
    path.write_text(SOURCE)
    monkeypatch.setattr(breaking, "ROOT", tmp_path)
    made = types.ModuleType("capping")
    exec(SOURCE, made.__dict__)  # noqa: S102 - the snippet above
    monkeypatch.setitem(sys.modules, "capping", made)
    return path


def test_every_place_is_broken_once_per_way(module):
    found = [(m.line, m.what, m.function) for m in mutants(module)]
    assert len(found) == len(set(found))
    for expected in [
        (2, "2  ->  3", ""),
        (2, "2  ->  1", ""),
        (4, "3  ->  4", ""),
        (6, "value <= LIMIT  ->  value < LIMIT", "capped"),
        (6, "value <= LIMIT  ->  value > LIMIT", "capped"),
        (6, "value <= LIMIT and (not value < 0)  ->  value <= LIMIT or not value < 0", "capped"),
        (6, "not value < 0  ->  value < 0", "capped"),
        (7, "return min(value, LIMIT) + 1  ->  return None", "capped"),
        (7, "min(value, LIMIT)  ->  max(value, LIMIT)", "capped"),
        (7, "min(value, LIMIT) + 1  ->  min(value, LIMIT) - 1", "capped"),
        (10, "-value  ->  value", "capped"),
    ]:
        assert expected in found
    assert not any("docstring" in what or line == 9 for line, what, _ in found)
    assert {m.span for m in mutants(module)} == {(0, 0), (5, 10)}


def test_a_comparison_of_a_rule_is_swapped_and_moved_by_one_float(module):
    module.write_text("def rule(v, most):\n    return at_most(CODE, v, most), refused_if(CODE, v < 1)\n")
    found = [m.what for m in mutants(module)]
    assert "at_most(CODE, v, most)  ->  at_most(CODE, most, v)" in found
    assert "at_most(CODE, v, most)  at its limit" in found
    assert "refused_if(CODE, v < 1)  ->  refused_if(CODE, not v < 1)" in found


def test_one_of_several_calls_in_a_row_is_left_out(module):
    module.write_text("def all_of(x):\n    return (a(x), b(x), c(x))\n")
    said = [m.what for m in mutants(module)]
    assert said[-3:] == ["without a(x)", "without b(x)", "without c(x)"]


def test_a_mutant_differs_in_that_place_alone(module):
    sources = {m.source for m in mutants(module)}
    assert len(sources) == len(mutants(module))
    assert module.read_text() == SOURCE


def test_a_function_is_broken_wherever_it_was_imported_to(module):
    imported_elsewhere = sys.modules["capping"].capped
    assert imported_elsewhere(2) == 3
    broken = next(m for m in mutants(module) if m.what.endswith("min(value, LIMIT) - 1"))
    assert mutation._exchanged(broken)
    assert imported_elsewhere(2) == 1


def test_what_is_no_function_is_left_to_a_new_import(module):
    broken = next(m for m in mutants(module) if m.line == 2)
    assert not mutation._exchanged(broken._replace(function="nowhere"))


def test_a_mutant_that_is_excused_exists_and_has_a_reason():
    for excused, reason in mutation.EQUIVALENT.items():
        place, what = excused.split(": ", 1)
        assert what in {m.what for m in mutants(PACKAGE / place)}, (place, what)
        assert len(reason.split()) > 3


def rules_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    made = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef) and not f.name.startswith("_")}
    return {name for name, f in made.items() if f.returns and ast.unparse(f.returns) == "Verdict"}


def test_every_rule_is_asked_by_the_gate_and_is_broken_both_ways():
    said = [m.what for m in of_rules() if m.path == GATE]
    for way in ("without ", "the opposite of "):
        named = {what.removeprefix(way).split("(")[0] for what in said if what.startswith(way)}
        # What is asked of all orders of a group together is not in that list: tests/risk/test_gate.py breaks it.
        rules = (path for path in (PACKAGE / "risk" / "rules").glob("*.py") if path.stem != "legs")
        assert named == set().union(*map(rules_in, rules))


def test_a_rule_that_is_gone_inverted_or_off_by_one_at_its_limit_fails_a_test_of_the_rules():
    """In a process of its own: its tests fork, and meet no coverage that slows them."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTEST"))}
    asked = [sys.executable, "-m", "tests.mutation", "--rules"]
    done = subprocess.run(asked, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(list(of_rules()))} of" in " ".join(done.stdout.split())
