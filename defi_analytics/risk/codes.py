"""Published codes of the gate: names and numbers stay what they are, new ones are added at the end."""

from enum import IntEnum


class Denial(IntEnum):
    """Why an order was refused. What each means, and what to do: `risk.explained`."""

    NONE = 0
    HALTED = 1
    REDUCE_ONLY = 2
    DAILY_LOSS = 3
    DRAWDOWN_SOFT = 4
    DRAWDOWN_HARD = 5
    EXPOSURE_TOTAL = 6
    EXPOSURE_ASSET = 7
    EXPOSURE_MARKET = 8
    POSITION_SIZE = 9
    ORDER_NOTIONAL = 10
    TRADE_SIZE_MIN = 11
    POSITION_COUNT = 12
    DAILY_TRADES = 13
    RATE_LIMIT = 14
    PRICE_BAND_ORACLE = 15
    PRICE_BAND_MID = 16
    SLIPPAGE = 17
    MIN_PROFIT = 18
    STALE_BOOK = 19
    STALE_ORACLE = 20
    STALE_PREDICTION = 21
    STALE_BALANCE = 22
    CLOCK_SKEW = 23
    MARKET_STATE = 24
    COOLDOWN = 25
    INSUFFICIENT_BALANCE = 26
    LIQUIDATION_DISTANCE = 27
    LEVERAGE = 28
    GAS_BUDGET = 29
    UNRESOLVED_ORDER = 30
    DUPLICATE_ID = 31
    GRID = 32
    RISK_STATE_UNKNOWN = 33
    WEEKLY_LOSS = 34
    LEG_IMBALANCE = 35
    PRICE_BAND_FILL = 36
    MAX_LOSS = 37


class TradingState(IntEnum):
    """What the account may do at all. Any other number is taken for unknown, and refuses."""

    ACTIVE = 1
    REDUCING = 2
    """Only orders that reduce."""
    HALTED = 3
    """Nothing but cancels, and reducing orders that end a loss or that a person asked for."""


class MarketState(IntEnum):
    """`MarketStatus` as a number, for compiled code."""

    UNKNOWN = 0
    ACTIVE = 1
    PAUSED = 2
    CLOSED = 3
    POST_ONLY = 4
