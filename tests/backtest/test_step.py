from dataclasses import replace

import numpy as np
import pytest

from defi_analytics.backtest.history import checked_bars, checked_signal
from defi_analytics.backtest.replay import over_bars, over_books
from defi_analytics.domain.decision import BUY, IDLE, SELL, Intent, OrderKind, Why
from defi_analytics.risk.codes import Denial, TradingState
from tests.backtest.cases import BARS, BOOKS, NEXT, OPENS, PARAMS, RULES, SAME, SIGNAL, SPOT, STRATEGY, run
from tests.backtest.histories import LOOSE


def test_the_gate_is_asked_every_time_and_its_codes_are_counted():
    strict = RULES._replace(limits=LOOSE._replace(max_trade_size=1.0))
    result = run(rules=strict)
    assert result.denials == {Denial.ORDER_NOTIONAL: 2}
    assert result.equity.tolist() == [0] * 5


def test_a_drawdown_at_the_limit_halts_for_good():
    fall = np.array([1_000, 950, 900, 900, 900])
    strict = RULES._replace(limits=LOOSE._replace(portfolio_stop_loss=0.0004))
    bars = checked_bars(BARS.time_s, OPENS, fall, SIGNAL)
    result = run(bars, rules=strict, params=PARAMS._replace(stop_loss=0.9, max_holding_s=1.0))
    assert result.trading is TradingState.HALTED
    assert result.holding.lots == 10
    assert result.denials == {Denial.HALTED: 3}


def test_a_stop_gets_out_of_a_halt():
    fall = np.array([1_000, 950, 900, 900, 900])
    strict = RULES._replace(limits=LOOSE._replace(portfolio_stop_loss=0.0004))
    bars = checked_bars(BARS.time_s, OPENS, fall, SIGNAL)
    result = run(bars, rules=strict, params=PARAMS._replace(stop_loss=0.02))
    assert result.trading is TradingState.HALTED
    assert (result.holding.lots, result.trades.why[0]) == (0, Why.EXIT_STOP)


def test_the_stop_of_the_limits_is_stricter_than_the_strategys():
    fall = np.array([1_000, 950, 900, 950, 950])
    bars = checked_bars(BARS.time_s, OPENS, fall, SIGNAL)
    result = run(bars, rules=RULES._replace(limits=LOOSE._replace(stop_loss=0.05)))
    assert (result.trades.exited[0], result.trades.why[0]) == (2, Why.EXIT_STOP)


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
    rules = RULES._replace(grid=SPOT._replace(perpetual=True, taker_fee=0.0), maintenance_margin=0.05)
    strategy = replace(STRATEGY, intend=turning)
    result = over_bars(strategy, PARAMS, BARS, rules, SAME, interpreted=True)
    trades = result.trades
    assert trades.entered.tolist() == [0, 1, 2, 3]
    assert trades.exited.tolist() == [1, 2, 3, 4]
    assert trades.side.tolist() == [1, -1, 1, -1]
    assert trades.profit.tolist() == [949 - 1001, 949 - 961, 999 - 961, 999 - 1001]


def buy_and_hold(view, holding, params):
    if holding.lots != 0:
        return IDLE
    return Intent(BUY, OrderKind.MARKET.value, 1_001, 10, 0, False, Why.ENTRY.value)


@pytest.mark.parametrize(
    ("price", "lots", "asked"),
    # Bought at 1001 with a fifth of margin and taken over at 843: 15.7 per cent away, then 8.4, then 4.2.
    [(920, 5, 5), (880, 0, 10)],
)
def test_a_position_that_comes_too_near_to_being_taken_over_is_halved_and_then_closed(price, lots, asked):
    rules = RULES._replace(
        grid=SPOT._replace(perpetual=True, taker_fee=0.0),
        limits=LOOSE._replace(min_liquidation_distance=0.15),
        leverage=5.0,
        maintenance_margin=0.05,
    )
    closes = np.array([1_000, price])
    bars = checked_bars(BARS.time_s[:2], closes, closes, checked_signal(np.full(2, 1_000.0)))
    result = over_bars(replace(STRATEGY, intend=buy_and_hold), PARAMS, bars, rules, SAME, interpreted=True)
    orders = result.orders
    assert orders.why.tolist() == [Why.ENTRY, Why.EXIT_REDUCE]
    assert (orders.lots[1], result.holding.lots) == (asked, lots)


def shy(view, holding, params):
    """Enters at any price, and asks for the best one on its way out."""
    if holding.lots == 0:
        worst = view.asks.ticks[0] + 5
        return Intent(BUY, OrderKind.MARKET.value, worst, params.lots, 0, False, Why.ENTRY.value)
    best = view.bids.ticks[0]
    return Intent(SELL, OrderKind.MARKET.value, best, holding.lots, 0, True, Why.EXIT_TIME.value)


@pytest.mark.parametrize("interpreted", [True, False])
def test_an_exit_that_came_to_nothing_twice_goes_as_far_as_the_limits_allow(interpreted):
    """The market opens below every close: what asks for the best price is late each time."""
    closes = np.array([1_000, 1_000, 1_000, 1_000, 1_000])
    opens = np.array([1_000, 1_000, 990, 990, 990])
    bars = checked_bars(BARS.time_s, opens, closes, SIGNAL)
    limits = LOOSE._replace(max_failed_exits=2, max_slippage=0.01)
    strategy = replace(STRATEGY, intend=shy)
    rules, sized = RULES._replace(limits=limits), Intent(lots=10)
    result = over_bars(strategy, sized, bars, rules, NEXT, interpreted=interpreted)
    assert result.trades.exited.tolist() == [4]
    assert result.trades.profit.tolist() == [10 * (989 - 1_001) - 21]
    never = RULES._replace(limits=limits._replace(max_failed_exits=9))
    kept = over_bars(strategy, sized, bars, never, NEXT, interpreted=interpreted)
    assert (len(kept.trades.profit), kept.holding.lots) == (0, 10)
