"""One engine in a process of its own: `python -m tests.bench.engines ENGINE ROWS`.

Runs once, then once more for every line it is sent, and answers each with a line of JSON: the CPU seconds it
took, its trades as (row in, row out) in order, the profit in cents, and the peak memory of the process.
"""

import json
import resource
import sys
from collections.abc import Callable
from itertools import chain
from time import process_time
from typing import Any

import numpy as np

from tests.bench.prices import ENTER, EXIT, FEE, WINDOW, closes, z_scores

Run = Callable[[], tuple[Any, Any, float]]


def defi(cents: Any) -> Run:
    """Every gate on; a tick of a thousandth of a cent, so that the spread the gate insists on costs nothing."""
    from defi_analytics.backtest.account import Rules
    from defi_analytics.backtest.bars import BarModel
    from defi_analytics.backtest.history import checked_bars
    from defi_analytics.backtest.replay import over_bars
    from defi_analytics.backtest.rolling import rolling_signal
    from defi_analytics.domain.decision import Grid
    from defi_analytics.strategies.registry import STRATEGIES
    from tests.backtest.histories import LOOSE

    ticks, times = cents * 1_000, 1.7e9 + 60.0 * np.arange(len(cents))
    strategy = STRATEGIES["convergence"]
    params = strategy.params._replace(
        min_z=ENTER, exit_z=EXIT, min_edge=-1.0, max_notional=1e6, stop_loss=1.0, max_holding_s=1e12
    )
    rules = Rules(Grid(1e-5, 1.0, 0.0, FEE, 1, 0, perpetual=False), LOOSE, 1e6)
    model = BarModel(1, 1, same_bar=True)

    def run() -> tuple[Any, Any, float]:
        bars = checked_bars(times, ticks, ticks, rolling_signal(ticks, WINDOW))
        result = over_bars(strategy, params, bars, rules, model)
        assert result.compiled
        assert not result.denials
        trades = result.trades
        return trades.entered, trades.exited, float(trades.profit.sum()) / 1_000

    return run


def loop(cents: Any) -> Run:
    """The least a compiled loop can do: no orders, no gates, no account; whole cents and thousandths of fees."""
    import numba

    @numba.njit
    def replay(cents, entered, exited):
        total = squares = trades = profit = 0
        held = False
        for row in range(len(cents)):
            step = cents[row] - cents[0]
            total += step
            squares += step * step
            if row >= WINDOW:
                gone = cents[row - WINDOW] - cents[0]
                total -= gone
                squares -= gone * gone
            if row < WINDOW - 1:
                continue
            away = WINDOW * step - total
            if held:
                if away >= 0:
                    profit += 999 * cents[row]
                    exited[trades] = row
                    trades += 1
                    held = False
            elif away < 0 and away * away * (WINDOW - 1) >= 4 * WINDOW * (WINDOW * squares - total * total):
                profit -= 1_001 * cents[row]
                entered[trades] = row
                held = True
        if held:
            profit += 1_001 * cents[entered[trades]]
        return trades, profit

    def run() -> tuple[Any, Any, float]:
        entered, exited = np.empty(len(cents), np.int64), np.empty(len(cents), np.int64)
        trades, profit = replay(cents, entered, exited)
        return entered[:trades], exited[:trades], profit / 1_000

    return run


def vectorbt(cents: Any) -> Run:
    import vectorbt as vbt

    prices = cents / 100.0

    def run() -> tuple[Any, Any, float]:
        z = z_scores(cents)
        portfolio = vbt.Portfolio.from_signals(
            prices, z <= -ENTER, z >= -EXIT, size=1.0, fees=FEE, init_cash=1e6, freq="1min"
        )
        portfolio.final_value()
        records = portfolio.trades.records_arr
        closed = records[records["status"] == 1]
        return closed["entry_idx"], closed["exit_idx"], float(closed["pnl"].sum()) * 100

    return run


def backtesting(cents: Any) -> Run:
    import pandas as pd
    from backtesting import Backtest, Strategy
    from backtesting.backtesting import Trade  # noqa: F401 - fails early where the package is another one

    prices = cents / 100.0
    frame = pd.DataFrame(
        dict.fromkeys(("Open", "High", "Low", "Close"), prices),
        index=pd.date_range("2024-01-01", periods=len(cents), freq="min"),
    )

    class Reversion(Strategy):  # type: ignore[misc]  # the package has no types
        def init(self) -> None:
            self.z = self.I(lambda: z_scores(cents), plot=False)

        def next(self) -> None:
            z = self.z[-1]
            if self.position:
                if z >= -EXIT:
                    self.position.close()
            elif z <= -ENTER:
                self.buy(size=1)

    def run() -> tuple[Any, Any, float]:
        test = Backtest(frame, Reversion, cash=1e6, commission=FEE, trade_on_close=True)
        trades = test.run()["_trades"]
        return trades["EntryBar"].to_numpy(), trades["ExitBar"].to_numpy(), float(trades["PnL"].sum()) * 100

    return run


ENGINES = {"defi": defi, "loop": loop, "vectorbt": vectorbt, "backtesting": backtesting}


def main(name: str, rows: int) -> None:
    cents = closes(rows)
    run = ENGINES[name](cents)
    for _ in chain(("first",), sys.stdin):
        start = process_time()
        entered, exited, profit = run()
        took = process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = {"s": took, "in": entered.tolist(), "out": exited.tolist(), "profit": profit, "peak": peak}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
