"""One moment of a replay: value the account, decide, ask the gate, fill on paper, settle.

Market orders fill as takers, limit orders as far as they cross on entry; what is left of either is
cancelled, and post-only and stop orders are not filled at all: nothing rests in a replay yet, so that the
stops which the agent keeps on the chain for a perpetual are missing here. So is the halt that follows a
price which nobody tells for minutes on end.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from defi_analytics.backtest.account import Account, Rules, counted, observed, opened, remember, traded
from defi_analytics.backtest.gates import Seen, holding_distance, judged, mark_of, market_of
from defi_analytics.backtest.history import EITHER_SIDE, Column
from defi_analytics.domain.decision import (
    BUY,
    IDLE,
    MOST_CASH,
    Grid,
    Holding,
    Intent,
    Ladder,
    OrderKind,
    View,
    Why,
)
from defi_analytics.domain.holding import after_fill, realised, worth
from defi_analytics.mispricing.auction import NOT_EXECUTED, Executed, fee_units, limit_fill, market_fill
from defi_analytics.risk.emergency import came_off, passable
from defi_analytics.risk.liquidation import share_to_close
from defi_analytics.risk.stops import stop_hit
from defi_analytics.strategies.sizing import closing, part_of

NOTHING_HELD = Holding()


class Asked(NamedTuple):
    """Every order that was wanted, in time, one array a column."""

    row: Column
    side: Column
    ticks: Column
    lots: Column
    why: Column
    """A `Why`."""
    code: Column
    """The gate's answer, a `Denial`; 0 for an order that was sent."""
    filled: Column
    """Lots."""
    cash: Column
    """Cash units that changed hands, without fees."""
    fee: Column


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
    recent: Column
    """When the last orders were sent: the gate's memory for the order rate."""
    asked: Asked


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
    asked: int
    """How many orders were wanted."""
    since: int
    """The row of the open holding's first fill."""
    earned_before: int
    """Cash units realised when it was opened: what its own result is counted from."""
    fees_before: int
    failed: int
    """Exits in a row that did not come off."""


class Progress(NamedTuple):
    """How far a replay is; what it takes to go on from there."""

    row: int
    """The next one."""
    end: int
    """The first one that is not to be replayed now."""
    state: State
    waiting: Intent
    """Sent, but not in a block yet; `IDLE` for none."""
    due: int
    """The row at which it meets a book."""


def started(rules: Rules, time_s: float) -> Progress:
    return Progress(0, 0, State(NOTHING_HELD, opened(rules, time_s), 0, 0, 0, 0, 0, 0, 0), IDLE, 0)


def valued(state: State, view: View, price: float, rules: Rules) -> State:
    """`price` is what the account is valued by, in ticks: see `priced_at`."""
    held, mark = state.holding, state.mark
    if len(view.bids.ticks) > 0 and len(view.asks.ticks) > 0:
        mark = (view.bids.ticks[0] + view.asks.ticks[0]) // 2
    unit = rules.grid.price_tick * rules.grid.quantity_tick
    equity = rules.capital + (float(held.cash) + float(held.lots) * price) * unit
    account = observed(state.account, view.time_s, equity, rules.limits)
    return State(
        held,
        account,
        mark,
        state.trades,
        state.asked,
        state.since,
        state.earned_before,
        state.fees_before,
        state.failed,
    )


def priced_at(seen: Seen, holding: Holding) -> float:
    """The mark, of which nothing is asked while nothing is held."""
    return mark_of(seen) if holding.lots != 0 else 0.0


def wanted(
    seen: Seen,
    state: State,
    intend: Callable[[View, Holding, Any], Intent],
    params: Any,
    backed: int,
    rules: Rules,
) -> Intent:
    """The risk limits' own exits first; else what the strategy intends, if a scan stands for it.

    An exit has a price that the gate lets through, once it came to nothing too often the worst of these.
    """
    intent = _limits_exit(seen, state.holding, rules) if state.holding.lots != 0 else IDLE
    if intent.side == 0:
        intent = intend(seen.shown, state.holding, params)
    if intent.why == Why.ENTRY.value:
        stands = backed == EITHER_SIDE or backed == intent.side  # noqa: PLR1714 - numba knows no `in` of a tuple of mixed integers
        return _cut(intent, seen, rules) if stands else IDLE
    if not intent.reduce_only:
        return intent
    return passable(intent, state.failed, market_of(seen, rules), rules.limits)


