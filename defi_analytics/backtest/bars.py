"""Replay over bars: the book of a bar is its close and half a spread, the same depth on either side.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from defi_analytics.backtest.account import Rules
from defi_analytics.backtest.gates import Seen, at_hand
from defi_analytics.backtest.history import Bars
from defi_analytics.backtest.step import (
    Moment,
    Progress,
    Record,
    answered,
    filled,
    noted,
    settled,
    valued,
    wanted,
    worth_now,
)
from defi_analytics.domain.decision import IDLE, Holding, Intent, Ladder, View


class BarModel(NamedTuple):
    """What bars do not tell."""

    half_spread: int
    """Ticks; at least 1, for a book whose sides meet is refused by the gate."""
    lots: int
    """Offered at the best bid and at the best ask."""
    same_bar: bool
    """Fill at the close that was decided on, as other engines can; else at the next bar's open."""


def replay_bars(
    intend: Callable[[View, Holding, Any], Intent],
) -> Callable[[Bars, Any, Rules, BarModel, Record, Progress], Progress]:
    """The loop of one strategy: a function of its own, so that it is compiled with that strategy in it."""

    def replay(
        bars: Bars, params: Any, rules: Rules, model: BarModel, record: Record, progress: Progress
    ) -> Progress:
        """On from `progress` to its end, writing into `record`; what is open then stays open."""
        times, opens, closes, equity = bars.time_s, bars.open, bars.close, record.equity
        fair, uncertainty, until_s, backed = bars.signal
        first, end, state, waiting, _ = progress
        for row in range(first, end):
            if waiting.side != 0:
                # A bar opens when the one before it closes.
                moment = Moment(row, times[row - 1])
                done = filled(waiting, _bids(opens[row], model), _asks(opens[row], model))
                state = settled(state, waiting, done, moment, rules.grid, record)
                waiting = IDLE
            bids, asks = _bids(closes[row], model), _asks(closes[row], model)
            view = View(times[row], bids, asks, fair[row], uncertainty[row], until_s[row], rules.grid)
            seen = Seen(view, at_hand(float(closes[row])))
            state = valued(state, view, seen.told.oracle, rules)
            intent = wanted(seen, state, intend, params, backed[row], rules)
            # The gate only where there is something to judge: arrays that cross a call cost more than a bar.
            if intent.side != 0:
                code = answered(intent, seen, state, rules, record)
                state = noted(state, intent, code, row, rules.gas_per_order, record)
                if code == 0 and model.same_bar:
                    done = filled(intent, bids, asks)
                    state = settled(state, intent, done, Moment(row, view.time_s), rules.grid, record)
                elif code == 0:
                    waiting = intent
            equity[row] = worth_now(state)
        return Progress(end, end, state, waiting, end)

    return replay


def _bids(price: int, model: BarModel) -> Ladder:
    return Ladder((price - model.half_spread,), (model.lots,))


def _asks(price: int, model: BarModel) -> Ladder:
    return Ladder((price + model.half_spread,), (model.lots,))
