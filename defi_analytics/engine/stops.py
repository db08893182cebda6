"""The limits' own stop-loss, over whatever is held: it needs no strategy and no edge."""

from collections.abc import Iterator

from defi_analytics.domain.decision import IDLE, Intent, View, Why
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.facts import oracle_price
from defi_analytics.engine.views import holding_of, view_of
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.stops import stop_hit
from defi_analytics.strategies.sizing import closing


def strategies_holding(books: Bookkeeping, key: MarketKey) -> list[tuple[str, Inventory]]:
    """What strategies hold of a market, as far as the account has it too.

    Fills of orders that are not ours may have closed it, or be a person's own: those are not ours to leave.
    """
    net = books.net.get(key, Inventory()).quantity
    return [
        (strategy, held)
        for (strategy, market), held in books.held.items()
        if market == key and strategy and held.quantity * net > 0
    ]


def stopped_out(
    snapshot: Snapshot, market: Market, books: Bookkeeping, limits: RiskLimits
) -> Iterator[tuple[str, Intent, str]]:
    """Each strategy whose holding reached `stop_loss`, the market order for all of it, and a word for people.

    The order is `IDLE` where the book or the holding is not on the market's grid, which the word then says.
    """
    for strategy, held in strategies_holding(books, market.key):
        try:
            intent = limit_stop(snapshot, market, held, limits)
        except ValueError as error:
            yield strategy, IDLE, f"failed: {error}"
        else:
            if intent.side != 0:
                yield strategy, intent, "exit-stop"


def limit_stop(snapshot: Snapshot, market: Market, held: Inventory, limits: RiskLimits) -> Intent:
    """`IDLE` until the loss reached the limit. Raises ValueError off the market's grid."""
    holding, view = holding_of(held, market), view_of(snapshot, market, None)
    if not stop_hit(holding, _mark(snapshot, market, view), limits):
        return IDLE
    return closing(view, holding, Why.EXIT_STOP.value, limits.max_slippage * limits.exit_width)


def _mark(snapshot: Snapshot, market: Market, view: View) -> float:
    """Ticks: the middle of the book rounded down, as a replay marks it; without one, what the oracle says."""
    bids, asks = view.bids.ticks, view.asks.ticks
    if len(bids) == 0 or len(asks) == 0:
        return oracle_price(snapshot, market) / view.grid.price_tick
    return float((bids[0] + asks[0]) // 2)
