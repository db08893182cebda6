"""The emergency exit: what did not come off several times goes as far as the gate lets it.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

import math

from defi_analytics.domain.decision import BUY, Intent, OrderKind
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.views import MarketFacts

_WITHIN = 1.0 - 1e-9
"""Of a bound, so that no rounding of a float carries a price across it."""


def came_off(lots: int, filled: int) -> bool:
    """Whether an exit did what it was for: half of it is enough to go on as before."""
    return 2 * filled >= lots


def escalated(intent: Intent, failed: int, market: MarketFacts, limits: RiskLimits) -> Intent:
    """The same exit as a market order at the worst price that the gate lets through, once `failed` is enough.

    Unchanged where it reduces nothing, or where nothing is bid or offered.
    """
    if not (intent.reduce_only and failed >= limits.max_failed_exits):
        return intent
    side, width = float(intent.side), limits.exit_width * _WITHIN
    best = market.ask if intent.side == BUY else market.bid
    worst = best * (1.0 + side * limits.max_slippage * width)
    worst = _nearer(worst, side, market.mid, limits.mid_band * width)
    worst = _nearer(worst, side, market.oracle, limits.oracle_band * width)
    if not math.isfinite(worst):
        return intent
    ticks = math.floor(worst) if intent.side == BUY else max(1, math.ceil(worst))
    return Intent(intent.side, OrderKind.MARKET.value, ticks, intent.lots, 0, True, intent.why)


def _nearer(worst: float, side: float, reference: float, band: float) -> float:
    """Within the band around a reference, where there is one."""
    if not 0.0 < reference < math.inf:
        return worst
    bound = reference * (1.0 + side * band)
    return min(worst, bound) if side > 0.0 else max(worst, bound)
