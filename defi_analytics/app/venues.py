"""The reference venues, by name, made when asked for; installed packages may add their own."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from defi_analytics.config.settings import VenueSettings
from defi_analytics.config.values import did_you_mean, shown
from defi_analytics.domain.market import MarketKind
from defi_analytics.errors import UsageError
from defi_analytics.ports import Clock, HttpClient, MarketData

T = TypeVar("T")

VenueFactory = Callable[[VenueSettings, HttpClient, Clock], MarketData]


def _hyperliquid(own: VenueSettings, http: HttpClient, clock: Clock) -> MarketData:
    from defi_analytics.venues.hyperliquid import HyperliquidMarketData

    return HyperliquidMarketData(http, clock, own.url, own.taker_fee, own.maker_fee)


def _binance(kind: MarketKind) -> VenueFactory:
    def make(own: VenueSettings, http: HttpClient, clock: Clock) -> MarketData:
        from defi_analytics.venues.binance import BinanceMarketData

        return BinanceMarketData(http, clock, own.url, own.taker_fee, own.maker_fee, kind)

    return make


def _okx(kind: MarketKind) -> VenueFactory:
    def make(own: VenueSettings, http: HttpClient, clock: Clock) -> MarketData:
        from defi_analytics.venues.okx import OkxMarketData

        return OkxMarketData(http, clock, own.url, own.taker_fee, own.maker_fee, kind)

    return make


VENUES: dict[str, VenueFactory] = {
    "hyperliquid": _hyperliquid,
    "binance": _binance(MarketKind.SPOT),
    "binance-perp": _binance(MarketKind.PERPETUAL),
    "okx": _okx(MarketKind.SPOT),
    "okx-perp": _okx(MarketKind.PERPETUAL),
}


def pick(kind: str, builtin: Mapping[str, T], name: str) -> T:
    """The part called `name`: ours, else an installed one of entry-point group `defi_analytics.<kind>`."""
    if name in builtin:
        return builtin[name]
    from importlib.metadata import entry_points

    installed = {point.name: point for point in entry_points(group=f"defi_analytics.{kind}")}
    if name in installed:
        found: T = installed[name].load()
        return found
    known = tuple(sorted({*builtin, *installed}))
    raise UsageError(
        f"unknown {kind.removesuffix('s')} {shown(name)!r}{did_you_mean(name, known)}",
        hint=f"known: {', '.join(known)}",
    )
