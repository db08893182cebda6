import math

import numpy as np
import pytest

from defi_analytics.backtest.history import (
    MOST_TICKS,
    Bars,
    Signal,
    checked_bars,
    checked_books,
    checked_inputs,
    checked_signal,
    plain,
)
from defi_analytics.domain.decision import MOST_CASH, MOST_LOTS

FAIR = checked_signal([100.0, math.nan])
THREE = checked_signal([100.0] * 3)
TIMES = [1.0, 2.0]
BIDS = ([0, 2, 3], [99, 98, 97], [1, 2, 3])
ASKS = ([0, 1, 3], [101, 101, 102], [1, 2, 3])


def told(oracle, age_s=(1.0, -1.0)):
    return checked_inputs(oracle, age_s, np.zeros(len(oracle)), np.zeros(len(oracle)), published=True)


def test_books_without_inputs_are_fresh_and_their_last_middle_stands_for_the_oracle():
    nobody = ([0, 0, 1, 1], [98], [1])
    books = checked_books([1.0, 2.0, 3.0], nobody, ([0, 1, 2, 3], [101, 101, 102], [1, 2, 3]), THREE)
    inputs = plain(books).inputs
    assert math.isnan(inputs.oracle[0])
    assert (inputs.oracle[1:], *inputs[1:]) == ([99.5, 99.5], [0.0] * 3, [0.0] * 3, [0.0] * 3, False)


def test_inputs_may_be_unknown_or_early():
    inputs = plain(told([100.0, math.nan]))
    assert (inputs.oracle[0], inputs.oracle_age_s, inputs.published) == (100.0, [1.0, -1.0], True)
    assert math.isnan(inputs.oracle[1])


def test_what_is_not_told_is_no_number():
    assert math.isnan(FAIR.fair[1])
    assert np.isnan(FAIR.uncertainty).all()
    assert np.isnan(FAIR.until_s).all()


def test_bars_become_arrays_and_those_python_s_own_numbers_again():
    bars = checked_bars(TIMES, [99, 100], [100, 101], FAIR)
    own = plain(bars)
    assert isinstance(own, Bars)
    assert isinstance(own.signal, Signal)
    assert (own.time_s, own.open, own.close) == (TIMES, [99, 100], [100, 101])
    assert {type(price) for price in own.close} == {int}


def test_the_levels_of_rows_lie_one_after_the_other():
    books = checked_books(TIMES, BIDS, ASKS, FAIR)
    assert plain(books).bid_ticks == [99, 98, 97]
    assert plain(books).ask_from == [0, 1, 3]


def test_rows_without_levels_are_allowed_anywhere():
    nothing = ([0, 0, 0], np.array([], int), np.array([], int))
    assert len(checked_books(TIMES, nothing, nothing, FAIR).bid_ticks) == 0
    assert checked_books(TIMES, ([0, 0, 1], [5], [1]), ([0, 1, 1], [5], [1]), FAIR).ask_lots.tolist() == [1]


def test_no_sum_of_what_is_accepted_outgrows_64_bits():
    assert MOST_TICKS * MOST_LOTS < MOST_CASH


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: checked_bars([1.0, math.nan], [1, 1], [1, 1], FAIR), "time_s: row 1 is not a time"),
        (lambda: checked_bars([1.0, 1.0], [1, 1], [1, 1], FAIR), "time_s: row 1 is not later"),
        (lambda: checked_bars([2.0, 1.0], [1, 1], [1, 1], FAIR), "time_s: row 1 is not later"),
        (lambda: checked_bars([[1.0, 2.0]], [1, 1], [1, 1], FAIR), "time_s: not one number a row"),
        (lambda: checked_bars(TIMES, [1, 0], [1, 1], FAIR), "open: row 1 is not within"),
        (lambda: checked_bars(TIMES, [1, 1], [1, MOST_TICKS + 1], FAIR), "close: row 1 is not within"),
        (lambda: checked_bars(TIMES, [1, 1], [1.0, math.inf], FAIR), "close: not whole numbers"),
        (lambda: checked_bars(TIMES, [1], [1, 1], FAIR), "open: 1 rows of 2"),
        (lambda: checked_bars([1.0], [1], [1], FAIR), "fair: 2 rows of 1"),
        (lambda: checked_signal([1.0, math.inf]), "fair: row 1 is infinite or negative"),
        (lambda: checked_signal([1.0], [1.0, 2.0]), "uncertainty: 2 rows of 1"),
        (lambda: checked_signal([1.0], [-1.0]), "uncertainty: row 0 is infinite or negative"),
        (lambda: checked_signal([1.0], None, [-math.inf]), "until_s: row 0 is infinite or negative"),
        (lambda: checked_signal([1.0], backed=[0, 1]), "backed: not one side for each of 1 rows"),
        (lambda: checked_signal([1.0], backed=[-2]), "backed: no side"),
        (lambda: told([-1.0, 1.0]), "oracle: row 0 is infinite or negative"),
        (lambda: told([1.0, 1.0], [1.0, -math.inf]), "oracle_age_s: row 1 is infinite"),
        (lambda: checked_books(TIMES, BIDS, ASKS, FAIR, told([1.0], [1.0])), "oracle: 1 rows of 2"),
        (lambda: checked_books(TIMES, ([0, 2, 3], [98, 99, 97], [1, 2, 3]), ASKS, FAIR), "bids: level 1 is"),
        (lambda: checked_books(TIMES, BIDS, ([0, 1, 3], [1, 2, 2], [1, 2, 3]), FAIR), "asks: level 2 is"),
        (lambda: checked_books(TIMES, ([0, 2], [9, 8], [1, 1]), ASKS, FAIR), "bids: the rows' levels"),
        (lambda: checked_books(TIMES, ([0, 2, 1], [9], [1]), ASKS, FAIR), "bids: the rows' levels"),
        (lambda: checked_books(TIMES, ([1, 1, 1], [9], [1]), ASKS, FAIR), "bids: the rows' levels"),
        (lambda: checked_books(TIMES, ([0, 1, 1], [9], [0]), ASKS, FAIR), "bids lots: row 0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_that_names_it(build, reason):
    with pytest.raises(ValueError, match=reason) as refused:
        build()
    assert "\n" not in str(refused.value)
