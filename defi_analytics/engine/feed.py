"""Gathers one snapshot: every listing at once, then deep books only for what the tops do not rule out.

A source that fails is a `Problem` of the snapshot, and the others' results stand.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import TypeVar

from defi_analytics.domain.book import OrderBook
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import Market, MarketKey, MarketKind, MarketStatus
from defi_analytics.domain.quote import Quote, Rate
from defi_analytics.domain.snapshot import Listing, Problem, Snapshot
from defi_analytics.engine.decide import wanted_books
from defi_analytics.errors import DataError, DefiError
from defi_analytics.mispricing.limits import Limits, Scope
from defi_analytics.mispricing.pairing import home_markets, pairings
from defi_analytics.mispricing.pricing import funding_hourly
from defi_analytics.mispricing.rates import STABLE, observed_rates
from defi_analytics.ports import Clock, MarketData, Predictor, QuoteSource

T = TypeVar("T")

_VOLATILITY_HOURS = 48
_HOUR_S = 3600

Choose = Callable[[Listing], Awaitable[tuple[Listing, frozenset[MarketKey]]]]
"""Which of the home venue's markets are in scope, which may add to the listing.

Raises UnknownMarket for a name it cannot place.
"""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a snapshot is gathered from. `history` tells how much an asset has moved of late."""

    home: MarketData
    references: Sequence[MarketData] = ()
    oracles: Sequence[QuoteSource] = ()
    predictor: Predictor | None = None
    horizon_s: int | None = None
    fixed_rates: tuple[Rate, ...] = ()
    held: frozenset[MarketKey] = frozenset()
    """Markets of `home` with a position or an order of ours."""


@dataclass(slots=True)
class _Gathered:
    """What has arrived so far."""

    problems: list[Problem] = field(default_factory=list)

    async def attempt(self, source: str, ask: Callable[[], Awaitable[T]]) -> T | None:
        """The answer, or None and a problem that names the source. Only our own errors are expected.

        It asks only once it runs: a task cancelled before that would leave a coroutine nobody awaited.
        """
        try:
            return await ask()
        except DefiError as error:
            name = error.source if isinstance(error, DataError) else source
            self.problems.append(Problem(name, error.code, error.message, error.retryable))
            return None


async def gather_snapshot(
    sources: Sources, clock: Clock, network: str, kinds: frozenset[EdgeKind], choose: Choose, limits: Limits
) -> tuple[Snapshot, Scope]:
    """One snapshot of everything in scope. Raises DataError only when the home venue cannot be read.

    The deep books of `sources.held` markets, and of what they are compared with, are read whatever the tops
    say: what is held has to be priced to be left.
    """
    gathered = _Gathered()
    home, listings, quotes = await _overview(sources, gathered)
    home, chosen = await choose(home)
    scope = Scope(sources.home.venue, chosen, kinds, tuple(v.venue for v in sources.references))
    looked_at = {m.base for m in home.markets.values() if m.verified and m.key in scope.markets}
    kept = (home, *(listing.about(looked_at.union(STABLE)) for listing in listings))
    markets = {m.key: m for listing in kept for m in listing.markets.values()}
    tops = {t.key: t for listing in kept for t in listing.tops.values()}
    now = clock.now()
    rates = (*sources.fixed_rates, *observed_rates(markets, tops, quotes, distrusted=sources.home.venue))
    first = Snapshot(
        time=now,
        network=network,
        markets=markets,
        tops=tops,
        quotes=tuple(quotes),
        # The first that fits is used: one that is too old must not hide a fresh one.
        rates=tuple(sorted(rates, key=lambda r: (now - r.at).total_seconds() > limits.max_rate_age_s)),
        read=frozenset(listing.venue for listing in (home, *listings) if listing.tops),
        published=frozenset().union(*(oracle.published for oracle in sources.oracles)),
    )
    full = await _deepened(first, scope, limits, sources, clock, gathered)
    problems = [p for listing in (home, *listings) for p in listing.problems] + gathered.problems
    return replace(full, time=clock.now(), problems=tuple(problems)), scope


async def _overview(sources: Sources, gathered: _Gathered) -> tuple[Listing, list[Listing], list[Quote]]:
    async with asyncio.TaskGroup() as tasks:
        home = tasks.create_task(_outcome(sources.home.listing))
        listings = [tasks.create_task(gathered.attempt(v.venue, v.listing)) for v in sources.references]
        quotes = [tasks.create_task(gathered.attempt(o.name, o.quotes)) for o in sources.oracles]
    result = home.result()
    if isinstance(result, DefiError):
        raise result
    return (
        result,
        [listing for task in listings if (listing := task.result()) is not None],
        [quote for task in quotes for quote in task.result() or ()],
    )


async def _outcome(ask: Callable[[], Awaitable[Listing]]) -> Listing | DefiError:
    """The error as a value, so that the other tasks of the group are not cancelled by it."""
    try:
        return await ask()
    except DefiError as error:
        return error


