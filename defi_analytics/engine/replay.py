"""What a decision was made from, as a record, and back: deciding again gives the same edges, bit for bit.

Kept is only what `decide` can look at in the given scope. Dropped, and why that changes no edge:
- markets of other venues but the one that each home market is compared with: of several the nearest is
  chosen, and taking the others away leaves it the nearest. Which venues were read at all is kept by name;
- home markets out of scope, which nothing asks for; so with the tops, books and funding of all that goes;
- quotes of assets that no market in scope has, save INJ, which prices the gas. Rates, forecasts and
  volatilities are few and stay whole.
The order of what stays is kept, for the first of equals wins.
"""

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from defi_analytics.domain.book import OrderBook, Top, checked_book, checked_top
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.prediction import Prediction
from defi_analytics.domain.quote import Quote, Rate
from defi_analytics.domain.snapshot import Problem, Snapshot
from defi_analytics.errors import Malformed, WrongState
from defi_analytics.mispricing.limits import Limits, MarketBounds, Scope
from defi_analytics.mispricing.pairing import pairings

SCHEMA = 1
"""Of what `recorded` returns; raised whenever an older reader would misunderstand it."""
_GAS = "INJ"

T = TypeVar("T")


class Decided(NamedTuple):
    """All that `decide` takes."""

    snapshot: Snapshot
    scope: Scope
    limits: Limits


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    """A snapshot whose mappings by market are lists: what they hold names its market itself."""

    time: datetime
    network: str
    markets: list[Market]
    tops: list[Top]
    books: list[OrderBook]
    funding: list[tuple[MarketKey, float]]
    quotes: tuple[Quote, ...]
    rates: tuple[Rate, ...]
    predictions: tuple[Prediction, ...]
    volatility: dict[str, float]
    problems: tuple[Problem, ...]
    read: list[str]
    published: list[str] = []
    """None in records older than this field: there, an oracle was known by its answer alone."""


class _Body(msgspec.Struct):
    """Of a record, which may hold more: the edges that were found."""

    snapshot: _Stored
    scope: Scope
    limits: dict[str, Any]
    bounds: list[tuple[MarketKey, dict[str, float]]]


def used(snapshot: Snapshot, scope: Scope) -> Snapshot:
    """The snapshot without what no decision in this scope can look at (see the module)."""
    keys = _used_markets(snapshot, scope)
    markets = {key: market for key, market in snapshot.markets.items() if key in keys}
    assets = {market.base for market in markets.values() if market.key in scope.markets} | {_GAS}
    return replace(
        snapshot,
        markets=markets,
        tops=_only(snapshot.tops, keys),
        books=_only(snapshot.books, keys),
        funding=_only(snapshot.funding, keys),
        quotes=tuple(quote for quote in snapshot.quotes if quote.base in assets),
        read=snapshot.read.union(key.venue for key in snapshot.markets),
        published=snapshot.published & assets,
    )


def recorded(snapshot: Snapshot, scope: Scope, limits: Limits) -> dict[str, Any]:
    """The part of a record's body that `replayed` reads. Limits that are infinite by default are left out."""
    kept = used(snapshot, scope)
    by_key = {name: list(getattr(kept, name).values()) for name in ("markets", "tops", "books")}
    rest = {name: getattr(kept, name) for name in _Stored.__struct_fields__ if name not in by_key}
    sets = {"read": sorted(kept.read), "published": sorted(kept.published)}
    return {
        "schema": SCHEMA,
        "snapshot": rest | by_key | {"funding": list(kept.funding.items())} | sets,
        # A set has no order of its own, and a record is the same each time.
        "scope": _fields(scope) | {"markets": sorted(scope.markets), "kinds": sorted(scope.kinds)},
        "limits": {name: value for name, value in _limited(limits).items() if name != "bounds"},
        "bounds": [(key, _limited(bounds)) for key, bounds in limits.bounds.items()],
    }


def replayed(body: Mapping[str, Any]) -> Decided:
    """What a record's body was decided from, every value of the type it had.

    Raises WrongState for a record of another schema (older ones kept the edges alone), Malformed for one
    that is not what `recorded` made.
    """
    if body.get("schema") != SCHEMA:
        raise WrongState(
            f"a record of schema {body.get('schema', 'none')!s:.20} cannot be replayed",
            hint=f"this version replays schema {SCHEMA}",
        )
    try:
        stored = msgspec.convert(body, _Body)
        limits = msgspec.convert(stored.limits, Limits)
        bounds = {key: msgspec.convert(told, MarketBounds) for key, told in stored.bounds}
        snapshot = _snapshot(stored.snapshot)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed("journal", f"a record that cannot be replayed: {str(error)[:200]}") from error
    return Decided(snapshot, stored.scope, replace(limits, bounds=bounds))


def _snapshot(stored: _Stored) -> Snapshot:
    return Snapshot(
        time=stored.time,
        network=stored.network,
        markets={market.key: market for market in stored.markets},
        tops={top.key: checked_top(top) for top in stored.tops},
        books={book.key: _checked(book) for book in stored.books},
        funding=dict(stored.funding),
        quotes=stored.quotes,
        rates=stored.rates,
        predictions=stored.predictions,
        volatility=stored.volatility,
        problems=stored.problems,
        read=frozenset(stored.read),
        published=frozenset(stored.published),
    )


def _checked(book: OrderBook) -> OrderBook:
    return checked_book(book.key, book.bids, book.asks, book.at, book.sequence, truncated=book.truncated)


def _used_markets(snapshot: Snapshot, scope: Scope) -> frozenset[MarketKey]:
    keys = {key for key in snapshot.markets if key in scope.markets}
    if EdgeKind.CROSS_VENUE in scope.kinds:
        keys |= {pair.reference.key for pair in pairings(snapshot.markets, scope)}
    return frozenset(keys)


def _only(mapping: Mapping[MarketKey, T], keys: frozenset[MarketKey]) -> dict[MarketKey, T]:
    return {key: value for key, value in mapping.items() if key in keys}


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _limited(limits: Limits | MarketBounds) -> dict[str, Any]:
    """Without what is infinite by default: JSON has no infinity, and the default brings it back."""
    endless = {field.name for field in fields(limits) if field.default == math.inf}
    return {
        name: value for name, value in _fields(limits).items() if not (name in endless and value == math.inf)
    }
