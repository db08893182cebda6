"""Replay over snapshots of order books, filled as Injective's batch auction would.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

from collections.abc import Callable
from typing import Any

from defi_analytics.backtest.gates import Rules
from defi_analytics.backtest.history import Books
from defi_analytics.backtest.step import (
    Moment,
    Record,
    State,
    approved,
    filled,
    sent,
    settled,
    started,
    valued,
    wanted,
    worth_now,
)
from defi_analytics.domain.decision import IDLE, Grid, Holding, Intent, Ladder, View


def replay_books(
    intend: Callable[[View, Holding, Any], Intent],
) -> Callable[[Books, Any, Rules, int, Record], State]:
    """The loop of one strategy: a function of its own, so that it is compiled with that strategy in it."""

    def replay(books: Books, params: Any, rules: Rules, late: int, record: Record) -> State:
        """At least one snapshot. Writes into `record` and returns how it ended; what is open then stays open.

        An order meets the book `late` snapshots after the one it was decided on, and until then nothing else
        is decided: 0 for a book that waits for us, 1 for the next block's.
        """
        state = started(rules, books.time_s[0])
        waiting, due = IDLE, 0
        for row in range(len(books.time_s)):
            view = _view(books, row, rules.grid)
            if waiting.side != 0 and row >= due:
                done = filled(waiting, view.bids, view.asks)
                state = settled(state, waiting, done, Moment(row, view.time_s), rules.grid, record)
                waiting = IDLE
            state = valued(state, view, rules)
            if waiting.side == 0:
                intent = wanted(view, state, intend, params, rules)
                if intent.side != 0 and approved(intent, view, state, rules, record):
                    state = sent(state, intent)
                    if late == 0:
                        done = filled(intent, view.bids, view.asks)
                        state = settled(state, intent, done, Moment(row, view.time_s), rules.grid, record)
                    else:
                        waiting, due = intent, row + late
            record.equity[row] = worth_now(state)
        return state

    return replay


def _view(books: Books, row: int, grid: Grid) -> View:
    signal = books.signal
    first_bid, bids_end = books.bid_from[row], books.bid_from[row + 1]
    first_ask, asks_end = books.ask_from[row], books.ask_from[row + 1]
    return View(
        books.time_s[row],
        Ladder(books.bid_ticks[first_bid:bids_end], books.bid_lots[first_bid:bids_end]),
        Ladder(books.ask_ticks[first_ask:asks_end], books.ask_lots[first_ask:asks_end]),
        signal.fair[row],
        signal.uncertainty[row],
        signal.until_s[row],
        grid,
    )
