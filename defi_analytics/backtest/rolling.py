"""A fair value from the market's own past, for replays of strategies that revert to a mean.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

import math
from typing import Any

import numpy as np

from defi_analytics.backtest.compiled import compiled
from defi_analytics.backtest.history import Column, Signal, either_side, unknown
from defi_analytics.backtest.undisturbed import undisturbed

_MOST_SPAN = math.isqrt(2**63 - 1)


def rolling_signal(close: Any, window: int) -> Signal:
    """Mean and sample standard deviation (a fraction of the mean) of the last `window` closes, this one too.

    NaN until there are so many. Sums are exact integers, so a close that equals the mean is at it exactly.
    Raises ValueError where those could outgrow 64 bits.
    """
    if window < 2:  # noqa: PLR2004 - one value has no deviation
        raise ValueError(f"window: {window} is less than two")
    rows = len(close)
    span = int(np.ptp(close)) if rows else 0
    if span * window > _MOST_SPAN:
        raise ValueError(f"close: moves by {span} ticks, too many for sums over {window} rows")
    fair, uncertainty = np.empty(rows), np.empty(rows)
    fair[: window - 1] = uncertainty[: window - 1] = np.nan
    if rows >= window:
        fill = compiled(fill_rolling)
        with undisturbed():
            fill(close, window, fair, uncertainty)
    return Signal(fair, uncertainty, unknown(rows), either_side(rows))


def fill_rolling(close: Column, window: int, fair: Column, uncertainty: Column) -> None:
    """Writes both columns from row `window - 1` on. Sums are of differences to the first close."""
    first, total, squares = close[0], 0, 0
    size, scale = float(window), 1.0 / math.sqrt(float(window * (window - 1)))
    for row in range(window - 1):
        step = close[row] - first
        total += step
        squares += step * step
    for row in range(window - 1, len(close)):
        step = close[row] - first
        total += step
        squares += step * step
        mean = float(first * window + total) / size
        fair[row] = mean
        uncertainty[row] = math.sqrt(float(window * squares - total * total)) * scale / mean
        gone = close[row - window + 1] - first
        total -= gone
        squares -= gone * gone
