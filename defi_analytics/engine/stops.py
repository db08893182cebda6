"""The limits' own exits, over whatever is held: they need no strategy and no edge.

A loss that reached its limit is closed. A perpetual position that came too near to being liquidated is first
told of, then halved in every round that it stays there, then closed: see `risk.liquidation.share_to_close`.
"""

import math
from collections.abc import Iterator

from defi_analytics.domain.decision import IDLE, Intent, View, Why
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, too_little
from defi_analytics.domain.portfolio import Position
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.facts import maintenance_margin, oracle_price
from defi_analytics.engine.views import holding_of, view_of
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.liquidation import distance, share_to_close
from defi_analytics.risk.stops import stop_hit
from defi_analytics.strategies.sizing import closing, part_of


def strategies_holding(books: Bookkeeping, market: Market) -> list[tuple[str, Inventory]]:
    """What strategies hold of a market that can be traded, as far as the account has it too.

    Fills of orders that are not ours may have closed it, or be a person's own: those are not ours to leave.
    """
    net = books.net.get(market.key, Inventory()).quantity
    own = [(s, held) for (s, key), held in books.held.items() if key == market.key and s]
    return [
        (strategy, held)
        for strategy, held in own
        if held.quantity * net > 0 and not (too_little(held.quantity, market) or too_little(net, market))
    ]


def stopped_out(
    snapshot: Snapshot,
    market: Market,
    books: Bookkeeping,
    limits: RiskLimits,
    position: Position | None = None,
) -> Iterator[tuple[str, Intent, str]]:
    """Each strategy whose holding reached a limit, the market order to leave it, and a word for people.

    The order is `IDLE` where there is only something to tell: the market's grid is not known, or a
    liquidation has come near.
    """
    gap = _distance(snapshot, market, position) if position else math.inf
    for strategy, held in strategies_holding(books, market):
        try:
            intent = limit_stop(snapshot, market, held, limits)
            away = _unwound(snapshot, market, held, gap, limits)
        except ValueError as error:
            yield strategy, IDLE, f"failed: {error}"
        else:
            if intent.side != 0:
                yield strategy, intent, "exit-stop"
            elif gap < limits.min_liquidation_distance:
                yield strategy, away, "exit-liquidation" if away.side else "near liquidation"


def limit_stop(snapshot: Snapshot, market: Market, held: Inventory, limits: RiskLimits) -> Intent:
    """`IDLE` until the loss reached the limit. Raises ValueError where the market's grid is not known."""
    holding, view = holding_of(held, market), view_of(snapshot, market, None)
    if not stop_hit(holding, _mark(snapshot, market, view), limits):
        return IDLE
    return closing(view, holding, Why.EXIT_STOP.value, limits.max_slippage * limits.exit_width)


def _distance(snapshot: Snapshot, market: Market, position: Position) -> float:
    held = float(position.quantity), float(position.entry_price), float(position.margin)
    return distance(*held, oracle_price(snapshot, market), maintenance_margin(market))


def _unwound(snapshot: Snapshot, market: Market, held: Inventory, gap: float, limits: RiskLimits) -> Intent:
    """Half of it, or all where half is less than the market trades."""
    share = share_to_close(gap, limits.min_liquidation_distance)
    if share == 0.0:
        return IDLE
    holding, view = holding_of(held, market), view_of(snapshot, market, None)
    whole = closing(view, holding, Why.EXIT_REDUCE.value, limits.max_slippage * limits.exit_width)
    return part_of(whole, share, view.grid)


def _mark(snapshot: Snapshot, market: Market, view: View) -> float:
    """Ticks: the middle of the book rounded down, as a replay marks it; without one, what the oracle says."""
    bids, asks = view.bids.ticks, view.asks.ticks
    if len(bids) == 0 or len(asks) == 0:
        return oracle_price(snapshot, market) / view.grid.price_tick
    return float((bids[0] + asks[0]) // 2)
