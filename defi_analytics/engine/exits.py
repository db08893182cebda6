"""Exits that do not come off: counted by the books, and then made as far as the gate lets them."""

from defi_analytics.domain.decision import Intent, OrderKind
from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.order import OrderState
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.bookkeeping import Bookkeeping, TrackedOrder
from defi_analytics.engine.facts import market_facts
from defi_analytics.engine.records import EXCHANGE
from defi_analytics.risk.emergency import came_off, passable
from defi_analytics.risk.exposure import Marks
from defi_analytics.risk.limits import RiskLimits

EMERGENCY = "exit-emergency"
"""What is said of such an exit."""
_NOBODY_PAID_IT = frozenset({(EXCHANGE, 24), (EXCHANGE, 25)})
"""Refusals by codespace and code: nothing is bid or offered, or nothing at the worst price. Source:
injective-core, modules/exchange/types/errors.go, ErrNoLiquidity and ErrSlippageExceedsWorstPrice."""
_NO_MARKS = Marks({}, frozenset())
"""Prices are judged in the market's own quote."""


def failed_exits(books: Bookkeeping, strategy: str, key: MarketKey) -> int:
    """How many in a row, up to the last that came off or to the entry, nobody took at their price.

    That is not for a worse one to mend: what was refused for another reason, got lost or was taken back.
    """
    count = 0
    for order in reversed(books.orders.values()):
        request = order.request
        if order.live or (request.strategy, request.market.key) != (strategy, key):
            continue
        filled = int(order.filled / request.market.quantity_tick)
        if filled and (not request.reduce_only or came_off(request.lots, filled)):
            break
        count += request.reduce_only and request.kind is not OrderKind.STOP and _too_dear(order)
    return count


def _too_dear(order: TrackedOrder) -> bool:
    """Of one that is over and not half filled."""
    if order.state is OrderState.REJECTED:
        return (order.error_codespace, order.error_code) in _NOBODY_PAID_IT
    cancelled = 0 < order.closed_height < order.expiry_height
    return order.state is OrderState.DONE and not cancelled


def passing(
    snapshot: Snapshot, market: Market, books: Bookkeeping, strategy: str, wanted: Intent, limits: RiskLimits
) -> tuple[Intent, bool]:
    """An exit at a price that the gate lets through, and whether it came to nothing too often before.

    What reduces nothing stays as it is.
    """
    if not wanted.reduce_only:
        return wanted, False
    failed = failed_exits(books, strategy, market.key)
    made = passable(wanted, failed, market_facts(snapshot, market, _NO_MARKS), limits)
    return made, failed >= limits.max_failed_exits
