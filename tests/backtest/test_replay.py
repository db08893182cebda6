import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from defi_analytics.backtest.bars import BarModel
from defi_analytics.backtest.gates import Rules
from defi_analytics.backtest.history import checked_bars, checked_books, checked_signal
from defi_analytics.backtest.replay import over_bars, over_books
from defi_analytics.domain.decision import BUY, IDLE, Grid, Holding, Intent, OrderKind, Why
from defi_analytics.risk.codes import Denial, TradingState
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


def test_the_gate_is_asked_every_time_and_its_codes_are_counted():
    strict = RULES._replace(limits=LOOSE._replace(max_trade_size=1.0))
    result = run(rules=strict)
    assert result.denials == {Denial.ORDER_NOTIONAL: 2}
    assert result.equity.tolist() == [0] * 5


def test_a_drawdown_at_the_limit_halts_for_good():
    fall = np.array([1_000, 950, 900, 900, 900])
    strict = RULES._replace(limits=LOOSE._replace(portfolio_stop_loss=0.0004))
    bars = checked_bars(BARS.time_s, OPENS, fall, SIGNAL)
    result = run(bars, rules=strict, params=PARAMS._replace(stop_loss=0.02))
    assert result.trading is TradingState.HALTED
    assert result.holding.lots == 10
    assert result.denials == {Denial.HALTED: 3}


def test_the_stop_of_the_limits_is_stricter_than_the_strategys():
    fall = np.array([1_000, 950, 900, 950, 950])
    bars = checked_bars(BARS.time_s, OPENS, fall, SIGNAL)
    result = run(bars, rules=RULES._replace(limits=LOOSE._replace(stop_loss=0.05)))
    assert (result.trades.exited[0], result.trades.why[0]) == (2, Why.EXIT_STOP)


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


@pytest.mark.parametrize(
    ("late", "cost", "entered", "exited"),
    [(0, 4 * 951 + 6 * 952, 0, 2), (1, 3 * 952 + 7 * 954, 1, 3)],
)
def test_an_order_pays_what_the_levels_of_the_book_it_meets_cost(late, cost, entered, exited):
    result = over_books(STRATEGY, PARAMS, BOOKS, RULES, late, interpreted=True)
    trades = result.trades
    assert (trades.entered.tolist(), trades.exited.tolist()) == ([entered], [exited])
    assert trades.profit.tolist() == [9_990 - cost - 20]


def test_one_sided_books_start_nothing_and_keep_the_last_value():
    one_sided = books([DIP, [], HIGH], [[(951, 10)], [(951, 10)], []])
    result = over_books(STRATEGY, PARAMS, one_sided, RULES, 0, interpreted=True)
    assert result.equity.tolist() == [-20, -20, -20]
    assert result.holding.lots == 10


def limit_once(view, holding, params):
    """Crosses with a limit order when flat."""
    if holding.lots != 0:
        return IDLE
    return Intent(BUY, params.kind, 952, 10, 0, False, Why.ENTRY.value)


@pytest.mark.parametrize(
    ("kind", "lots", "cost"), [(OrderKind.LIMIT, 10, 9_520), (OrderKind.POST_ONLY, 0, 0)]
)
def test_a_limit_order_pays_one_price_and_nothing_ever_rests(kind, lots, cost):
    strategy = replace(STRATEGY, intend=limit_once)
    result = over_books(strategy, Intent(kind=int(kind)), BOOKS, RULES, 0, interpreted=True)
    assert (result.holding.lots, result.holding.cost) == (lots, cost)


def turning(view, holding, params):
    """Turns the position over on every row."""
    lots = 1 if holding.lots == 0 else 2
    side = 1 if holding.lots <= 0 else -1
    best = view.asks.ticks[0] if side == 1 else view.bids.ticks[0]
    return Intent(side, OrderKind.MARKET.value, best, lots, 0, False, Why.ENTRY.value)


def test_a_fill_beyond_zero_ends_one_trade_and_begins_the_next():
    rules = RULES._replace(grid=SPOT._replace(perpetual=True, taker_fee=0.0))
    strategy = replace(STRATEGY, intend=turning)
    result = over_bars(strategy, PARAMS, BARS, rules, SAME, interpreted=True)
    trades = result.trades
    assert trades.entered.tolist() == [0, 1, 2, 3]
    assert trades.exited.tolist() == [1, 2, 3, 4]
    assert trades.side.tolist() == [1, -1, 1, -1]
    assert trades.profit.tolist() == [949 - 1001, 949 - 961, 999 - 961, 999 - 1001]


def worded(view, holding, params):
    """Nothing that compiles."""
    return IDLE if Decimal(0) == 0 else None


def test_a_strategy_that_cannot_be_compiled_runs_as_it_is_and_says_so():
    strategy = replace(STRATEGY, intend=worded)
    result = over_bars(strategy, PARAMS, BARS, RULES, SAME)
    assert not result.compiled
    assert result.equity.tolist() == [0] * 5
    assert result.holding == Holding()


@pytest.mark.parametrize(
    ("run_it", "reason"),
    [
        (lambda: run(model=BarModel(0, 1, same_bar=True)), "less than one"),
        (lambda: run(model=BarModel(1, 0, same_bar=True)), "less than one"),
        (lambda: run(model=BarModel(950, 1, same_bar=True)), "no price to sell at"),
        (lambda: over_books(STRATEGY, PARAMS, BOOKS, RULES, -1), "late: less than none"),
        (lambda: over_books(STRATEGY, PARAMS, books([], []), RULES), "time_s: no rows"),
    ],
)
def test_a_replay_that_would_mean_nothing_is_refused(run_it, reason):
    with pytest.raises(ValueError, match=reason):
        run_it()


def test_a_signal_that_is_not_known_decides_nothing():
    bars = checked_bars(BARS.time_s, OPENS, CLOSES, checked_signal(np.full(5, math.nan)))
    assert run(bars).equity.tolist() == [0] * 5
