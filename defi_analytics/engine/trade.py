"""From edges to orders: what the strategies want and what risk lets through. Pure.

The same snapshot, books, portfolio, risk state and terms give the same decision, down to the orders' ids.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from defi_analytics.domain.decision import BUY, Intent, Why
from defi_analytics.domain.edge import Edge, EdgeKind, Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey, MarketKind, too_little
from defi_analytics.domain.order import ApprovedOrder, Cancel, OrderRequest
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.context import context_of
from defi_analytics.engine.exits import EMERGENCY, passing
from defi_analytics.engine.facts import largest_notional
from defi_analytics.engine.presumed import presumed, unread
from defi_analytics.engine.protection import STRATEGY, Protection, protection
from defi_analytics.engine.requests import covered, request_of
from defi_analytics.engine.stops import stopped_out, strategies_holding
from defi_analytics.engine.terms import Known, Terms
from defi_analytics.engine.views import best_candidate, holding_of, view_of
from defi_analytics.ports import Strategy
from defi_analytics.risk.facts import Expected
from defi_analytics.risk.gate import Approved, Refused, approve
from defi_analytics.risk.limits import RiskLimits, bounded
from defi_analytics.strategies.sizing import expected_edge


@dataclass(frozen=True, slots=True)
class Considered:
    """One market as one strategy saw it, and what came of it."""

    strategy: str
    market: MarketKey
    said: str
    """In one word: idle, entry, exit-…; or the code that kept it from asking."""
    client_order_id: str = ""


class Purpose(StrEnum):
    TRADE = "trade"
    """What the strategies want, and the limits."""
    CLOSE = "close"
    """To close everything, not by a strategy."""
    GUARD = "guard"
    """To leave nothing open without its stop."""


@dataclass(frozen=True, slots=True)
class Decision:
    id: str
    at: datetime
    considered: tuple[Considered, ...]
    answers: tuple[Approved | Refused, ...]
    markets: tuple[MarketKey, ...]
    purpose: Purpose = Purpose.TRADE
    cancels: tuple[Cancel, ...] = ()
    """Stops of positions that are no longer there."""

    @property
    def approved(self) -> tuple[Approved, ...]:
        return tuple(answer for answer in self.answers if isinstance(answer, Approved))

    @property
    def groups(self) -> list[tuple[tuple[ApprovedOrder, ...], tuple[Cancel, ...]]]:
        """What is sent in one transaction each: what is to be taken off the book first."""
        off: list[tuple[tuple[ApprovedOrder, ...], tuple[Cancel, ...]]] = [((), self.cancels)]
        return off * bool(self.cancels) + [(approved.orders, ()) for approved in self.approved]

    def outlived(self, orders: Sequence[ApprovedOrder], now: datetime, most_s: float) -> bool:
        """Whether these would enter by books of that age: the group before them waited long for its proof."""
        enters = any(not order.request.reduce_only for order in orders)
        return enters and (now - self.at).total_seconds() > most_s

    @property
    def refused(self) -> tuple[Refused, ...]:
        return tuple(answer for answer in self.answers if isinstance(answer, Refused))


class Wish(NamedTuple):
    request: OrderRequest
    expected: Expected


def decide_trades(known: Known, markets: Sequence[Market], terms: Terms) -> Decision:
    """What every strategy wants on these markets, judged by the one gate. Exits are asked for first."""
    known = known._replace(books=presumed(known.books, known.portfolio))
    name = decision_id(known)
    considered: list[Considered] = []
    wishes: list[Wish] = []
    cancels: list[Cancel] = []
    for market in markets:
        owner = _owner(known.books, market)
        stopped = _stopped(known, market, terms, name)
        considered += [one for one, _ in stopped]
        wishes += [wish for _, wish in stopped if wish is not None]
        for strategy, params in () if any(wish for _, wish in stopped) else terms.strategies:
            if owner not in ("", strategy.name):
                considered.append(Considered(strategy.name, market.key, f"held by {owner}"))
                continue
            own = _bounded(params, terms, market, known)
            one, wish = _considered(known, terms, market, (strategy, own), name)
            considered.append(one)
            if wish is not None:
                owner = strategy.name
                wishes.append(wish)
        stop, stale = _protected(known, market, terms, name)
        cancels += stale
        wishes += [Wish(stop, Expected(protects=True))] if stop else []
    decision = Decision(name, known.snapshot.time, tuple(considered), (), (), cancels=tuple(cancels))
    return judged(known, markets, terms, decision, wishes)


def _stopped(
    known: Known, market: Market, terms: Terms, decision: str
) -> list[tuple[Considered, Wish | None]]:
    """What is held beyond the limits, by whichever strategy: it may not be one of this run's."""
    found: list[tuple[Considered, Wish | None]] = []
    limits, position = terms.on(market.key), known.portfolio.positions.get(market.key)
    for strategy, wanted, why in stopped_out(known.snapshot, market, known.books, limits, position):
        intent, said, wish = *_insistent(known, market, strategy, wanted, why, limits), None
        if intent.side != 0:
            request = request_of(market, strategy, covered_by(known, terms, market, intent), decision)
            wish = Wish(request, Expected(protects=True))
        order_id = wish.request.client_order_id if wish else ""
        found.append((Considered(strategy, market.key, said, order_id), wish))
    return found


