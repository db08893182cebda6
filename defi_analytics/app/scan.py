"""One look: from what was asked and what the settings say to a snapshot and its edges."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from defi_analytics.app.parts import App
from defi_analytics.config.settings import Settings
from defi_analytics.domain.edge import Edge, EdgeKind
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.quote import Rate
from defi_analytics.domain.snapshot import Listing, Problem, Snapshot
from defi_analytics.engine.decide import decide
from defi_analytics.engine.feed import Sources, gather_snapshot
from defi_analytics.errors import DataError, Unavailable, UnknownMarket, UsageError
from defi_analytics.mispricing.limits import Limits, MarketBounds, Scope
from defi_analytics.mispricing.prediction import MOST_CONFIDENT
from defi_analytics.ports import Clock
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.injective.resolve import meant, resolve_many

Markets = Mapping[MarketKey, Market]

ALL_KINDS = frozenset(MarketKind)


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What to look for; empty means what the settings say."""

    markets: tuple[str, ...] = ()
    kinds: frozenset[EdgeKind] | None = None
    against: tuple[str, ...] | None = None
    sizes: tuple[float, ...] = ()
    size_quote: str = ""
    """The currency of `sizes`: only markets quoted in it are looked at. Empty: each market's own quote."""
    min_edge: float | None = None
    min_profit: float | None = None
    max_age_s: float | None = None
    held: frozenset[MarketKey] = frozenset()
    """Markets whose books are read whatever their tops say."""
    known: tuple[Market, ...] = ()
    """Markets that are in it whatever became of them, with their status: see `InjectiveMarketData.known`."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look found."""

    request: ScanRequest
    snapshot: Snapshot
    scope: Scope
    limits: Limits
    edges: Sequence[Edge]
    elapsed_s: float

    @property
    def exit_code(self) -> int:
        """0 if at least one of the kinds asked for had something to compare with, or nothing failed."""
        answered = {
            EdgeKind.CROSS_VENUE: bool(self.snapshot.read - {self.scope.home}),
            EdgeKind.ORACLE: bool(self.snapshot.quotes),
            EdgeKind.PREDICTION: bool(self.snapshot.predictions),
        }
        compared = any(answered[kind] for kind in self.scope.kinds)
        return 0 if compared or not self.snapshot.problems else Unavailable.exit_code


async def look(app: App, request: ScanRequest) -> Scan:
    """One look at everything asked for. Raises DataError when Injective itself cannot be read."""
    started = app.clock.monotonic()
    kinds = request.kinds or frozenset(EdgeKind(kind) for kind in app.settings.scan.kinds)
    snapshot, scope = await _found(app, request, kinds)
    own = limits(app.settings, request, snapshot.markets)
    edges = decide(snapshot, scope, own)
    snapshot = replace(snapshot, problems=(*snapshot.problems, *_doubts(app, snapshot)))
    _log(snapshot.problems, edges)
    return Scan(request, snapshot, scope, own, edges, app.clock.monotonic() - started)


async def _found(app: App, request: ScanRequest, kinds: frozenset[EdgeKind]) -> tuple[Snapshot, Scope]:
    markets = kinds_of(request.markets)
    try:
        return await _gathered(app, request, kinds, markets)
    except UnknownMarket:
        if markets == ALL_KINDS:
            raise
    # Perhaps it exists as a perpetual alone: look again with every list, and say so if not.
    return await _gathered(app, request, kinds, ALL_KINDS)


async def _gathered(
    app: App, request: ScanRequest, kinds: frozenset[EdgeKind], markets: frozenset[MarketKind]
) -> tuple[Snapshot, Scope]:
    async def choose(home: Listing) -> tuple[Listing, frozenset[MarketKey]]:
        home, chosen = await _named(app, request, home, everywhere=markets == ALL_KINDS)
        listed = list(home.markets.values())
        keys = frozenset(market.key for market in _quoted_as_asked(request, chosen or listed))
        # A market that takes no orders is in no list of those that do.
        return replace(home, markets={**{m.market_id: m for m in chosen}, **home.markets}), keys

    sources = _sources(app, request, kinds, markets)
    wide = limits(app.settings, request, {})
    return await gather_snapshot(sources, app.clock, app.network, kinds, choose, wide)


async def _named(
    app: App, request: ScanRequest, home: Listing, *, everywhere: bool
) -> tuple[Listing, Sequence[Market]]:
    """The markets asked for, none where none is named; and the listing, with what it could not tell.

    Raises UnknownMarket for what is perhaps in another list, unless it was looked for `everywhere`.
    """
    listed = list(home.markets.values())
    if home.problems or not everywhere:
        _must_be_listed(request.markets, home)
    try:
        return home, await meant(request.markets, listed, app.inactive)
    except UnknownMarket:
        raise
    except DataError as error:
        with suppress(UnknownMarket):
            # Whoever bears the name meanwhile may be a stranger: looked at, and rejected as such.
            found = resolve_many(request.markets, listed)
            problem = Problem(error.source, error.code, error.message, error.retryable)
            return replace(home, problems=(*home.problems, problem)), found
        raise


