"""Stops: judged here for every market, and placed on the chain where it has stop orders."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext

from defi_analytics.domain.decision import Holding, OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.order import OrderRequest
from defi_analytics.domain.portfolio import Position
from defi_analytics.risk.emergency import WITHIN
from defi_analytics.risk.limits import RiskLimits

_DIGITS = 60


def stop_hit(holding: Holding, mark_ticks: float, limits: RiskLimits) -> bool:
    """Whether the loss of the open lots reached `stop_loss` of what they cost, before fees. Compilable.

    False without a mark: an unknown price makes no order, and stale inputs refuse new ones meanwhile.
    """
    if holding.lots == 0 or not (math.isfinite(mark_ticks) and mark_ticks > 0.0):
        return False
    worth = abs(holding.lots) * mark_ticks
    loss = holding.cost - worth if holding.lots > 0 else worth - holding.cost
    return loss >= limits.stop_loss * holding.cost


def protective_stop(
    position: Position, market: Market, limits: RiskLimits, strategy: str, client_order_id: str
) -> OrderRequest | None:
    """A reduce-only stop for the whole position at `stop_loss` from its entry; None where none can rest.

    Its trigger is rounded to the earlier step. Its worst price is the furthest that the gate lets an exit go,
    rounded to the step that accepts less: one that finds no price within it when it is triggered is gone.
    """
    lots = _steps(abs(position.quantity), market.quantity_tick, ROUND_FLOOR)
    if market.kind is MarketKind.SPOT or lots == 0:
        return None
    long = position.quantity > 0
    away = -1 if long else 1
    earlier, worst = (
        (1 + away * Decimal(repr(limits.stop_loss))),
        (1 + away * Decimal(repr(_furthest(limits)))),
    )
    rounding = ROUND_CEILING if long else ROUND_FLOOR
    trigger = _steps(position.entry_price * earlier, market.price_tick, rounding)
    return OrderRequest(
        client_order_id=client_order_id,
        market=market,
        side=Side.SELL if long else Side.BUY,
        kind=OrderKind.STOP,
        ticks=max(1, _steps(market.price(trigger) * worst, market.price_tick, rounding)),
        lots=lots,
        strategy=strategy,
        trigger_ticks=trigger,
        reduce_only=True,
    )


def _furthest(limits: RiskLimits) -> float:
    """Fraction of its trigger, which is what each of these measures a stop from."""
    return min(limits.max_slippage, limits.mid_band, limits.oracle_band) * limits.exit_width * WITHIN


def _steps(value: Decimal, step: Decimal, rounding: str) -> int:
    with localcontext(prec=_DIGITS):
        return int((value / step).to_integral_value(rounding=rounding))
