"""Histories through strategies: compiled for speed, or the same functions as they are."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from defi_analytics.backtest.account import Rules
from defi_analytics.backtest.bars import BarModel, replay_bars
from defi_analytics.backtest.books import replay_books
from defi_analytics.backtest.compiled import compile_errors, compiled, made_ready
from defi_analytics.backtest.history import Bars, Books, Integers, plain
from defi_analytics.backtest.step import Asked, Progress, Record, started
from defi_analytics.backtest.undisturbed import undisturbed
from defi_analytics.domain.decision import Holding, Intent
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.ports import Strategy
from defi_analytics.risk.codes import Denial, TradingState

CHUNK_ROWS = 100_000
"""In one compiled call, which no signal interrupts: some milliseconds, or half a second of deep books."""


@dataclass(frozen=True, slots=True)
class Trades:
    """One array a column, in the order they were closed; rows are the history's, money is in cash units."""

    entered: Integers
    exited: Integers
    side: Integers
    profit: Integers
    """Fees included."""
    fees: Integers
    why: Integers
    """Of the exit, a `Why`."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Every order that was wanted, one array a column; see `step.Asked`."""

    row: Integers
    side: Integers
    ticks: Integers
    lots: Integers
    why: Integers
    code: Integers
    """A `Denial`; 0 for an order that was sent."""
    filled: Integers
    """Lots."""
    cash: Integers
    """Cash units that changed hands, without fees."""
    fee: Integers


@dataclass(frozen=True, slots=True)
class Result:
    orders: Orders
    trades: Trades
    equity: Integers
    """Cash units gained since the start, row by row."""
    denials: Mapping[Denial, int]
    """How often the gate refused, by its code; codes that never did are left out."""
    holding: Holding
    """What was open at the end."""
    trading: TradingState
    compiled: bool
    """False also for a strategy that cannot be: the result is the same, only later."""


def over_bars(
    strategy: Strategy, params: Any, bars: Bars, rules: Rules, model: BarModel, *, interpreted: bool = False
) -> Result:
    """Raises ValueError for bars whose book would have no bid."""
    if model.half_spread < 1 or model.lots < 1:
        raise ValueError("half_spread and lots: less than one")
    if min(_least(bars.open), _least(bars.close)) <= model.half_spread:
        raise ValueError(f"half_spread: {model.half_spread} ticks leave no price to sell at")
    return _replayed(replay_bars, strategy, (bars, params, rules, model), interpreted=interpreted)


def over_books(
    strategy: Strategy, params: Any, books: Books, rules: Rules, late: int = 1, *, interpreted: bool = False
) -> Result:
    """Raises ValueError for orders that would meet a book of the past."""
    if late < 0:
        raise ValueError("late: less than none")
    return _replayed(replay_books, strategy, (books, params, rules, late), interpreted=interpreted)


def _replayed(
    loop: Callable[..., Callable[..., Progress]],
    strategy: Strategy,
    inputs: tuple[Any, Any, Rules, Any],
    *,
    interpreted: bool,
) -> Result:
    history, params, given, model = inputs
    rows = len(history.time_s)
    if rows == 0:
        raise ValueError("time_s: no rows")
    foretold = strategy.kind is EdgeKind.PREDICTION
    rules = given._replace(capital=float(given.capital), uses_prediction=foretold)
    record, progress = _empty(rows, rules), started(rules, float(history.time_s[0]))
    if not interpreted:
        with suppress(*compile_errors()):
            fast = _compiled(loop, strategy.intend)
            fixed = history, params, rules, model, record
            made_ready(fast, *fixed, progress)
            with undisturbed() as heed:
                while progress.row < rows:
                    progress = fast(*fixed, progress._replace(end=min(rows, progress.row + CHUNK_ROWS)))
                    heed()
            return _result(progress, record, compiled=True)
    whole = progress._replace(end=rows)
    end = loop(strategy.intend)(plain(history), params, rules, model, record, whole)
    return _result(end, record, compiled=False)


@cache
def _compiled(
    loop: Callable[..., Callable[..., Progress]], intend: Callable[..., Intent]
) -> Callable[..., Progress]:
    """Once for each strategy."""
    return compiled(loop(intend))


def _empty(rows: int, rules: Rules) -> Record:
    asked = Asked(*(np.empty(rows, np.int64) for _ in Asked._fields))
    return Record(
        entered=np.empty(rows, np.int64),
        exited=np.empty(rows, np.int64),
        side=np.empty(rows, np.int64),
        profit=np.empty(rows, np.int64),
        fees=np.empty(rows, np.int64),
        why=np.empty(rows, np.int64),
        equity=np.empty(rows, np.int64),
        recent=np.full(max(1, rules.limits.max_orders_per_minute), -np.inf),
        asked=asked,
    )


def _result(progress: Progress, record: Record, *, compiled: bool) -> Result:
    end = progress.state
    columns = (record.entered, record.exited, record.side, record.profit, record.fees, record.why)
    asked = [np.asarray(column)[: end.asked].copy() for column in record.asked]
    codes = np.bincount(asked[Asked._fields.index("code")])
    return Result(
        orders=Orders(*asked),
        trades=Trades(*(np.asarray(column)[: end.trades].copy() for column in columns)),
        equity=np.asarray(record.equity),
        denials={Denial(code): int(count) for code, count in enumerate(codes) if code and count},
        holding=Holding(*end.holding),
        trading=TradingState(end.account.state),
        compiled=compiled,
    )


def _least(column: Any) -> int:
    return int(np.min(column)) if len(column) else 0
