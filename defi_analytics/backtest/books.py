"""Replay over snapshots of order books, filled as Injective's batch auction would.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

from collections.abc import Callable
from typing import Any

from defi_analytics.backtest.account import Rules
from defi_analytics.backtest.gates import Seen, Told
from defi_analytics.backtest.history import Books
from defi_analytics.backtest.step import (
    Moment,
    Progress,
    Record,
    answered,
    filled,
    noted,
    priced_at,
    settled,
    valued,
    wanted,
    worth_now,
)
from defi_analytics.domain.decision import IDLE, Grid, Holding, Intent, Ladder, View


def replay_books(
    intend: Callable[[View, Holding, Any], Intent],
) -> Callable[[Books, Any, Rules, int, Record, Progress], Progress]:
    """The loop of one strategy: a function of its own, so that it is compiled with that strategy in it."""

    def replay(
        books: Books, params: Any, rules: Rules, late: int, record: Record, progress: Progress
    ) -> Progress:
        """On from `progress` to its end, writing into `record`; what is open then stays open.

        An order meets the book `late` snapshots after the one it was decided on, and until then nothing else
        is decided: 0 for a book that waits for us, 1 for the next block's.
        """
        first, end, state, waiting, due = progress
        for row in range(first, end):
            seen = Seen(_view(books, row, rules.grid), _told(books, row))
            view = seen.shown
            if waiting.side != 0 and row >= due:
                done = filled(waiting, view.bids, view.asks)
                state = settled(state, waiting, done, Moment(row, view.time_s), rules.grid, record)
                waiting = IDLE
            state = valued(state, view, priced_at(seen, state.holding), rules)
            if waiting.side == 0:
                intent = wanted(seen, state, intend, params, books.signal.backed[row], rules)
                if intent.side != 0:
                    code = answered(intent, seen, state, rules, record)
                    state = noted(state, intent, code, row, rules.gas_per_order, record)
                    if code == 0 and late == 0:
                        done = filled(intent, view.bids, view.asks)
                        state = settled(state, intent, done, Moment(row, view.time_s), rules.grid, record)
                    elif code == 0:
                        waiting, due = intent, row + late
            record.equity[row] = worth_now(state)
        return Progress(end, end, state, waiting, due)

    return replay


def _told(books: Books, row: int) -> Told:
    inputs = books.inputs
    return Told(
        inputs.oracle[row],
        inputs.oracle_age_s[row],
        inputs.book_age_s[row],
        inputs.prediction_age_s[row],
        inputs.published,
    )


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
