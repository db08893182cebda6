"""At what price an exit is made: one that the gate lets through, or the worst of them if nothing helps.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

import math

from defi_analytics.domain.decision import BUY, Intent, OrderKind
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.views import MarketFacts

WITHIN = 1.0 - 1e-9
"""Of a bound, so that no rounding of a float carries a price across it."""


def came_off(lots: int, filled: int) -> bool:
    """Whether an exit did what it was for: half of it is enough to go on as before."""
    return 2 * filled >= lots


def passable(intent: Intent, failed: int, market: MarketFacts, limits: RiskLimits) -> Intent:
    """The same exit at a price that the gate lets through; once `failed` is enough, at the worst of these.

    Unchanged where it reduces nothing, where nothing is bid or offered, and where even the best price is
    beyond a band: that is for the gate to say.
    """
    if not intent.reduce_only or intent.kind == OrderKind.STOP.value:
        return intent
    insists = failed >= limits.max_failed_exits
    side, width = float(intent.side), limits.exit_width * WITHIN
    best = market.ask if intent.side == BUY else market.bid
    worst = best * (1.0 + side * limits.max_slippage * width)
    if not insists:
        worst = min(float(intent.ticks), worst) if side > 0.0 else max(float(intent.ticks), worst)
    worst = _nearer(worst, side, market.mid, limits.mid_band * width)
    if market.has_oracle and market.oracle_age_s <= limits.max_oracle_age_s * limits.exit_width:
        worst = _nearer(worst, side, market.oracle, limits.oracle_band * width)
    if not (math.isfinite(worst) and (worst - best) * side >= 0.0):
        return intent
    ticks = math.floor(worst) if intent.side == BUY else max(1, math.ceil(worst))
    kind = OrderKind.MARKET.value if insists else intent.kind
    return Intent(intent.side, kind, ticks, intent.lots, 0, True, intent.why)


def _nearer(worst: float, side: float, reference: float, band: float) -> float:
    """Within the band around a reference, where there is one."""
    if not 0.0 < reference < math.inf:
        return worst
    bound = reference * (1.0 + side * band)
    return min(worst, bound) if side > 0.0 else max(worst, bound)
