from contextlib import contextmanager
from dataclasses import replace as changed
from decimal import Decimal

import pytest

from defi_analytics.backtest import replay
from defi_analytics.backtest.bars import BarModel
from defi_analytics.backtest.replay import over_bars, over_books
from defi_analytics.domain.decision import IDLE, Holding
from tests.backtest.cases import BARS, BOOKS, NEXT, PARAMS, RULES, SAME, STRATEGY, books, run


def worded(view, holding, params):
    """Nothing that compiles."""
    return IDLE if Decimal(0) == 0 else None


def calling_itself(view, holding, params):
    return IDLE if params else calling_itself(view, holding, PARAMS)


class Called:
    def __call__(self, view, holding, params):
        return IDLE


@pytest.mark.parametrize("intend", [worded, calling_itself, Called()])
def test_a_strategy_that_cannot_be_compiled_runs_as_it_is_and_says_so(intend):
    strategy = changed(STRATEGY, intend=intend)
    result = over_bars(strategy, PARAMS, BARS, RULES, SAME)
    assert not result.compiled
    assert result.equity.tolist() == [0] * 5
    assert result.holding == Holding()


@pytest.mark.parametrize(
    ("run_it", "reason"),
    [
        (lambda: run(model=BarModel(0, 1, same_bar=True)), "less than one"),
        (lambda: run(model=BarModel(1, 0, same_bar=True)), "less than one"),
        (lambda: run(model=BarModel(950, 1, same_bar=True)), "no price to sell at"),
        (lambda: over_books(STRATEGY, PARAMS, BOOKS, RULES, -1), "late: less than none"),
        (lambda: over_books(STRATEGY, PARAMS, books([], []), RULES), "time_s: no rows"),
    ],
)
def test_a_replay_that_would_mean_nothing_is_refused(run_it, reason):
    with pytest.raises(ValueError, match=reason):
        run_it()


def test_columns_that_were_left_out_compile_as_well():
    fast, slow = over_bars(STRATEGY, PARAMS, BARS, RULES, SAME), run()
    assert fast.compiled
    assert fast.trades.profit.tolist() == slow.trades.profit.tolist() == [460]
    assert fast.equity.tobytes() == slow.equity.tobytes()


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_a_replay_in_parts_carries_what_is_held_and_what_waits_from_one_to_the_next(rows, monkeypatch):
    parts = []

    @contextmanager
    def counted():
        parts.append(rows)
        yield

    whole, whole_books = run(model=NEXT), over_books(STRATEGY, PARAMS, BOOKS, RULES, 1, interpreted=True)
    monkeypatch.setattr(replay, "CHUNK_ROWS", rows)
    monkeypatch.setattr(replay, "undisturbed", counted)
    cut = over_bars(STRATEGY, PARAMS, BARS, RULES, NEXT)
    assert cut.compiled
    assert len(parts) == -(-5 // rows)
    cut_books = over_books(STRATEGY, PARAMS, BOOKS, RULES, 1)
    for one, other in ((cut, whole), (cut_books, whole_books)):
        assert one.equity.tolist() == other.equity.tolist()
        assert one.holding == other.holding
        for name in one.orders.__slots__:
            assert getattr(one.orders, name).tolist() == getattr(other.orders, name).tolist()
    assert whole.orders.filled.tolist() == [10, 10]
    assert whole_books.orders.filled.tolist() == [10, 10]
