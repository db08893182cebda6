from defi_analytics.domain.market import MarketStatus
from defi_analytics.risk.codes import Denial, MarketState, TradingState

PUBLISHED = [
    "NONE", "HALTED", "REDUCE_ONLY", "DAILY_LOSS", "DRAWDOWN_SOFT", "DRAWDOWN_HARD",
    "EXPOSURE_TOTAL", "EXPOSURE_ASSET", "EXPOSURE_MARKET", "POSITION_SIZE", "ORDER_NOTIONAL",
    "TRADE_SIZE_MIN", "POSITION_COUNT", "DAILY_TRADES", "RATE_LIMIT", "PRICE_BAND_ORACLE",
    "PRICE_BAND_MID", "SLIPPAGE", "MIN_PROFIT", "STALE_BOOK", "STALE_ORACLE", "STALE_PREDICTION",
    "STALE_BALANCE", "CLOCK_SKEW", "MARKET_STATE", "COOLDOWN", "INSUFFICIENT_BALANCE",
    "LIQUIDATION_DISTANCE", "LEVERAGE", "GAS_BUDGET", "UNRESOLVED_ORDER", "DUPLICATE_ID", "GRID",
    "RISK_STATE_UNKNOWN", "WEEKLY_LOSS", "LEG_IMBALANCE", "PRICE_BAND_FILL", "MAX_LOSS",
]  # fmt: skip


def test_a_published_code_keeps_its_number():
    assert [(d.name, d.value) for d in Denial] == [(name, n) for n, name in enumerate(PUBLISHED)]
    assert [s.value for s in TradingState] == [1, 2, 3]
    assert (MarketState.UNKNOWN, MarketState.ACTIVE, MarketState.PAUSED, MarketState.CLOSED) == (0, 1, 2, 3)


def test_every_status_of_a_market_has_its_number():
    assert {status.name for status in MarketStatus} == set(MarketState.__members__)
    assert MarketState.POST_ONLY == 4
