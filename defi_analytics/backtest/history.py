"""History as the decision core reads it: checked once, so that nothing downstream checks again.

Times are seconds since 1970 and increase strictly; prices are positive whole ticks. `fair` (ticks),
`uncertainty` (a fraction of it) and `until_s` may be NaN where nothing was known: no decision is made on
those. A refusal (ValueError) names the column and the first row that is wrong.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_TICKS = 2**31 - 1
"""Times `MOST_LOTS` lots, still below `MOST_CASH`; and exact as a float."""

Column = Any
"""An array where it is compiled, a list of Python's own numbers where it is not."""
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Signal(NamedTuple):
    """What a strategy is told besides the market, row by row."""

    fair: Column
    uncertainty: Column
    until_s: Column


class Bars(NamedTuple):
    time_s: Column
    """When the bar closed, which is when the decision falls."""
    open: Column
    close: Column
    signal: Signal


class Books(NamedTuple):
    """Snapshots of whole books; row `i` has the levels from `bid_from[i]` to the next one's, best first."""

    time_s: Column
    bid_from: Column
    bid_ticks: Column
    bid_lots: Column
    ask_from: Column
    ask_ticks: Column
    ask_lots: Column
    signal: Signal


def checked_bars(time_s: Any, opens: Any, closes: Any, signal: Signal) -> Bars:
    times = _times(time_s)
    rows = len(times)
    return Bars(
        times, _integers("open", opens, rows), _integers("close", closes, rows), _checked(signal, rows)
    )


def checked_signal(fair: Any, uncertainty: Any = None, until_s: Any = None) -> Signal:
    """What is left out is NaN throughout. Raises ValueError for an infinite or negative number."""
    fairs = _floats("fair", fair)
    nothing = np.full(len(fairs), np.nan)
    return _checked(
        Signal(
            fairs,
            nothing if uncertainty is None else _floats("uncertainty", uncertainty),
            nothing if until_s is None else _floats("until_s", until_s),
        ),
        len(fairs),
    )


def checked_books(time_s: Any, bids: Any, asks: Any, signal: Signal) -> Books:
    """`bids` and `asks` are (from, ticks, lots) each, `from` one longer than the times."""
    times = _times(time_s)
    return Books(
        times,
        *_side("bids", *bids, rows=len(times), descending=True),
        *_side("asks", *asks, rows=len(times), descending=False),
        _checked(signal, len(times)),
    )


def plain(history: Any) -> Any:
    """The same history in Python's own numbers: what the uncompiled functions are run on."""
    if isinstance(history, np.ndarray):
        return history.tolist()
    return type(history)(*(plain(column) for column in history))


def _side(
    name: str, starts: Any, ticks: Any, lots: Any, *, rows: int, descending: bool
) -> tuple[Integers, Integers, Integers]:
    begins = np.ascontiguousarray(starts, np.int64)
    prices = _integers(f"{name} ticks", ticks, len(ticks))
    sizes = _integers(f"{name} lots", lots, len(prices))
    if len(begins) != rows + 1 or begins[0] != 0 or begins[-1] != len(prices) or (np.diff(begins) < 0).any():
        raise ValueError(f"{name}: the rows' levels do not begin and end where the levels do")
    falls = np.diff(prices) * (-1 if descending else 1) <= 0
    falls[begins[1:-1][(begins[1:-1] > 0) & (begins[1:-1] < len(prices))] - 1] = False
    if falls.any():
        raise ValueError(f"{name}: level {int(falls.argmax()) + 1} is not sorted best first")
    return begins, prices, sizes


def _times(time_s: Any) -> Floats:
    times = _floats("time_s", time_s)
    if not np.isfinite(times).all():
        raise ValueError(f"time_s: row {int((~np.isfinite(times)).argmax())} is not a time")
    if (np.diff(times) <= 0).any():
        raise ValueError(
            f"time_s: row {int((np.diff(times) <= 0).argmax()) + 1} is not later than the one before"
        )
    return times


def _floats(name: str, values: Any) -> Floats:
    column = np.ascontiguousarray(values, np.float64)
    if column.ndim != 1:
        raise ValueError(f"{name}: not one number a row")
    return column


def _integers(name: str, values: Any, rows: int) -> Integers:
    given = np.asarray(values)
    if given.ndim != 1 or len(given) != rows:
        raise ValueError(f"{name}: {len(given)} rows of {rows}")
    if given.dtype.kind not in "iu" and len(given):
        raise ValueError(f"{name}: not whole numbers")
    wrong = (given < 1) | (given > MOST_TICKS)
    if wrong.any():
        raise ValueError(f"{name}: row {int(wrong.argmax())} is not within 1 to {MOST_TICKS}")
    return np.ascontiguousarray(given, np.int64)


def _checked(signal: Signal, rows: int) -> Signal:
    for name, column in zip(Signal._fields, signal, strict=True):
        if len(column) != rows:
            raise ValueError(f"{name}: {len(column)} rows of {rows}")
        wrong = np.isinf(column) | (np.asarray(column) < 0)
        if wrong.any():
            raise ValueError(f"{name}: row {int(wrong.argmax())} is infinite or negative")
    return signal
