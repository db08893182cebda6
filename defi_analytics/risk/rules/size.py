"""How large an order may be, and what it may add to. Orders that reduce pass all of it."""

import math

from defi_analytics.risk.codes import Denial
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.rules.state import lots_after, reduces
from defi_analytics.risk.verdict import PASSED, Verdict, at_least, at_most
from defi_analytics.risk.views import AccountFacts, MarketFacts, OrderFacts


def order_notional(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    if reduces(order, account):
        return PASSED
    return at_most(Denial.ORDER_NOTIONAL, order.notional, limits.max_trade_size)


def trade_size_min(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    if reduces(order, account):
        return PASSED
    return at_least(Denial.TRADE_SIZE_MIN, order.notional, limits.min_trade_size)


def position_size(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    """What the position would be worth in the order's direction, at the order's own worst price."""
    if reduces(order, account):
        return PASSED
    per_lot = order.notional / order.lots if order.lots > 0 else math.nan
    return at_most(Denial.POSITION_SIZE, per_lot * lots_after(order, account), limits.max_position_size)


def exposure_total(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    if reduces(order, account):
        return PASSED
    after = _added(account.exposure_total, order.notional)
    return at_most(Denial.EXPOSURE_TOTAL, after, limits.max_exposure_total)


def exposure_market(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    if reduces(order, account):
        return PASSED
    after = _added(account.exposure_market, order.notional)
    return at_most(Denial.EXPOSURE_MARKET, after, limits.max_exposure_market)


def exposure_asset(
    order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits
) -> Verdict:
    """Only the side that the order makes worse counts: a hedge is welcome however large the other side is."""
    if reduces(order, account):
        return PASSED
    side = account.asset_long if order.side > 0 else -account.asset_short
    # Never the other way round: if it is, the two were mixed up.
    sound = 0.0 <= account.asset_long - account.asset_short < math.inf
    return at_most(
        Denial.EXPOSURE_ASSET, side + order.notional if sound else math.nan, limits.max_exposure_asset
    )


def _added(exposure: float, notional: float) -> float:
    return exposure + notional if exposure >= 0.0 else math.nan
