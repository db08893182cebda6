"""What kept an order from being larger: told again from what it was decided by."""

from decimal import Decimal

from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import OrderRequest
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.facts import largest_notional

SAID = {
    "strategy": "no more by the strategy's own limit",
    "max_trade_size": "no more by max_trade_size",
    "book": "no more on the book at a profit",
    "holding": "",
}


def bound_by(agent: Agent, request: OrderRequest) -> str:
    """A word of `SAID`; empty where it is not a strategy's order, or not known."""
    if request.reduce_only:
        return "holding"
    own = [
        params.max_notional
        for strategy, params in agent.terms.strategies
        if strategy.name == request.strategy
    ]
    if not own or agent.seen is None:
        return ""
    snapshot = agent.seen.snapshot
    terms, market = agent.terms, request.market
    allowed = largest_notional(snapshot, market, terms.currency, terms.on(market.key))
    more = request.quantity + market.quantity_tick
    if float(more * _dearest(request, snapshot)) <= min(own[0], allowed):
        return "book"
    return "strategy" if own[0] <= allowed else "max_trade_size"


def _dearest(request: OrderRequest, snapshot: Snapshot) -> Decimal:
    """The highest price it can meet: what a buyer accepts at worst, or the best bid of a seller."""
    book = snapshot.books.get(request.market.key)
    if request.side is Side.BUY or book is None or not book.bids.prices:
        return request.price
    return max(request.price, request.market.nearest_price(book.bids.prices[0]))
