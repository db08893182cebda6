import os
import subprocess
import sys
from fractions import Fraction

import pytest

from defi_analytics.backtest.fingerprint import fingerprint
from defi_analytics.strategies.registry import STRATEGIES

SOURCE = """
import math
from enum import IntEnum
from typing import NamedTuple

LIMIT = 2.0
PAIR = (1, 2)

class Colour(IntEnum):
    RED = 3

class Point(NamedTuple):
    x: int
    y: float = 0.5

def far(point, most=4):
    return point.x > most and abs(point.y) > LIMIT

def made(step):
    def decide(point):
        beyond = [n for n in PAIR if n > far(point)]
        return Point(point.x + step + int(Colour.RED), math.sqrt(point.y)) if far(point) else beyond
    return decide

def even(n):
    return n == 0 or odd(n - 1)

def odd(n):
    return n != 0 and even(n - 1)

decide = made(1)
"""


def told(source, name="decide"):
    made = {"__name__": "somewhere"}
    exec(source, made)  # noqa: S102 - the snippet above
    return fingerprint(made[name])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 2.0", "LIMIT = 2"),
        ("LIMIT = 2.0", "LIMIT = 2.0000000000000004"),
        ("PAIR = (1, 2)", "PAIR = (1, 3)"),
        ("RED = 3", "RED = 4"),
        ("x: int\n    y: float = 0.5", "x: int\n    y: float = 0.25"),
        ("    x: int\n    y: float = 0.5", "    y: float\n    x: int"),
        ("most=4", "most=5"),
        ("> most", ">= most"),
        ("abs(point.y)", "round(point.y)"),
        ("math.sqrt", "math.exp"),
        ("n > far(point)]", "n < far(point)]"),
        ("made(1)", "made(2)"),
        ("made(1)", "made(1.0)"),
        ("made(1)", "made(True)"),
        ("def far(", "abs = math.floor\ndef far("),
    ],
)
def test_whatever_is_compiled_in_changes_it(old, new):
    changed = SOURCE.replace(old, new)
    assert changed != SOURCE
    assert None not in {told(SOURCE), told(changed)}
    assert told(changed) != told(SOURCE)


def test_a_function_that_is_called_from_a_closure_counts():
    source = SOURCE.replace("made(1)", "made(odd)")
    assert told(source) != told(source.replace("n != 0 and", "n > 0 and"))


@pytest.mark.parametrize(
    "same",
    [
        SOURCE.replace("def far(", "# Why.\n\n\ndef far("),
        SOURCE.replace("def made", "UNUSED = []\n\ndef made"),
        SOURCE.replace("n == 0", "n <= 0"),
    ],
)
def test_what_is_not_compiled_in_does_not(same):
    assert same != SOURCE
    assert told(same) == told(SOURCE)


def test_functions_that_call_each_other_come_to_an_end():
    assert told(SOURCE, "even") not in {told(SOURCE, "odd"), None}


@pytest.mark.parametrize("value", [[1], {"a": 1}, Fraction(1, 2), Fraction, sys, object()])
def test_what_could_change_unseen_has_none(value):
    made = {"__name__": "somewhere", "value": value}
    exec("def reads(): return value", made)  # noqa: S102 - the snippet itself
    assert fingerprint(made["reads"]) is None


def test_it_is_the_same_in_every_process():
    code = (
        "from defi_analytics.backtest.fingerprint import fingerprint;"
        "from defi_analytics.backtest.bars import replay_bars;"
        "from defi_analytics.strategies.registry import STRATEGIES;"
        "print(*(fingerprint(replay_bars(s.intend)) for s in STRATEGIES.values()))"
    )
    said = [
        subprocess.check_output(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, text=True
        ).split()
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    own = {name: strategy.intend for name, strategy in STRATEGIES.items()}
    assert len(set(said[0])) == len(set(own.values())) > 1, "strategies that share a function share its code"
    assert "None" not in said[0]
