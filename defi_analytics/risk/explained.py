"""The codes and limits in words, for people."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from defi_analytics.risk.codes import Denial


class Explained(NamedTuple):
    unit: str
    """Of limit and value; empty where the code says it all."""
    meaning: str
    advice: str


class Limited(NamedTuple):
    unit: str
    meaning: str
    code: Denial
    """What an order beyond it is refused with; NONE where it refuses none."""


_ACCOUNT = "account currency"
_FRACTION = "fraction"

DENIALS: Mapping[Denial, Explained] = MappingProxyType({
    Denial.HALTED: Explained(
        "", "Trading is halted; only cancels, stop-losses and reducing orders that you ask for pass.",
        "See why with `defi risk`, then `defi risk resume`.",
    ),
    Denial.REDUCE_ONLY: Explained(
        "", "Only orders that reduce pass now, or the order says that it reduces and would not.",
        "See `defi risk`; resume, or order no more than is held.",
    ),
    Denial.DAILY_LOSS: Explained(
        _FRACTION, "The day's loss reached its limit: nothing but reducing orders until 00:00 UTC.",
        "Wait for the next day.",
    ),
    Denial.WEEKLY_LOSS: Explained(
        _FRACTION, "The week's loss reached its limit: nothing but reducing orders until Monday 00:00 UTC.",
        "Wait for the next week, or find out what loses.",
    ),
    Denial.DRAWDOWN_SOFT: Explained(
        _FRACTION, "Equity is so far below its peak that only reducing orders pass.",
        "Wait for it to recover, or find out what loses.",
    ),
    Denial.DRAWDOWN_HARD: Explained(
        _FRACTION, "Equity is so far below its peak that trading halted.",
        "Find out why before `defi risk resume`; unless told to, it does not forget the peak.",
    ),
    Denial.MAX_LOSS: Explained(
        _ACCOUNT, "So much was lost since 00:00 UTC that trading halted, as --max-loss asked.",
        "Find out why. Resumed before 00:00 UTC, it halts again unless its --max-loss is larger.",
    ),
    Denial.EXPOSURE_TOTAL: Explained(
        _ACCOUNT, "All positions and pending orders together would be too large.", "Close something first.",
    ),
    Denial.EXPOSURE_ASSET: Explained(
        _ACCOUNT, "Spot and perpetuals of this asset together would be too large.",
        "Close or hedge some of it first.",
    ),
    Denial.EXPOSURE_MARKET: Explained(
        _ACCOUNT, "Position and pending orders on this market would be too large.",
        "Cancel or close some of it first.",
    ),
    Denial.POSITION_SIZE: Explained(
        _ACCOUNT, "The position would be larger than max_position_size.",
        "Order less, or raise the limit.",
    ),
    Denial.ORDER_NOTIONAL: Explained(
        _ACCOUNT, "The order is larger than max_trade_size.", "Order less, or raise the limit.",
    ),
    Denial.TRADE_SIZE_MIN: Explained(
        _ACCOUNT, "The order is smaller than min_trade_size.", "Order more, or lower the limit.",
    ),
    Denial.POSITION_COUNT: Explained(
        "positions", "It would open one position more than max_active_positions.", "Close one first.",
    ),
    Denial.DAILY_TRADES: Explained(
        "trades", "The day's number of trades is used up.", "Wait for 00:00 UTC.",
    ),
    Denial.RATE_LIMIT: Explained(
        "orders", "Too many orders within a minute or a block.",
        "Nothing: it passes by itself. If it comes often, something orders in a loop.",
    ),
    Denial.PRICE_BAND_ORACLE: Explained(
        _FRACTION, "The price is too far from the oracle's.", "Compare with `defi market show`.",
    ),
    Denial.PRICE_BAND_MID: Explained(
        _FRACTION, "The price is too far from the middle of the book.", "Compare with `defi market show`.",
    ),
    Denial.SLIPPAGE: Explained(
        _FRACTION, "The worst accepted price lies too far beyond the best one.",
        "Order less, or raise max_slippage.",
    ),
    Denial.MIN_PROFIT: Explained(
        _FRACTION, "The expected net edge is below min_profit_threshold.", "Nothing: it is not worth it.",
    ),
    Denial.STALE_BOOK: Explained(
        "s", "The order book is too old, or its age is not known.", "Try again; look at the connection.",
    ),
    Denial.STALE_ORACLE: Explained(
        "s", "The oracle's price is too old, or its age is not known.", "Wait for its next price.",
    ),
    Denial.STALE_PREDICTION: Explained(
        "s", "The forecast is too old, or its age is not known.", "Wait for the next one.",
    ),
    Denial.STALE_BALANCE: Explained(
        "s", "What the account holds was read too long ago.", "Try again; look at the connection.",
    ),
    Denial.CLOCK_SKEW: Explained(
        "s", "This machine's clock and the chain's differ, or an input is dated in the future.",
        "Set the clock; let a time service keep it.",
    ),
    Denial.MARKET_STATE: Explained(
        "", "The market is paused or closed, or after a standstill takes post-only orders alone.",
        "Wait, or trade another market.",
    ),
    Denial.COOLDOWN: Explained(
        "s", "The last exit on this market is too recent.", "Wait; see cooldown_period.",
    ),
    Denial.LEG_IMBALANCE: Explained(
        _FRACTION, "Orders that belong together would leave too much unhedged once all have filled.",
        "Nothing was sent of them. Make the legs equally large, or send them one by one, without a group.",
    ),
    Denial.PRICE_BAND_FILL: Explained(
        _FRACTION, "The price is too far from the account's own last fill there, not a minute ago.",
        "Wait a minute if the market really moved so far; else compare with `defi market show`.",
    ),
    Denial.INSUFFICIENT_BALANCE: Explained(
        "of the denom it spends", "The account cannot pay for it besides what was approved before.",
        "Pay in, or order less.",
    ),
    Denial.LIQUIDATION_DISTANCE: Explained(
        "fraction of the mark price", "The position would be too close to being liquidated.",
        "Order less, or with less leverage.",
    ),
    Denial.LEVERAGE: Explained("notional per margin", "The leverage is above its cap.", "Lower it."),
    Denial.GAS_BUDGET: Explained(
        "INJ", "The day's gas is used up.", "Wait for 00:00 UTC, or raise the budget.",
    ),
    Denial.UNRESOLVED_ORDER: Explained(
        "", "An order on this market was sent, and nobody can say yet what became of it.",
        "Wait: it is settled by the transaction, or by its timeout height.",
    ),
    Denial.DUPLICATE_ID: Explained(
        "", "An order with this client id was sent before.", "Nothing: deciding twice gives one order.",
    ),
    Denial.GRID: Explained(
        "lots or cash units",
        "The market cannot express the order: off its grid, below a minimum, or beyond exact numbers.",
        "Compare with price_tick, quantity_tick and min_notional in `defi market show`.",
    ),
    Denial.RISK_STATE_UNKNOWN: Explained(
        "", "Something a rule needs is missing, not a number, or made it fail: then nothing is sent.",
        "See the warnings; `defi risk` tells what is not known.",
    ),
})  # fmt: skip

LIMITS: Mapping[str, Limited] = MappingProxyType({
    "max_position_size": Limited(_ACCOUNT, "largest position on one market", Denial.POSITION_SIZE),
    "min_trade_size": Limited(_ACCOUNT, "smallest order", Denial.TRADE_SIZE_MIN),
    "max_trade_size": Limited(_ACCOUNT, "largest order", Denial.ORDER_NOTIONAL),
    "max_slippage": Limited(_FRACTION, "worst price beyond the best one", Denial.SLIPPAGE),
    "stop_loss": Limited(_FRACTION, "loss that closes a position", Denial.NONE),
    "portfolio_stop_loss": Limited(_FRACTION, "drawdown that halts", Denial.DRAWDOWN_HARD),
    "max_soft_drawdown": Limited(_FRACTION, "drawdown that lets only reduce", Denial.DRAWDOWN_SOFT),
    "max_daily_loss": Limited(_FRACTION, "loss of a UTC day that lets only reduce", Denial.DAILY_LOSS),
    "max_daily_trades": Limited("trades", "orders a UTC day that do not reduce", Denial.DAILY_TRADES),
    "cooldown_period_s": Limited("s", "pause on a market after leaving it", Denial.COOLDOWN),
    "max_active_positions": Limited("positions", "held or pending at once", Denial.POSITION_COUNT),
    "min_profit_threshold": Limited(_FRACTION, "smallest expected net edge", Denial.MIN_PROFIT),
    "max_exposure_total": Limited(_ACCOUNT, "of everything, gross", Denial.EXPOSURE_TOTAL),
    "max_exposure_asset": Limited(_ACCOUNT, "of one asset, net", Denial.EXPOSURE_ASSET),
    "max_exposure_market": Limited(_ACCOUNT, "of one market, gross", Denial.EXPOSURE_MARKET),
    "oracle_band": Limited(_FRACTION, "price off the oracle's", Denial.PRICE_BAND_ORACLE),
    "mid_band": Limited(_FRACTION, "price off the middle of the book", Denial.PRICE_BAND_MID),
    "max_book_age_s": Limited("s", "oldest order book", Denial.STALE_BOOK),
    "max_oracle_age_s": Limited("s", "oldest oracle price", Denial.STALE_ORACLE),
    "max_prediction_age_s": Limited("s", "oldest forecast", Denial.STALE_PREDICTION),
    "max_balance_age_s": Limited("s", "oldest reading of the account", Denial.STALE_BALANCE),
    "max_clock_skew_s": Limited("s", "off the chain's clock", Denial.CLOCK_SKEW),
    "max_orders_per_minute": Limited("orders", "in any minute", Denial.RATE_LIMIT),
    "max_orders_per_block": Limited("orders", "in one block", Denial.RATE_LIMIT),
    "max_leverage": Limited("notional per margin", "of one order", Denial.LEVERAGE),
    "min_liquidation_distance": Limited(_FRACTION, "mark price to liquidation", Denial.LIQUIDATION_DISTANCE),
    "max_gas_per_day": Limited("INJ", "spent a UTC day", Denial.GAS_BUDGET),
    "exit_width": Limited("times", "wider bands and ages for orders that reduce", Denial.NONE),
    "max_resting_blocks": Limited("blocks", "an order rests at most", Denial.NONE),
    "max_weekly_loss": Limited(
        _FRACTION, "loss of a week from Monday UTC that lets only reduce", Denial.WEEKLY_LOSS
    ),
    "max_leg_imbalance": Limited(_FRACTION, "of legs, unhedged by each other", Denial.LEG_IMBALANCE),
    "fill_band": Limited(_FRACTION, "price off that of the last own fill", Denial.PRICE_BAND_FILL),
    "max_failed_exits": Limited("exits", "in a row, before one goes to the worst price", Denial.NONE),
    "max_loss": Limited(_ACCOUNT, "loss of a UTC day that halts, by --max-loss", Denial.MAX_LOSS),
})  # fmt: skip
"""By field of `RiskLimits`."""

ELSEWHERE: Mapping[str, Explained] = MappingProxyType({
    "EXPOSURE_VENUE": Explained(
        "", "Never refused with: orders go to one venue, Injective, so its exposure is that of the account.",
        "See EXPOSURE_TOTAL.",
    ),
    "LOCKED": Explained(
        "", "Never refused with: a cooldown locks a market, and the process that trades locks its account.",
        "See COOLDOWN for the one and WRONG_STATE (exit 9) for the other.",
    ),
})  # fmt: skip
"""Codes that risk systems publish, and what takes their place here."""
