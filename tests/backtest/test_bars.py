import math

import numpy as np

from defi_analytics.backtest.history import checked_bars, checked_signal
from defi_analytics.domain.decision import Why
from tests.backtest.cases import (
    BARS,
    CLOSES,
    NEXT,
    OPENS,
    SIGNAL,
    run,
)


def test_a_dip_is_bought_at_its_close_and_sold_at_the_fair_value():
    result = run()
    trades = result.trades
    assert (trades.entered.tolist(), trades.exited.tolist(), trades.side.tolist()) == ([1], [3], [1])
    # Bought 10 lots at 951 and sold at 999; 0.1 % of either is charged and rounded up.
    assert trades.fees.tolist() == [10 + 10]
    assert trades.profit.tolist() == [9_990 - 9_510 - 20]
    assert trades.why.tolist() == [Why.EXIT_CONVERGED]
    assert result.equity.tolist() == [0, -20, 80, 460, 460]
    assert result.holding.lots == 0
    assert result.denials == {}


def test_orders_that_wait_for_the_next_bar_fill_at_its_open():
    # 953 is within the worst price of the order (955); the exit of row 3 meets the open of row 4.
    trades = run(model=NEXT).trades
    assert (trades.entered.tolist(), trades.exited.tolist()) == ([2], [4])
    assert trades.profit.tolist() == [10_000 - 9_530 - 20]


def test_an_open_beyond_the_worst_price_fills_nothing():
    away = OPENS.copy()
    away[2] = 990
    bars = checked_bars(BARS.time_s, away, CLOSES, SIGNAL)
    result = run(bars, model=NEXT)
    assert (result.equity.tolist(), result.denials) == ([0] * 5, {})


def test_what_is_open_at_the_end_stays_open_and_is_valued():
    result = run(
        checked_bars(
            BARS.time_s[:3], OPENS[:3], CLOSES[:3], checked_signal(SIGNAL.fair[:3], SIGNAL.uncertainty[:3])
        )
    )
    assert len(result.trades.profit) == 0
    assert result.holding.lots == 10
    assert result.equity[-1] == 9_600 - 9_510 - 10


def test_a_signal_that_is_not_known_decides_nothing():
    bars = checked_bars(BARS.time_s, OPENS, CLOSES, checked_signal(np.full(5, math.nan)))
    assert run(bars).equity.tolist() == [0] * 5
