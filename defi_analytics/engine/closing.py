"""Closing what is held because a person says so, or leaving none of it unguarded; through the same gate."""

import logging
import math
from collections.abc import Sequence
from decimal import Decimal

from defi_analytics.domain.decision import BUY, SELL, Intent, OrderKind, Why
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKind, too_little
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.exits import EMERGENCY, passing
from defi_analytics.engine.presumed import presumed
from defi_analytics.engine.protection import protection
from defi_analytics.engine.requests import request_of
from defi_analytics.engine.terms import Known, Terms
from defi_analytics.engine.trade import Considered, Decision, Purpose, Wish, covered_by, decision_id, judged
from defi_analytics.engine.views import grid_of, view_of
from defi_analytics.risk.facts import Expected

LOG = logging.getLogger("defi.run")


def closing_trades(known: Known, markets: Sequence[Market], terms: Terms) -> Decision:
    """Market orders that close all that is held of these markets, asked for by a person.

    But for those whose grid is not known: their positions stay, and who closes is told so.
    """
    markets = _on_grids(markets)
    known = known._replace(books=presumed(known.books, known.portfolio))
    name = decision_id(known)
    closing = closable(known.books, markets)
    made = [_close(known, market, strategy, held, terms) for strategy, market, held in closing]
    wishes = [wish for wish, _ in made if wish is not None]
    insisted = tuple(considered for _, considered in made if considered is not None)
    decision = Decision(name, known.snapshot.time, insisted, (), (), Purpose.CLOSE)
    return judged(known, markets, terms, decision, wishes)


def guarding_trades(known: Known, markets: Sequence[Market], terms: Terms) -> Decision:
    """Nothing but the stops that what is held lacks, where a market's grid is known."""
    markets = _on_grids(markets)
    known = known._replace(books=presumed(known.books, known.portfolio))
    name, positions = decision_id(known), known.portfolio.positions
    lacking = (
        protection(known.books, positions.get(market.key), market, terms.on(market.key), name).wanted
        for market in markets
    )
    wishes = [Wish(stop, Expected(protects=True)) for stop in lacking if stop]
    decision = Decision(name, known.snapshot.time, (), (), (), Purpose.GUARD)
    return judged(known, markets, terms, decision, wishes)


def _on_grids(markets: Sequence[Market]) -> list[Market]:
    """Those whose grid is known; of the others each look tells anew: a listing may be wrong for a moment."""
    found = []
    for market in markets:
        try:
            grid_of(market)
        except ValueError as error:
            LOG.warning("%s", error)
        else:
            found.append(market)
    return found


def closable(books: Bookkeeping, markets: Sequence[Market]) -> list[tuple[str, Market, Inventory]]:
    """What there is to close on these markets, with the strategy it is booked under.

    Less than a lot is not to be closed. On spot not what another client of the account bought: that is its
    owner's; nor what it sold of the strategies' coins. A perpetual position is one, whoever it came from, and
    nothing is left of it where all shares come to zero.
    """
    by_key = {market.key: market for market in markets}
    return [
        (strategy, by_key[key], held)
        for (strategy, key), held in books.held.items()
        if key in by_key and _to_close(books, strategy, by_key[key], held)
    ]


def rest(books: Bookkeeping, market: Market) -> Decimal:
    """Of the strategies' and, but for spot, everybody's: less than a lot, so that it stays; zero for none."""
    spot = market.kind is MarketKind.SPOT
    own = (held.quantity for (s, key), held in books.held.items() if key == market.key and (s or not spot))
    left = sum(own, Decimal(0))
    return left if too_little(left, market) else Decimal(0)


def _to_close(books: Bookkeeping, strategy: str, market: Market, held: Inventory) -> bool:
    net, spot = books.net[market.key].quantity, market.kind is MarketKind.SPOT
    if too_little(held.quantity, market) or too_little(net, market):
        return False
    return not spot or (strategy != "" and held.quantity * net > 0)


def _close(
    known: Known, market: Market, strategy: str, held: Inventory, terms: Terms
) -> tuple[Wish | None, Considered | None]:
    """No wish where nothing is bid or offered.

    What was considered is told of emergencies alone: the rest is what a person asked for.
    """
    view = view_of(known.snapshot, market, None)
    side = SELL if held.quantity > 0 else BUY
    ladder = view.bids if side == SELL else view.asks
    lots = abs(market.whole_lots(held.quantity))
    if not ladder.ticks:
        return None, None
    worst = ladder.ticks[0] * (1 + side * terms.on(market.key).max_slippage)
    ticks = math.floor(worst) if side == BUY else math.ceil(worst)
    intent = Intent(side, OrderKind.MARKET, ticks, lots, 0, True, Why.EXIT_REDUCE)
    limits = terms.on(market.key)
    passed, urgent = passing(known.snapshot, market, known.books, strategy, intent, limits)
    wanted = covered_by(known, terms, market, passed)
    request = request_of(market, strategy, wanted, f"close|{decision_id(known)}")
    told = Considered(strategy, market.key, EMERGENCY, request.client_order_id) if urgent else None
    return Wish(request, Expected(by_person=True)), told
