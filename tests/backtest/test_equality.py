"""What is compiled and what trades live are one: bit for bit, on ten thousand random histories."""

import sys
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest

from defi_analytics.backtest.replay import over_bars, over_books
from defi_analytics.strategies.registry import STRATEGIES
from tests.backtest.histories import some_bars, some_books, some_params, some_rules

EACH = 1_680
"""Histories for each of three strategies over bars and over books: 10,080 in all, half of them perpetual."""

LOOPS = {"bars": (some_bars, over_bars), "books": (some_books, over_books)}


@contextmanager
def untraced():
    """Without coverage, which other tests measure of the same lines: here it would take most of the time."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


def bits(result):
    tables = result.trades, result.orders
    columns = [getattr(table, name).tobytes() for table in tables for name in table.__slots__]
    return (*columns, result.equity.tobytes(), repr(result.denials), repr(result.holding), result.trading)


# Long on a busy machine.
@pytest.mark.timeout(1_500)
@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
@pytest.mark.parametrize("loop", LOOPS)
def test_compiled_and_interpreted_replays_are_the_same_to_the_last_bit(loop, strategy):
    draw, replay = LOOPS[loop]
    rng = np.random.default_rng([20_261_122, list(STRATEGIES).index(strategy.name), list(LOOPS).index(loop)])
    trades, denials, whys = 0, Counter(), Counter()
    for number in range(EACH):
        with untraced():
            history, model = draw(rng)
            rules, params = some_rules(rng, perpetual=bool(number % 2)), some_params(rng, strategy)
            fast = replay(strategy, params, history, rules, model)
            slow = replay(strategy, params, history, rules, model, interpreted=True)
        assert (fast.compiled, slow.compiled) == (True, False)
        assert bits(fast) == bits(slow), f"history {number}"
        trades += len(slow.trades.profit)
        denials.update(slow.denials)
        whys.update(slow.trades.why.tolist())
    # Not vacuous: much was traded, for every reason to leave, and many rules had something to refuse.
    assert trades > EACH / 4
    assert len(whys) >= 3
    assert len(denials) >= {"bars": 12, "books": 18}[loop], denials
