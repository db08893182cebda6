"""A dip that comes back, as bars and as books, and what trades it."""

import numpy as np

from defi_analytics.backtest.account import Rules
from defi_analytics.backtest.bars import BarModel
from defi_analytics.backtest.history import checked_bars, checked_books, checked_signal
from defi_analytics.backtest.replay import over_bars
from defi_analytics.domain.decision import Grid
from defi_analytics.strategies.registry import STRATEGIES
from tests.backtest.histories import LOOSE

SPOT = Grid(0.01, 0.1, 0.0, 0.001, 1, 0, perpetual=False)
RULES = Rules(SPOT, LOOSE, 1_000.0)
STRATEGY = STRATEGIES["convergence"]
PARAMS = STRATEGY.params._replace(min_edge=-1.0, max_holding_s=1e9, stop_loss=1.0)
CLOSES = np.array([1_000, 950, 960, 1_000, 1_000])
OPENS = np.array([1_000, 1_000, 952, 970, 1_001])
SIGNAL = checked_signal(np.full(5, 1_000.0), np.full(5, 0.01))
BARS = checked_bars(np.arange(5) * 60.0 + 1.7e9, OPENS, CLOSES, SIGNAL)
SAME, NEXT = BarModel(1, 10, same_bar=True), BarModel(1, 10, same_bar=False)


def run(bars=BARS, rules=RULES, model=SAME, params=PARAMS, strategy=STRATEGY):
    return over_bars(strategy, params, bars, rules, model, interpreted=True)


def books(bid_rows, ask_rows):
    def side(rows):
        starts = np.cumsum([0, *(len(row) for row in rows)])
        return (
            starts,
            np.array([t for row in rows for t, _ in row]),
            np.array([n for row in rows for _, n in row]),
        )

    return checked_books(
        BARS.time_s[: len(bid_rows)],
        side(bid_rows),
        side(ask_rows),
        checked_signal(np.full(len(bid_rows), 1_000.0), np.full(len(bid_rows), 0.01)),
    )


DIP = [(949, 50)]
HIGH = [(999, 30), (998, 50)]
BOOKS = books(
    [DIP, DIP, HIGH, HIGH], [[(951, 4), (952, 6)], [(952, 3), (954, 7)], [(1_001, 5)], [(1_001, 5)]]
)
