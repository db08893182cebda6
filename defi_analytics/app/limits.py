"""The limits of a run, from the settings: every one of them always on, and a market's own only tighter."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from defi_analytics.config.settings import MarketSettings, Settings
from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.errors import UnknownMarket
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.venues.injective.resolve import resolve_many

SETTINGS: Mapping[str, str] = {
    "max_position_size": "monitoring.risk_management.max_position",
    "max_trade_size": "monitoring.risk_management.max_order",
    "max_slippage": "monitoring.risk_management.max_slippage",
    "stop_loss": "monitoring.risk_management.stop_loss",
    "portfolio_stop_loss": "monitoring.risk_management.portfolio_stop_loss",
    "max_soft_drawdown": "monitoring.risk_management.soft_drawdown",
    "max_daily_loss": "monitoring.risk_management.daily_loss",
    "max_weekly_loss": "monitoring.risk_management.weekly_loss",
    "max_daily_trades": "monitoring.risk_management.max_daily_trades",
    "cooldown_period_s": "monitoring.risk_management.cooldown_period",
    "max_active_positions": "monitoring.max_active_positions",
    "min_profit_threshold": "monitoring.min_profit_threshold",
    "max_exposure_total": "monitoring.risk_management.max_exposure",
    "max_exposure_asset": "monitoring.risk_management.max_asset_exposure",
    "max_exposure_market": "monitoring.risk_management.max_market_exposure",
    "oracle_band": "monitoring.risk_management.oracle_band",
    "mid_band": "monitoring.risk_management.mid_band",
    "fill_band": "monitoring.risk_management.fill_band",
    "max_book_age_s": "scan.max_age_s",
    "max_oracle_age_s": "monitoring.risk_management.max_oracle_age",
    "max_prediction_age_s": "allora.prediction_settings.update_interval",
    "max_clock_skew_s": "monitoring.risk_management.max_clock_skew",
    "max_orders_per_minute": "monitoring.risk_management.max_orders_per_minute",
    "max_leg_imbalance": "monitoring.risk_management.leg_imbalance",
    "max_leverage": "monitoring.risk_management.max_leverage",
    "min_liquidation_distance": "monitoring.risk_management.liquidation_distance",
    "max_failed_exits": "monitoring.risk_management.max_failed_exits",
    "max_gas_per_day": "monitoring.risk_management.max_gas_per_day",
    "max_resting_blocks": "run.resting_blocks",
}
"""Where each limit is set, by field of `RiskLimits`; the others are as they are."""
CAPITAL = "monitoring.risk_management.capital"


def capital_of(settings: Settings) -> float | None:
    """Account currency that may be risked; None for all there is."""
    own = settings.risk.capital
    return None if own is None else float(own)


def risk_limits(settings: Settings) -> RiskLimits:
    """No more is ordered or exposed than there is capital: what lies beside it is not borrowed from."""
    own, scan = settings.risk, settings.scan
    return RiskLimits(
        max_position_size=float(own.max_position),
        max_trade_size=float(min(own.max_order, own.capital or own.max_order)),
        max_slippage=float(own.max_slippage),
        stop_loss=float(own.stop_loss),
        portfolio_stop_loss=float(own.portfolio_stop_loss),
        max_soft_drawdown=float(own.soft_drawdown),
        max_daily_loss=float(own.daily_loss),
        max_weekly_loss=float(own.weekly_loss),
        max_daily_trades=own.max_daily_trades,
        cooldown_period_s=float(own.cooldown_period),
        max_active_positions=settings.monitoring.max_active_positions,
        min_profit_threshold=float(settings.min_edge),
        max_exposure_total=float(min(own.max_exposure, own.capital or own.max_exposure)),
        max_exposure_asset=float(own.max_asset_exposure),
        max_exposure_market=float(own.max_market_exposure),
        oracle_band=float(own.oracle_band),
        mid_band=float(own.mid_band),
        fill_band=float(own.fill_band),
        max_book_age_s=float(scan.max_age_s),
        max_oracle_age_s=float(own.max_oracle_age),
        max_prediction_age_s=3.0 * settings.allora.prediction_settings.update_interval,
        max_clock_skew_s=float(own.max_clock_skew),
        max_orders_per_minute=own.max_orders_per_minute,
        max_leg_imbalance=float(own.leg_imbalance),
        max_leverage=float(own.max_leverage),
        min_liquidation_distance=float(own.liquidation_distance),
        max_gas_per_day=float(own.max_gas_per_day),
        max_resting_blocks=settings.run.resting_blocks,
        max_failed_exits=own.max_failed_exits,
    )


def market_limits(settings: Settings, markets: Iterable[Market]) -> Mapping[MarketKey, RiskLimits]:
    """By market, for those that `injective.markets` names; sizes are in account currency."""
    general, listed = risk_limits(settings), list(markets)
    found: dict[MarketKey, RiskLimits] = {}
    for own in settings.injective.markets:
        try:
            named = resolve_many([own.id], listed)
        except UnknownMarket:
            continue
        found |= {market.key: limits_of_market(general, own) for market in named}
    return found


def limits_of_market(general: RiskLimits, own: MarketSettings) -> RiskLimits:
    risk = own.risk_parameters
    return general._replace(
        min_trade_size=_given(own.min_trade_size, general.min_trade_size),
        max_trade_size=_given(own.max_trade_size, general.max_trade_size),
        max_position_size=_given(risk.max_position_size, general.max_position_size),
        max_slippage=_given(risk.max_slippage, general.max_slippage),
        stop_loss=_given(risk.stop_loss, general.stop_loss),
    )


def _given(value: Decimal | None, otherwise: float) -> float:
    return otherwise if value is None else float(value)
