"""What may be risked at most. Every limit but `max_loss` has a finite default and is always on.

Account currency is the quote currency the portfolio is valued in. A cap itself is still allowed; a loss
that reaches its limit is not.
"""

import math
from typing import Any, NamedTuple


class RiskLimits(NamedTuple):
    """Fractions are fractions, never percent. A limit that is NaN or infinite refuses every order.

    A `max_loss` that is infinite refuses none.
    """

    max_position_size: float = 1_000.0
    """Account currency; of one market, with every pending order on the order's side filled."""
    min_trade_size: float = 1.0
    """Account currency."""
    max_trade_size: float = 500.0
    """Account currency; the notional of one order."""
    max_slippage: float = 0.01
    """Fraction of the best price (a stop: of its trigger) by which the worst one may lie beyond it."""
    stop_loss: float = 0.05
    """Fraction of what a position cost; at this loss it is closed."""
    portfolio_stop_loss: float = 0.05
    """Fraction of peak equity; at this drawdown trading halts."""
    max_soft_drawdown: float = 0.03
    """Fraction of peak equity; at this drawdown only reducing orders pass."""
    max_daily_loss: float = 0.03
    """Fraction of the equity the UTC day started with; once reached, only reducing orders pass that day."""
    max_daily_trades: int = 50
    """Orders a UTC day that are not reducing."""
    cooldown_period_s: float = 300.0
    """After the last exit on a market."""
    max_active_positions: int = 3
    """Markets with a position or an order that opens one."""
    min_profit_threshold: float = 0.0005
    """Expected net edge, a fraction of notional."""
    max_exposure_total: float = 3_000.0
    """Account currency, gross: every position, inventory and pending order."""
    max_exposure_asset: float = 2_000.0
    """Account currency, net of spot and perpetuals of one asset, pending orders filled on the worse side."""
    max_exposure_market: float = 1_500.0
    """Account currency, gross."""
    oracle_band: float = 0.05
    """Fraction of the oracle price that an order's price may lie from it."""
    mid_band: float = 0.02
    """Fraction of the mid price."""
    max_book_age_s: float = 10.0
    max_oracle_age_s: float = 120.0
    max_prediction_age_s: float = 900.0
    max_balance_age_s: float = 30.0
    max_clock_skew_s: float = 10.0
    """Between this machine and the chain, and how far in the future an input may be dated."""
    max_orders_per_minute: int = 20
    max_orders_per_block: int = 4
    max_leverage: float = 3.0
    """Notional per margin of a perpetual order."""
    min_liquidation_distance: float = 0.15
    """Fraction the mark price has to move before the position, with this order in it, is taken over."""
    max_gas_per_day: float = 0.1
    """INJ."""
    exit_width: float = 3.0
    """Bands, slippage and ages are this many times wider for an order that reduces."""
    max_resting_blocks: int = 40
    """How long an order may rest: what a dead agent leaves on the book, for so long."""
    max_weekly_loss: float = 0.05
    """Fraction of the equity the UTC week started with on Monday; the same until it is over."""
    max_leg_imbalance: float = 0.05
    """Fraction of all that legs which belong together trade, by which they may not hedge each other."""
    fill_band: float = 0.05
    """Fraction of the price of the account's own last fill on the market, while it is recent."""
    max_failed_exits: int = 3
    """In a row, of one holding, that nobody took at their price; the next goes to the worst allowed."""
    max_loss: float = math.inf
    """Account currency, of a UTC day; at this loss trading halts. Infinite where none was asked for."""


LARGER_IS_TIGHTER = frozenset({
    "min_trade_size", "cooldown_period_s", "min_profit_threshold", "min_liquidation_distance",
})  # fmt: skip


def tightened(limits: RiskLimits, other: RiskLimits) -> RiskLimits:
    """The stricter of the two, limit by limit: a market's own can never loosen the global ones.

    NaN in either stays NaN, which refuses.
    """
    pairs = zip(RiskLimits._fields, limits, other, strict=True)
    return RiskLimits._make(_stricter(name, mine, theirs) for name, mine, theirs in pairs)


def bounded(params: Any, limits: RiskLimits, most: float) -> Any:
    """A strategy's parameters, never looser than the limits: it does not wish what risk would refuse.

    `most` is what one order may come to, in the market's quote.
    """
    return params._replace(
        max_notional=min(params.max_notional, most),
        max_slippage=min(params.max_slippage, limits.max_slippage),
        urgent_slippage=min(params.urgent_slippage, limits.max_slippage * limits.exit_width),
        stop_loss=min(params.stop_loss, limits.stop_loss),
        min_edge=max(params.min_edge, limits.min_profit_threshold),
    )


def _stricter(name: str, mine: float, theirs: float) -> float:
    if math.isnan(mine) or math.isnan(theirs):
        return math.nan
    return max(mine, theirs) if name in LARGER_IS_TIGHTER else min(mine, theirs)
