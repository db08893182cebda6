"""How far a perpetual position with a margin of its own is from being taken over.

It may be from the mark price P on at which margin and unrealised profit are down to the maintenance margin,
margin + q (P - entry) = m |q| P: a long one at or below P, a short one at or above. The chain first takes
what funding a long one owes off its margin, and adds it to a short one's; here `margin` is taken as it is.
Fees of the way out are counted neither here nor there.
Source: injective-core, modules/exchange/types/v2/position.go (GetLiquidationPrice; ApplyPositionDelta for
what an order makes of a position) and keeper/derivative_liquidations.go (when it is due).
"""

import math
from typing import NamedTuple

from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import OrderRequest
from defi_analytics.domain.portfolio import Position
from defi_analytics.risk.views import MarketFacts


class Margined(NamedTuple):
    """A position with a margin of its own; in base and quote, or in lots and ticks."""

    quantity: float
    """Negative is short."""
    entry: float
    margin: float


def liquidation_price(quantity: float, entry: float, margin: float, maintenance: float) -> float:
    """Quote per base; zero or below where no price would. `quantity` is negative for a short position.

    The equation above, solved for P.
    """
    if quantity > 0.0:
        return (entry - margin / quantity) / (1.0 - maintenance)
    return (entry - margin / quantity) / (1.0 + maintenance)


def distance(quantity: float, entry: float, margin: float, mark: float, maintenance: float) -> float:
    """Fraction of the mark price to go, at most 1; at 0 and below it is due. NaN without a mark."""
    if quantity == 0.0:
        return 1.0
    if not (mark > 0.0 and 0.0 < maintenance < 1.0):
        return math.nan
    gap = (mark - liquidation_price(quantity, entry, margin, maintenance)) / mark
    return min(gap, 1.0) if quantity > 0.0 else min(-gap, 1.0)


def with_order(held: Margined, added: float, price: float, leverage: float) -> Margined:
    """The position once an order has filled at a price; `added` is negative for a sale. Compilable."""
    after = held.quantity + added
    fresh = abs(added) * price / leverage
    if held.quantity * added >= 0.0:
        cost = held.quantity * held.entry + added * price
        return Margined(after, cost / after if after != 0.0 else price, held.margin + fresh)
    if held.quantity * after > 0.0:
        return Margined(after, held.entry, held.margin * (after / held.quantity))
    # Turned over: what is left of the order is a new position with its share of the margin.
    return Margined(after, price, fresh * abs(after / added))


def distance_after(request: OrderRequest, position: Position | None, market: MarketFacts) -> float:
    """Once the order has filled at its worst price; 1 on spot."""
    if request.market.kind is MarketKind.SPOT:
        return 1.0
    held = Margined(0.0, 0.0, 0.0)
    if position:
        held = Margined(float(position.quantity), float(position.entry_price), float(position.margin))
    added = float(request.quantity) * (1 if request.side is Side.BUY else -1)
    after = with_order(held, added, float(request.price), float(request.leverage))
    return distance(*after, market.oracle * market.grid.price_tick, market.maintenance_margin)