def judged(
    known: Known, markets: Sequence[Market], terms: Terms, decision: Decision, wishes: list[Wish]
) -> Decision:
    """The decision with the gate's answers; what reduces is asked for first."""
    wishes.sort(key=lambda wish: not wish.request.reduce_only)
    expected = {wish.request.client_order_id: wish.expected for wish in wishes}
    context = context_of(known, markets, expected, terms)
    answers = approve([wish.request for wish in wishes], context, terms.limits, known.snapshot.time)
    # A stop that fits no more is better than none.
    bare = {
        no.about.market.key for no in answers if isinstance(no, Refused) and no.about.strategy == STRATEGY
    }
    cancels = tuple(cancel for cancel in decision.cancels if cancel.key not in bare)
    return replace(
        decision, answers=answers, markets=tuple(market.key for market in markets), cancels=cancels
    )


def _owner(books: Bookkeeping, market: Market) -> str:
    """The strategy that holds a market or has an order there, or else who has the position; "" for none.

    One at a time: two that hold against each other would pay fees for nothing, and neither could be closed
    by an order that only reduces the account's one position.
    """
    for strategy, _ in strategies_holding(books, market):
        return strategy
    live = (o.request for o in books.live if o.request.market.key == market.key)
    others = books.held.get(("", market.key), Inventory()).quantity
    theirs = market.kind is not MarketKind.SPOT and not too_little(others, market)
    otherwise = "another client" if theirs else ""
    return next((request.strategy for request in live if request.strategy != STRATEGY), otherwise)


def _considered(
    known: Known, terms: Terms, market: Market, chosen: tuple[Strategy, Any], decision: str
) -> tuple[Considered, Wish | None]:
    strategy, params = chosen
    edge = best_candidate(known.edges, strategy.kind, market)
    held = dict(strategies_holding(known.books, market)).get(strategy.name, Inventory())
    seen = Considered(strategy.name, market.key, "idle")
    try:
        view = view_of(known.snapshot, market, edge)
        intent = strategy.intend(view, holding_of(held, market), params)
    # The one place where a strategy may fail: it then wants nothing, and says so.
    except (ValueError, ArithmeticError, IndexError, TypeError) as error:
        return Considered(strategy.name, market.key, f"failed: {error}"), None
    if intent.side == 0:
        return seen, None
    if intent.why == Why.ENTRY and (held_back := _held_back(known, edge, intent)):
        return Considered(strategy.name, market.key, held_back), None
    why = Why(intent.why).name.lower().replace("_", "-")
    intent, said = _insistent(known, market, strategy.name, intent, why, terms.on(market.key))
    request = request_of(market, strategy.name, covered_by(known, terms, market, intent), decision)
    expected = Expected(
        expected_edge(view, intent),
        uses_prediction=strategy.kind is EdgeKind.PREDICTION,
        protects=intent.why == Why.EXIT_STOP,
    )
    return Considered(strategy.name, market.key, said, request.client_order_id), Wish(request, expected)


def _insistent(
    known: Known, market: Market, strategy: str, wanted: Intent, why: str, limits: RiskLimits
) -> tuple[Intent, str]:
    """An intent and why; an exit at a price that passes, one that came to nothing too often at the worst."""
    intent, urgent = passing(known.snapshot, market, known.books, strategy, wanted, limits)
    return intent, EMERGENCY if urgent else why


def _held_back(known: Known, edge: Edge | None, intent: Intent) -> str:
    """Why nothing is entered: `scan` would not show the same trade, or what is held is only presumed."""
    if edge is None:
        return "no candidate"
    if edge.rejection:
        return edge.rejection.code
    if (edge.side is Side.BUY) != (intent.side == BUY):
        return "the other side stands"
    return "fills not read" if unread(known.books, known.portfolio) else ""


def decision_id(known: Known) -> str:
    text = f"{known.portfolio.account}|{known.snapshot.network}|{known.snapshot.time.isoformat()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bounded(params: Any, terms: Terms, market: Market, known: Known) -> Any:
    limits = terms.on(market.key)
    return bounded(params, limits, largest_notional(known.snapshot, market, terms.currency, limits))


def _protected(known: Known, market: Market, terms: Terms, decision: str) -> Protection:
    position = known.portfolio.positions.get(market.key)
    return protection(known.books, position, market, terms.on(market.key), decision)


def covered_by(known: Known, terms: Terms, market: Market, intent: Intent) -> Intent:
    return covered(intent, market, known.portfolio, terms.kept(known.books, known.portfolio))