async def _deepened(
    snapshot: Snapshot, scope: Scope, limits: Limits, sources: Sources, clock: Clock, gathered: _Gathered
) -> Snapshot:
    venues = {v.venue: v for v in (sources.home, *sources.references)}
    predictor = sources.predictor
    assets = _predictable(snapshot, scope, predictor)
    keys = dict.fromkeys(wanted_books(snapshot, scope, limits))
    keys |= dict.fromkeys(m.key for m in home_markets(snapshot.markets, scope) if m.base in assets)
    keys |= dict.fromkeys(_held_books(snapshot, scope, sources.held))
    untold = _funding_untold(snapshot, keys)
    async with asyncio.TaskGroup() as tasks:
        books = [tasks.create_task(_book(venues[k.venue], snapshot.markets[k], gathered)) for k in keys]
        fundings = [
            tasks.create_task(gathered.attempt(k.venue, partial(venues[k.venue].funding_hourly, m)))
            for k, m in untold.items()
        ]
        predictions = [
            tasks.create_task(
                gathered.attempt(predictor.name, partial(predictor.predict, a, sources.horizon_s))
            )
            for a in assets
            if predictor is not None
        ]
        moves = [tasks.create_task(_volatility(sources, snapshot, a, clock, gathered)) for a in assets]
    read = [pair for task in books if (pair := task.result()) is not None]
    return replace(
        snapshot,
        markets={**snapshot.markets, **{m.key: m for m, _ in read}},
        books={book.key: book for _, book in read},
        funding={k: r for k, task in zip(untold, fundings, strict=True) if (r := task.result()) is not None},
        predictions=tuple(p for task in predictions if (p := task.result()) is not None),
        volatility={a: v for a, task in zip(assets, moves, strict=True) if (v := task.result()) is not None},
    )


def _held_books(snapshot: Snapshot, scope: Scope, held: frozenset[MarketKey]) -> Iterator[MarketKey]:
    yield from (key for key in held if key in snapshot.markets)
    if held and EdgeKind.CROSS_VENUE in scope.kinds:
        yield from (p.reference.key for p in pairings(snapshot.markets, scope) if p.home.key in held)


async def _book(venue: MarketData, market: Market, gathered: _Gathered) -> tuple[Market, OrderBook] | None:
    """The deep book together with the market's grid, asked for at the same time."""
    book, details = await asyncio.gather(
        gathered.attempt(venue.venue, partial(venue.order_book, market)),
        gathered.attempt(venue.venue, partial(venue.details, market)),
    )
    return None if book is None or details is None else (details, book)


def _funding_untold(snapshot: Snapshot, keys: Iterable[MarketKey]) -> dict[MarketKey, Market]:
    """The perpetuals among them whose listing says nothing of their funding.

    One whose rate cannot be read stays a candidate, with a note that its funding is not counted.
    """
    return {
        key: market
        for key in keys
        if (market := snapshot.markets[key]).kind is MarketKind.PERPETUAL
        and funding_hourly(snapshot, market) is None
    }


def _predictable(snapshot: Snapshot, scope: Scope, predictor: Predictor | None) -> list[str]:
    if predictor is None or EdgeKind.PREDICTION not in scope.kinds:
        return []
    bases = {market.base for market in home_markets(snapshot.markets, scope)}
    return sorted(bases & predictor.assets())


async def _volatility(
    sources: Sources, snapshot: Snapshot, asset: str, clock: Clock, gathered: _Gathered
) -> float | None:
    found = _history_market(snapshot.markets, (*sources.references, sources.home), asset)
    if found is None:
        return None
    venue, market = found
    end = clock.now()
    start = end - timedelta(hours=_VOLATILITY_HOURS)
    candles = await gathered.attempt(venue.venue, partial(venue.candles, market, _HOUR_S, start, end))
    return None if candles is None else per_minute_volatility([c.close for c in candles], _HOUR_S)


def _history_market(
    markets: Mapping[MarketKey, Market], venues: Iterable[MarketData], asset: str
) -> tuple[MarketData, Market] | None:
    for venue in venues:
        for key, market in markets.items():
            told = market.base == asset and market.quote in STABLE and market.status is MarketStatus.ACTIVE
            if told and key.venue == venue.venue:
                return venue, market
    return None


def per_minute_volatility(closes: Sequence[float], resolution_s: int) -> float | None:
    """Standard deviation of log returns about zero, scaled to one minute; None from fewer than 12 returns."""
    returns = [math.log(b / a) for a, b in pairwise(closes) if a > 0 and b > 0]
    if len(returns) < 12:  # noqa: PLR2004 - below that the estimate is noise
        return None
    variance = math.fsum(r * r for r in returns) / len(returns)
    return math.sqrt(variance / (resolution_s / 60))
