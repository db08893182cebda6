"""The tool that breaks the code on purpose breaks what it says, and sees what notices."""

import sys
import types

import pytest

from tests import mutation
from tests.mutation import mutants

SOURCE = '''
LIMIT = 2

def capped(value: int = 3) -> int:
    """A docstring."""
    if value <= LIMIT and not value < 0:
        return min(value, LIMIT) + 1
    return -value
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    path = tmp_path / "capping.py"
    path.write_text(SOURCE)
    monkeypatch.setattr(mutation, "ROOT", tmp_path)
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
        (8, "-value  ->  value", "capped"),
    ]:
        assert expected in found
    assert not any("docstring" in what for _, what, _ in found)


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
