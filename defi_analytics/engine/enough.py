"""As much of the books as a decision needs to be made again: a round that sends nothing is most rounds."""

from collections.abc import Callable, Collection
from dataclasses import replace

from defi_analytics.domain.book import Levels, OrderBook
from defi_analytics.domain.market import MarketKey
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.terms import Known
from defi_analytics.engine.trade import Decision

_TOP, _DEEP = 1, 8
"""Levels of a side: of a market that nothing was wanted of, and of one that something was."""
_IDLE = "idle"


def enough(known: Known, decision: Decision, same: Callable[[Snapshot], bool]) -> Snapshot:
    """The least of its parts that decides as the whole snapshot does, which `same` tells.

    Tried are the best levels of the books alone; with more levels of what was looked into; with the tops.
    Always the whole for a decision that sends something: what was done is kept with all that was seen.
    """
    whole = known.snapshot
    less = [] if decision.approved else _less(whole, _looked_into(known, decision))
    return next(filter(same, less), whole)


def _less(whole: Snapshot, near: Collection[MarketKey]) -> list[Snapshot]:
    least = replace(whole, tops={}, books={key: _cut(book, _TOP) for key, book in whole.books.items()})
    deeper = {key: _cut(book, _DEEP if key in near else _TOP) for key, book in whole.books.items()}
    return [least, replace(least, books=deeper), replace(whole, books=deeper)]


def _looked_into(known: Known, decision: Decision) -> Collection[MarketKey]:
    """Markets whose depth may have mattered, and those they were compared with."""
    keys = {seen.market for seen in decision.considered if seen.said != _IDLE}
    keys |= {refused.about.market.key for refused in decision.refused}
    keys |= {key for (_, key), held in known.books.held.items() if held.quantity}
    pairs = [(edge.market.key, edge.reference.key) for edge in known.edges if edge.reference is not None]
    keys |= {edge.market.key for edge in known.edges if edge.stands}
    return keys | {there for here, there in pairs if here in keys}


def _cut(book: OrderBook, levels: int) -> OrderBook:
    bids, asks = (Levels(*(part[:levels] for part in side)) for side in (book.bids, book.asks))
    return replace(book, bids=bids, asks=asks)
