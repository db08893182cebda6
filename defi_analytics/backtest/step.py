"""One moment of a replay: value the account, decide, ask the gate, fill on paper, settle.

Market orders fill as takers, limit orders as far as they cross on entry; what is left of either is
cancelled, and post-only and stop orders are not filled at all: nothing rests in a replay yet.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from defi_analytics.backtest.gates import (
    Account,
    Rules,
    counted,
    judged,
    market_of,
    observed,
    opened,
    remember,
)
from defi_analytics.backtest.history import Column
from defi_analytics.domain.decision import BUY, Grid, Holding, Intent, Ladder, OrderKind, View, Why
from defi_analytics.domain.holding import after_fill, realised, worth
from defi_analytics.mispricing.auction import NOT_EXECUTED, Executed, fee_units, limit_fill, market_fill
from defi_analytics.risk.emergency import came_off, escalated
from defi_analytics.risk.stops import stop_hit
from defi_analytics.strategies.sizing import closing

NOTHING_HELD = Holding()


class Record(NamedTuple):
    """Where a replay writes, one array a column; trades in the order they were closed."""

    entered: Column
    """Rows of the history."""
    exited: Column
    side: Column
    profit: Column
    """Cash units, fees included."""
    fees: Column
    why: Column
    """Of the exit, a `Why`."""
    equity: Column
    """Cash units gained since the start, open lots at the middle of the book, row by row."""
    denials: Column
    """How often each code of the gate refused."""
    recent: Column
    """When the last orders were sent: the gate's memory for the order rate."""


class Moment(NamedTuple):
    row: int
    time_s: float


class State(NamedTuple):
    holding: Holding
    account: Account
    mark: int
    """Ticks; the last middle of a book with two sides, rounded down."""
    trades: int
    """How many were closed."""
    since: int
    """The row of the open holding's first fill."""
    earned_before: int
    """Cash units realised when it was opened: what its own result is counted from."""
    fees_before: int
    failed: int
    """Exits in a row that did not come off."""


def started(rules: Rules, time_s: float) -> State:
    return State(NOTHING_HELD, opened(rules, time_s), 0, 0, 0, 0, 0, 0)


def valued(state: State, view: View, rules: Rules) -> State:
    mark = state.mark
    if len(view.bids.ticks) > 0 and len(view.asks.ticks) > 0:
        mark = (view.bids.ticks[0] + view.asks.ticks[0]) // 2
    unit = rules.grid.price_tick * rules.grid.quantity_tick
    equity = rules.capital + float(worth(state.holding, mark)) * unit
    account = observed(state.account, view.time_s, equity, rules.limits)
    return State(
        state.holding,
        account,
        mark,
        state.trades,
        state.since,
        state.earned_before,
        state.fees_before,
        state.failed,
    )


def wanted(
    view: View,
    state: State,
    intend: Callable[[View, Holding, Any], Intent],
    params: Any,
    rules: Rules,
) -> Intent:
    """What the strategy intends, unless the risk limits' own stop is hit; and the emergency exit."""
    limits = rules.limits
    if stop_hit(state.holding, float(state.mark), limits):
        slippage = limits.max_slippage * limits.exit_width
        intent = closing(view, state.holding, Why.EXIT_STOP.value, slippage)
    else:
        intent = intend(view, state.holding, params)
    if state.failed < limits.max_failed_exits:
        return intent
    return escalated(intent, state.failed, market_of(view, rules), limits)


def approved(intent: Intent, view: View, state: State, rules: Rules, record: Record) -> bool:
    """Whether the gate lets an order pass; either is written down."""
    verdict = judged(intent, view, state.holding, state.account, record.recent, rules)
    if verdict.code != 0:
        record.denials[verdict.code] += 1
        return False
    remember(record.recent, view.time_s)
    return True


def sent(state: State, intent: Intent) -> State:
    """The state once an order was approved, whatever it fills."""
    return State(
        state.holding,
        counted(state.account, intent),
        state.mark,
        state.trades,
        state.since,
        state.earned_before,
        state.fees_before,
        state.failed,
    )


def filled(intent: Intent, bids: Ladder, asks: Ladder) -> Executed:
    against = asks if intent.side == BUY else bids
    if intent.kind == OrderKind.MARKET.value:
        return market_fill(intent.side, intent.lots, intent.ticks, against)
    if intent.kind == OrderKind.LIMIT.value:
        return limit_fill(intent.side, intent.lots, intent.ticks, against, 0)
    return NOT_EXECUTED


def settled(
    state: State, intent: Intent, done: Executed, moment: Moment, grid: Grid, record: Record
) -> State:
    """The state after a fill; a holding that it closes becomes a trade of the record."""
    failed = 0 if came_off(intent.lots, done.lots) or not intent.reduce_only else state.failed + 1
    if done.lots == 0:
        return _unfilled(state, failed)
    before, trades = state.holding, state.trades
    since, earned, fees = state.since, state.earned_before, state.fees_before
    fee = fee_units(done.cash, grid.taker_fee)
    after = after_fill(before, intent.side, done.lots, done.cash, fee, moment.time_s)
    closed = before.lots != 0 and before.lots * after.lots <= 0
    if closed:
        record.entered[trades] = since
        record.exited[trades] = moment.row
        record.side[trades] = 1 if before.lots > 0 else -1
        record.profit[trades] = realised(after) - earned
        record.fees[trades] = after.fees - fees
        record.why[trades] = intent.why
        trades += 1
    if closed or before.lots == 0:
        since = moment.row
        earned = realised(after) if closed else before.cash
        fees = after.fees if closed else before.fees
    return State(after, state.account, state.mark, trades, since, earned, fees, failed)


def _unfilled(state: State, failed: int) -> State:
    return State(
        state.holding,
        state.account,
        state.mark,
        state.trades,
        state.since,
        state.earned_before,
        state.fees_before,
        failed,
    )


def worth_now(state: State) -> int:
    """Cash units gained since the start, open lots at the last middle of the book."""
    return worth(state.holding, state.mark)