def _limits_exit(seen: Seen, held: Holding, rules: Rules) -> Intent:
    """`IDLE` until a loss, or the distance to a liquidation, reached its limit."""
    limits = rules.limits
    urgent = limits.max_slippage * limits.exit_width
    if stop_hit(held, _stop_mark(seen), limits):
        stop = closing(seen.shown, held, Why.EXIT_STOP.value, urgent)
        if stop.side != 0:
            return stop
    if rules.grid.perpetual and held.lots != 0:
        return _unwound(seen, held, rules, urgent)
    return IDLE


def _cut(entry: Intent, seen: Seen, rules: Rules) -> Intent:
    """As `engine.facts.largest_notional`: what is traded below its mark counts with the mark."""
    bids, asks, mark, grid = seen.shown.bids.ticks, seen.shown.asks.ticks, mark_of(seen), rules.grid
    if len(bids) == 0 or len(asks) == 0 or not bids[0] < mark < math.inf:
        return entry
    best = asks[0] if entry.side == BUY else bids[0]
    dearest = max(1, entry.ticks, best)
    most = rules.limits.max_trade_size / (grid.price_tick * grid.quantity_tick)
    if entry.lots > math.floor(min(most, float(MOST_CASH))) // dearest:
        # Beyond the limit at any mark: that is for the gate to say.
        return entry
    lots = min(entry.lots, math.floor(min(most * (float(bids[0]) / mark), float(MOST_CASH))) // dearest)
    if lots < max(1, grid.min_lots) or lots * entry.ticks < grid.min_notional:
        return IDLE
    return Intent(entry.side, entry.kind, entry.ticks, lots, entry.trigger, entry.reduce_only, entry.why)


def _unwound(seen: Seen, held: Holding, rules: Rules, urgent: float) -> Intent:
    """What closes a part of a perpetual position that came too near to being taken over, or all of it."""
    least = rules.limits.min_liquidation_distance
    share = share_to_close(holding_distance(seen, held, rules), least)
    if share == 0.0:
        return IDLE
    return part_of(closing(seen.shown, held, Why.EXIT_REDUCE.value, urgent), share, seen.shown.grid)


def _stop_mark(seen: Seen) -> float:
    """As `engine.stops` marks: the middle of the book rounded down; without one, what the oracle says."""
    bids, asks = seen.shown.bids.ticks, seen.shown.asks.ticks
    if len(bids) == 0 or len(asks) == 0:
        return seen.told.oracle
    return float((bids[0] + asks[0]) // 2)


def answered(intent: Intent, seen: Seen, state: State, rules: Rules, record: Record) -> int:
    """The gate's answer, a `Denial`; 0 lets the order pass, which then counts for the order rate."""
    verdict = judged(intent, seen, state.holding, state.account, record.recent, rules)
    if verdict.code != 0:
        return verdict.code.value
    remember(record.recent, seen.shown.time_s)
    return 0


def noted(state: State, intent: Intent, code: int, row: int, gas: float, record: Record) -> State:
    """The state once an order was answered, written down either way; one that was sent counts for the day."""
    asked, number = record.asked, state.asked
    asked.row[number], asked.why[number], asked.code[number] = row, intent.why, code
    asked.side[number], asked.ticks[number], asked.lots[number] = intent.side, intent.ticks, intent.lots
    asked.filled[number] = asked.cash[number] = asked.fee[number] = 0
    account = counted(state.account, intent, gas) if code == 0 else state.account
    return State(
        state.holding,
        account,
        state.mark,
        state.trades,
        number + 1,
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
    """The state after a fill of the last order; a holding that it closes becomes a trade of the record."""
    failed = 0 if came_off(intent.lots, done.lots) or not intent.reduce_only else state.failed + 1
    if done.lots == 0:
        return _unfilled(state, failed)
    before, trades, asked = state.holding, state.trades, record.asked
    since, earned, fees = state.since, state.earned_before, state.fees_before
    fee = fee_units(done.cash, grid.taker_fee)
    asked.filled[state.asked - 1] = done.lots
    asked.cash[state.asked - 1] = done.cash
    asked.fee[state.asked - 1] = fee
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
    account = traded(state.account, float(done.cash) / float(done.lots), moment.time_s)
    return State(after, account, state.mark, trades, state.asked, since, earned, fees, failed)


def _unfilled(state: State, failed: int) -> State:
    return State(
        state.holding,
        state.account,
        state.mark,
        state.trades,
        state.asked,
        state.since,
        state.earned_before,
        state.fees_before,
        failed,
    )


def worth_now(state: State) -> int:
    """Cash units gained since the start, open lots at the last middle of the book."""
    return worth(state.holding, state.mark)
