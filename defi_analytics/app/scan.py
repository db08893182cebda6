"""One look: from what was asked and what the settings say to a snapshot and its edges."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from defi_analytics.app.parts import App
from defi_analytics.config.settings import Settings
from defi_analytics.domain.edge import Edge, EdgeKind
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.quote import Rate
from defi_analytics.domain.snapshot import Listing, Snapshot
from defi_analytics.engine.decide import decide
from defi_analytics.engine.feed import Sources, gather_snapshot
from defi_analytics.errors import Unavailable, UnknownMarket, UsageError
from defi_analytics.mispricing.limits import Limits, MarketBounds, Scope
from defi_analytics.ports import Clock
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.injective.resolve import resolve_many

Markets = Mapping[MarketKey, Market]


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


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look found."""

    request: ScanRequest
    snapshot: Snapshot
    scope: Scope
    edges: Sequence[Edge]
    elapsed_s: float

    @property
    def exit_code(self) -> int:
        """0 if there was anything to compare with, else that nothing answered."""
        others = any(key.venue != self.scope.home for key in self.snapshot.tops)
        compared = others or bool(self.snapshot.quotes) or bool(self.snapshot.predictions)
        return 0 if compared or not self.snapshot.problems else Unavailable.exit_code


async def look(app: App, request: ScanRequest) -> Scan:
    """One look at everything asked for. Raises DataError when Injective itself cannot be read."""
    started = app.clock.monotonic()
    kinds = request.kinds or frozenset(EdgeKind(kind) for kind in app.settings.scan.kinds)

    def choose(home: Listing) -> frozenset[MarketKey]:
        markets = list(home.markets.values())
        chosen = resolve_many(request.markets, markets) if request.markets else markets
        return frozenset(market.key for market in _quoted_as_asked(request, chosen))

    wide = limits(app.settings, request, {})
    snapshot, scope = await gather_snapshot(
        _sources(app, request, kinds), app.clock, app.network, kinds, choose, wide
    )
    edges = decide(snapshot, scope, limits(app.settings, request, snapshot.markets))
    return Scan(request, snapshot, scope, edges, app.clock.monotonic() - started)


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


def _sources(app: App, request: ScanRequest, kinds: frozenset[EdgeKind]) -> Sources:
    names = app.default_against() if request.against is None else request.against
    return Sources(
        home=app.injective(kinds_of(request.markets)),
        references=[app.venue(name) for name in names] if EdgeKind.CROSS_VENUE in kinds else [],
        oracles=[app.oracle()],
        predictor=app.reused_predictor() if EdgeKind.PREDICTION in kinds else None,
        horizon_s=app.settings.allora.prediction_settings.time_horizon,
        fixed_rates=fixed_rates(app.settings, app.clock),
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
    from defi_analytics.venues.injective.resolve import resolve_many

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
