import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.backtest.rolling import fill_rolling, rolling_signal


@given(st.lists(st.integers(1, 10**7), max_size=30), st.integers(2, 6))
def test_the_mean_is_exact_and_the_deviation_is_of_the_sample(close, window):
    rows = len(close)
    fair, uncertainty = [math.nan] * rows, [math.nan] * rows
    if rows >= window:
        fill_rolling(close, window, fair, uncertainty)
    for row in range(rows):
        if row < window - 1:
            assert math.isnan(fair[row])
            assert math.isnan(uncertainty[row])
            continue
        last = close[row - window + 1 : row + 1]
        mean = Fraction(sum(last), window)
        assert fair[row] == float(mean)
        variance = sum((value - mean) ** 2 for value in last) / (window - 1)
        assert uncertainty[row] == pytest.approx(math.sqrt(variance) / float(mean), rel=1e-12)


def test_compiled_it_is_the_same_to_the_last_bit():
    close = np.random.default_rng(1).integers(90_000, 110_000, 500)
    signal = rolling_signal(close, 60)
    fair, uncertainty = np.full(500, np.nan), np.full(500, np.nan)
    fill_rolling(close.tolist(), 60, fair, uncertainty)
    assert signal.fair.tobytes() == fair.tobytes()
    assert signal.uncertainty.tobytes() == uncertainty.tobytes()
    assert np.isnan(signal.until_s).all()


def test_too_little_history_tells_nothing():
    assert np.isnan(rolling_signal(np.array([5, 6]), 3).fair).all()
    assert len(rolling_signal(np.array([], int), 3).fair) == 0


@pytest.mark.parametrize(
    ("close", "window", "reason"),
    [([1, 2], 1, "window: 1 is less than two"), ([1, 2**31], 2**20, "close: moves by")],
)
def test_what_cannot_be_summed_up_is_refused(close, window, reason):
    with pytest.raises(ValueError, match=reason):
        rolling_signal(np.array(close), window)