def _must_be_listed(names: Sequence[str], home: Listing) -> None:
    """Raises UnknownMarket for what is not, Unavailable where a list that could not be read may have it."""
    try:
        resolve_many(names, list(home.markets.values()))
    except UnknownMarket:
        if home.problems:
            raise Unavailable(VENUE, f"not all markets could be listed: {home.problems[0].message}") from None
        raise


def _doubts(app: App, snapshot: Snapshot) -> Iterator[Problem]:
    """What a person should know besides failures: limits that reach no market, play money."""
    home = [market for key, market in snapshot.markets.items() if key.venue == VENUE]
    if {market.kind for market in home} > {MarketKind.SPOT}:
        for own in app.settings.injective.markets:
            try:
                resolve_many([own.id], home)
            except UnknownMarket as error:
                yield Problem(
                    "settings", error.code, f"injective.markets: its limits apply to nothing: {error}"
                )
    wanted = float(app.settings.allora.prediction_settings.min_confidence)
    if snapshot.predictions and wanted > MOST_CONFIDENT:
        yield Problem(
            "settings",
            "UNREACHABLE",
            f"min_confidence {wanted} lets no forecast through: uncalibrated ones reach {MOST_CONFIDENT}",
        )
    if app.network == "testnet":
        yield Problem(
            "testnet", "PLAY_MONEY", "testnet prices are play money: no edge against live venues is real"
        )


def _log(problems: Sequence[Problem], edges: Sequence[Edge]) -> None:
    log = logging.getLogger("defi.scan")
    for problem in problems:
        log.info("%s %s: %s", problem.source, problem.code, problem.message)
    log.info("%d of %d candidates stand", sum(edge.stands for edge in edges), len(edges))


def _quoted_as_asked(request: ScanRequest, chosen: Sequence[Market]) -> Sequence[Market]:
    if not request.size_quote:
        return chosen
    quoted = [market for market in chosen if market.quote == request.size_quote]
    if not quoted:
        quotes = ", ".join(sorted({market.quote for market in chosen if market.quote}))
        raise UsageError(
            f"--size is in {request.size_quote}, the markets are quoted in {quotes or 'nothing known'}"
        )
    return quoted


def _sources(
    app: App, request: ScanRequest, kinds: frozenset[EdgeKind], markets: frozenset[MarketKind]
) -> Sources:
    names = app.default_against() if request.against is None else request.against
    return Sources(
        home=app.injective(markets, request.known),
        references=[app.venue(name) for name in names] if EdgeKind.CROSS_VENUE in kinds else [],
        oracles=[app.oracle()],
        predictor=app.reused_predictor() if EdgeKind.PREDICTION in kinds else None,
        fixed_rates=fixed_rates(app.settings, app.clock),
        held=request.held,
    )


def limits(settings: Settings, request: ScanRequest, markets: Markets) -> Limits:
    """What an edge must clear: the request over the settings, with the settings' bounds on `markets`."""
    scan = settings.scan
    sizes = request.sizes or tuple(float(size) for size in scan.sizes)
    return Limits(
        min_edge=float(settings.min_edge) if request.min_edge is None else request.min_edge,
        min_profit=float(scan.min_profit) if request.min_profit is None else request.min_profit,
        max_age_s=float(scan.max_age_s) if request.max_age_s is None else request.max_age_s,
        min_z=float(scan.min_z),
        min_confidence=float(settings.allora.prediction_settings.min_confidence),
        oracle_threshold=float(scan.oracle_deviation),
        gas_inj=float(scan.gas_cost_inj),
        max_notional=max(sizes) if sizes else float("inf"),
        sizes=sizes,
        max_candidates=scan.max_candidates,
        bounds=market_bounds(settings, markets),
    )


def kinds_of(names: Sequence[str]) -> frozenset[MarketKind]:
    """The kinds of market these names can mean: plain pairs are spot, which spares a request."""
    spot = bool(names) and all(re.fullmatch(r"[^/]+/[^/*?]+", n) and "perp" not in n.lower() for n in names)
    return frozenset({MarketKind.SPOT}) if spot else frozenset(MarketKind)


def fixed_rates(settings: Settings, clock: Clock) -> tuple[Rate, ...]:
    """Rates that the settings pin, which therefore win over observed ones."""
    now = clock.now()
    rates = []
    for pair, value in settings.rates.items():
        base, quote = pair.split("/")
        rates.append(Rate(base, quote, float(value), float(value), "settings", now))
    return tuple(rates)


def market_bounds(settings: Settings, markets: Markets) -> Mapping[MarketKey, MarketBounds]:
    """The settings' limits by market, for those of `markets` that they name."""
    bounds: dict[MarketKey, MarketBounds] = {}
    home = [m for key, m in markets.items() if key.venue == VENUE]
    for own in settings.injective.markets:
        try:
            named = resolve_many([own.id], home)
        except UnknownMarket:
            continue
        slippage = own.risk_parameters.max_slippage
        for market in named:
            bounds[market.key] = MarketBounds(
                float(own.min_trade_size),
                float("inf") if own.max_trade_size is None else float(own.max_trade_size),
                float("inf") if slippage is None else float(slippage),
            )
    return bounds
