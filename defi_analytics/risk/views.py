"""What the rules see: numbers only, NaN for what is not known. The same values live and compiled."""

from typing import NamedTuple

from defi_analytics.domain.decision import Grid

NEVER_S = 1e12
"""Seconds since something that never happened."""


class OrderFacts(NamedTuple):
    side: int
    """BUY or SELL."""
    kind: int
    """An OrderKind."""
    ticks: int
    """The limit, or the worst price of a market or stop order."""
    lots: int
    trigger: int
    """Ticks; 0 for an order without."""
    reduce_only: bool
    by_person: bool
    """Somebody asked for it by name; a strategy never does."""
    uses_prediction: bool
    """Decided on a forecast, whose age then counts."""
    notional: float
    """Account currency, where it is worth most: a sale may fill above its limit."""
    net_edge: float
    """Expected, a fraction of notional."""
    slippage: float
    """Fraction of the best opposite price (a stop: of its trigger) by which the worst one lies beyond it."""
    leverage: float
    """Notional per margin; 1 on spot."""
    needs: float
    """Of the denom it spends, fees included, for this order alone."""
    gas: float
    """INJ."""
    protects: bool
    """It is there to end a loss: a stop, or an exit because one was hit. If it reduces, no halt keeps it."""


class MarketFacts(NamedTuple):
    grid: Grid
    status: int
    """A MarketState."""
    bid: float
    """In ticks, like `ask`, `mid` and `oracle`."""
    ask: float
    mid: float
    oracle: float
    has_oracle: bool
    """False only where nobody publishes a price for the asset; one that is merely missing is NaN."""
    book_age_s: float
    oracle_age_s: float
    prediction_age_s: float
    quote_rate: float
    """Account currency per quote."""
    maintenance_margin: float
    """Fraction of notional below which a perpetual position is taken over; 0 on spot."""


class AccountFacts(NamedTuple):
    """The account before this order, orders approved earlier in the same snapshot included."""

    state: int
    """A TradingState."""
    equity: float
    """Of what is risked; account currency, like every amount here that names no other unit."""
    peak_equity: float
    day_start_equity: float
    day_low_equity: float
    """The lowest of the UTC day so far: a daily loss that was reached stays reached until midnight."""
    exposure_total: float
    exposure_market: float
    asset_long: float
    """Net exposure to the order's asset if every pending buy fills and no sale; negative is short."""
    asset_short: float
    """The same if every pending sale fills and no buy."""
    position_lots: int
    """Of the order's market; negative is short."""
    pending_buys: int
    """Lots."""
    pending_sells: int
    """Lots."""
    active_positions: int
    trades_today: int
    since_exit_s: float
    """On this market; NEVER_S for never."""
    orders_last_minute: int
    orders_this_block: int
    unresolved: bool
    """An order on this market was sent and nobody can say yet what became of it."""
    duplicate: bool
    """Its client order id was used before."""
    free: float
    """Of the denom the order spends, less what the orders approved before it need."""
    gas_today: float
    """INJ."""
    liquidation_distance: float
    """Fraction of the mark price, with this order filled; 1 where nothing can be liquidated."""
    balance_age_s: float
    clock_skew_s: float
    """This machine's clock less the chain's."""
    week_start_equity: float
    week_low_equity: float
    """The lowest of the week so far."""
    last_fill: float
    """Ticks; what the account's newest fill on this market was at, NaN for none."""
    since_fill_s: float
    """NEVER_S for never."""
    day_lost: float
    """Since 00:00 UTC, what was paid in or out left aside; negative for a gain."""
