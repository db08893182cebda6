"""History as the decision core reads it: checked once, so that nothing downstream checks again.

Times are seconds since 1970 and increase strictly; prices are positive whole ticks. `fair` (ticks),
`uncertainty` (a fraction of it) and `until_s` may be NaN where nothing was known: no decision is made on
those. A refusal (ValueError) names the column and the first row that is wrong.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from defi_analytics.domain.decision import SELL

MOST_TICKS = 2**31 - 1
"""Times `MOST_LOTS` lots, still below `MOST_CASH`; and exact as a float."""

Column = Any
"""An array where it is compiled, a list of Python's own numbers where it is not."""
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


EITHER_SIDE = 2
"""Backed where no scan was recorded: the strategy alone decides what is entered."""


class Signal(NamedTuple):
    """What a strategy is told besides the market, row by row. Made by `checked_signal`, `rolling_signal`."""

    fair: Column
    uncertainty: Column
    until_s: Column
    backed: Column
    """The side that a scan would show: BUY, SELL, 0 for none, or `EITHER_SIDE`; no other is entered."""


class Inputs(NamedTuple):
    """What the gate is told besides the book, row by row. Made by `checked_inputs`, `stand_in`."""

    oracle: Column
    """Ticks; NaN where it was missing."""
    oracle_age_s: Column
    book_age_s: Column
    prediction_age_s: Column
    published: bool
    """Whether anybody publishes a price for the asset."""


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
    inputs: Inputs


def checked_bars(time_s: Any, opens: Any, closes: Any, signal: Signal) -> Bars:
    times = _times(time_s)
    rows = len(times)
    return Bars(
        times, _integers("open", opens, rows), _integers("close", closes, rows), _fitting(signal, rows)
    )


def checked_signal(fair: Any, uncertainty: Any = None, until_s: Any = None, backed: Any = None) -> Signal:
    """What is left out is NaN throughout, and either side. Raises ValueError for what is no such number."""
    rows = len(fair)
    return Signal(
        _known("fair", fair, rows),
        unknown(rows) if uncertainty is None else _known("uncertainty", uncertainty, rows),
        unknown(rows) if until_s is None else _known("until_s", until_s, rows),
        either_side(rows) if backed is None else _sides("backed", backed, rows),
    )


def checked_inputs(
    oracle: Any, oracle_age_s: Any, book_age_s: Any, prediction_age_s: Any, *, published: bool
) -> Inputs:
    """Raises ValueError for an infinite number, or a price below zero; an age is below for what is early."""
    rows = len(oracle)
    early = -np.inf
    return Inputs(
        _known("oracle", oracle, rows),
        _known("oracle_age_s", oracle_age_s, rows, early),
        _known("book_age_s", book_age_s, rows, early),
        _known("prediction_age_s", prediction_age_s, rows, early),
        published,
    )


def unknown(rows: int) -> Floats:
    """A column of NaN, without the memory for it."""
    return np.broadcast_to(np.array(np.nan), rows)


def either_side(rows: int) -> Integers:
    return np.broadcast_to(np.array(EITHER_SIDE), rows)


def checked_books(time_s: Any, bids: Any, asks: Any, signal: Signal, inputs: Inputs | None = None) -> Books:
    """`bids` and `asks` are (from, ticks, lots) each, `from` one longer than the times.

    Without `inputs` all of them are of the row's own time, and the middle of the book stands for the oracle.
    """
    times = _times(time_s)
    rows = len(times)
    bid_side = _side("bids", *bids, rows=rows, descending=True)
    ask_side = _side("asks", *asks, rows=rows, descending=False)
    if inputs is not None and len(inputs.oracle) != rows:
        raise ValueError(f"oracle: {len(inputs.oracle)} rows of {rows}")
    told = _stand_in(bid_side, ask_side) if inputs is None else inputs
    return Books(times, *bid_side, *ask_side, _fitting(signal, rows), told)


def _stand_in(bids: tuple[Integers, ...], asks: tuple[Integers, ...]) -> Inputs:
    """The last middle of a book with two sides for the oracle, and no age at all."""
    rows = len(bids[0]) - 1
    middle = np.full(rows, np.nan)
    two = (np.diff(bids[0]) > 0) & (np.diff(asks[0]) > 0)
    middle[two] = 0.5 * (bids[1][bids[0][:-1][two]] + asks[1][asks[0][:-1][two]])
    last = np.maximum.accumulate(np.where(two, np.arange(rows), -1))
    zeros = np.zeros(rows)
    # Before the first of them, the row itself has none either.
    return Inputs(middle[np.maximum(last, 0)], zeros, zeros, zeros, published=False)


def plain(history: Any) -> Any:
    """The same history in Python's own numbers: what the uncompiled functions are run on."""
    if isinstance(history, np.ndarray):
        return history.tolist()
    if isinstance(history, bool):
        return history
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
    # Increasing from one finite number to another, all between are finite too.
    if len(times) and not (np.isfinite(times[[0, -1]]).all() and (times[1:] > times[:-1]).all()):
        endless = ~np.isfinite(times)
        if endless.any():
            raise ValueError(f"time_s: row {int(endless.argmax())} is not a time")
        row = int((np.diff(times) <= 0).argmax()) + 1
        raise ValueError(f"time_s: row {row} is not later than the one before")
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
    # Two passes without a copy; what is wrong is looked for only if something is.
    if len(given) and not (given.min() >= 1 and given.max() <= MOST_TICKS):
        wrong = (given < 1) | (given > MOST_TICKS)
        raise ValueError(f"{name}: row {int(wrong.argmax())} is not within 1 to {MOST_TICKS}")
    return np.ascontiguousarray(given, np.int64)


def _sides(name: str, values: Any, rows: int) -> Integers:
    column = np.ascontiguousarray(values, np.int64)
    if column.ndim != 1 or len(column) != rows:
        raise ValueError(f"{name}: not one side for each of {rows} rows")
    if rows and not (column.min() >= SELL and column.max() <= EITHER_SIDE):
        raise ValueError(f"{name}: no side")
    return column


def _known(name: str, values: Any, rows: int, least: float = 0.0) -> Floats:
    column = _floats(name, values)
    if len(column) != rows:
        raise ValueError(f"{name}: {len(column)} rows of {rows}")
    # The least and the largest, whatever is NaN.
    lowest = np.fmin.reduce(column) if rows else 0.0
    if rows and (lowest < least or lowest == -np.inf or np.fmax.reduce(column) == np.inf):
        wrong = np.isinf(column) | (column < least)
        raise ValueError(f"{name}: row {int(wrong.argmax())} is infinite or negative")
    return column


def _fitting(signal: Signal, rows: int) -> Signal:
    if len(signal.fair) != rows:
        raise ValueError(f"fair: {len(signal.fair)} rows of {rows}")
    return signal
