"""Random little histories, from a seed: all that a replay can meet, crowded together."""

import numpy as np

from defi_analytics.backtest.account import Rules
from defi_analytics.backtest.bars import BarModel
from defi_analytics.backtest.history import (
    EITHER_SIDE,
    checked_bars,
    checked_books,
    checked_inputs,
    checked_signal,
)
from defi_analytics.domain.decision import Grid
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.strategies import prediction, reversion

MOST_ROWS = 40
LOOSE = RiskLimits(
    max_position_size=1e9,
    min_trade_size=0.0,
    max_trade_size=1e9,
    max_slippage=0.5,
    stop_loss=1.0,
    portfolio_stop_loss=0.9,
    max_soft_drawdown=0.9,
    max_daily_loss=0.9,
    max_weekly_loss=0.9,
    max_daily_trades=10**6,
    cooldown_period_s=0.0,
    min_profit_threshold=-1.0,
    max_exposure_total=1e9,
    max_exposure_asset=1e9,
    max_exposure_market=1e9,
    oracle_band=1.0,
    mid_band=1.0,
    fill_band=1.0,
    max_orders_per_minute=50,
    max_leverage=10.0,
    min_liquidation_distance=0.0,
)
TIGHT = {
    "max_position_size": 50.0,
    "min_trade_size": 20.0,
    "max_trade_size": 30.0,
    "max_slippage": 0.001,
    "stop_loss": 0.005,
    "portfolio_stop_loss": 0.0005,
    "max_soft_drawdown": 0.0003,
    "max_daily_loss": 0.0003,
    "max_weekly_loss": 0.0002,
    "max_daily_trades": 1,
    "cooldown_period_s": 900.0,
    "min_profit_threshold": 0.02,
    "max_exposure_total": 40.0,
    "oracle_band": 0.004,
    "mid_band": 0.003,
    "fill_band": 0.002,
    "max_orders_per_minute": 1,
    "max_leverage": 1.5,
    "min_liquidation_distance": 0.6,
    "max_exposure_market": 45.0,
    "max_exposure_asset": 45.0,
    "max_book_age_s": 2.0,
    "max_oracle_age_s": 30.0,
    "max_prediction_age_s": 100.0,
    "max_gas_per_day": 0.003,
    "max_loss": 0.02,
}


def some_limits(rng):
    tight = rng.choice(list(TIGHT), rng.integers(0, 4), replace=False)
    return LOOSE._replace(**{str(name): TIGHT[name] for name in tight})


def some_rules(rng, *, perpetual):
    grid = Grid(
        float(rng.choice([0.01, 0.003, 1e-5])),
        float(rng.choice([0.1, 0.001, 10.0])),
        float(rng.choice([-0.00005, 0.0])),
        float(rng.choice([-0.0001, 0.0, 0.0005, 0.001])),
        int(rng.integers(0, 4)),
        int(rng.choice([0, 1000, 20_000])),
        perpetual,
    )
    return Rules(
        grid,
        some_limits(rng),
        float(rng.choice([10.0, 1_000.0, 50_000.0])),
        float(rng.choice([1.0, 2.0, 5.0])),
        0.05,
        0.001,
    )


def some_params(rng, strategy):
    common = {
        "min_z": float(rng.uniform(0, 2)),
        "exit_z": float(rng.uniform(-0.5, 0.5)),
        "min_edge": float(rng.choice([-1.0, -0.01, 0.0, 0.001])),
        "max_notional": float(10 ** rng.uniform(-1, 4)),
        "max_slippage": float(rng.uniform(0, 0.02)),
        "stop_loss": float(rng.uniform(0.001, 0.05)),
        "max_holding_s": float(rng.choice([60.0, 900.0, 1e6])),
    }
    if isinstance(strategy.params, prediction.Params):
        return prediction.Params(**common, min_left_s=float(rng.choice([0.0, 60.0])))
    gap = float(rng.uniform(0, 0.01)) if strategy.params is reversion.ORACLE else 0.0
    return reversion.Params(**common, min_gap=gap)


def _walk(rng, rows):
    steps = rng.normal(0, rng.choice([0.001, 0.01]), rows)
    return np.maximum(50, np.round(rng.integers(500, 5_000) * np.exp(np.cumsum(steps)))).astype(np.int64)


def _times(rng, rows):
    gaps = rng.choice([1.0, 0.1, 60.0, 300.0, 40_000.0], rows, p=[0.3, 0.1, 0.3, 0.2, 0.1])
    return 1.7e9 + np.cumsum(gaps * rng.uniform(0.5, 1.5, rows))


def _signal(rng, middle, times):
    rows = len(times)
    fair = middle * (1 + rng.normal(0, rng.choice([0.002, 0.02]), rows))
    uncertainty = rng.choice([0.0, 0.001, 0.01], rows, p=[0.05, 0.6, 0.35])
    until_s = times + rng.choice([-10.0, 30.0, 600.0, 9_000.0], rows)
    for column in (fair, uncertainty, until_s):
        column[rng.random(rows) < 0.05] = np.nan
    backed = rng.choice([-1, 0, 1, EITHER_SIDE], rows, p=[0.1, 0.1, 0.1, 0.7])
    return checked_signal(np.abs(fair), uncertainty, until_s, backed)


def _inputs(rng, middle):
    """None where nothing but the books was recorded."""
    if rng.random() < 0.5:
        return None
    rows = len(middle)
    oracle = middle * (1 + rng.normal(0, 0.002, rows))
    oracle[rng.random(rows) < 0.02] = np.nan
    ages = (rng.choice([0.0, 1.0, 5.0, 60.0, 500.0], rows, p=[0.4, 0.3, 0.2, 0.08, 0.02]) for _ in range(3))
    return checked_inputs(oracle, *ages, published=bool(rng.integers(4)))


def some_bars(rng):
    rows = int(rng.integers(1, MOST_ROWS))
    times, close = _times(rng, rows), _walk(rng, rows)
    opens = np.maximum(50, close + rng.integers(-5, 6, rows))
    model = BarModel(int(rng.integers(1, 5)), int(rng.choice([1, 20, 3_000])), bool(rng.integers(2)))
    return checked_bars(times, opens, close, _signal(rng, close, times)), model


def some_books(rng):
    rows = int(rng.integers(1, MOST_ROWS))
    times, middle = _times(rng, rows), _walk(rng, rows)
    bids = _side(rng, middle - rng.integers(0, 4, rows), -1)
    asks = _side(rng, middle + rng.integers(0, 4, rows), 1)
    return checked_books(times, bids, asks, _signal(rng, middle, times), _inputs(rng, middle)), int(
        rng.integers(0, 3)
    )


def _side(rng, best, away):
    starts, ticks = [0], []
    for price in best.tolist():
        depth = int(rng.integers(0, 6)) if rng.random() < 0.3 else 5
        ticks += [max(1, price + away * gap) for gap in np.cumsum(rng.integers(1, 9, depth)).tolist()]
        starts.append(len(ticks))
    return starts, np.array(ticks, np.int64), rng.integers(1, 200, len(ticks))
