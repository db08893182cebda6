"""How much of one quote currency another is worth: never assumed to be one."""

from collections.abc import Iterable, Mapping, Sequence

from defi_analytics.domain.book import Top
from defi_analytics.domain.market import Market, MarketKey, MarketKind, MarketStatus
from defi_analytics.domain.quote import Quote, Rate

STABLE = ("USDT", "USDC", "USD")


MOST_OFF = 0.1
"""A dollar currency further than this from a dollar is broken, or the market that says so is."""


def observed_rates(
    markets: Mapping[MarketKey, Market],
    tops: Mapping[MarketKey, Top],
    quotes: Iterable[Quote],
    distrusted: str = "",
) -> tuple[Rate, ...]:
    """The rates between dollar currencies that these inputs state, the most trustworthy first.

    Traded prices come before oracles, narrow spreads before wide ones. Markets of the `distrusted` venue,
    where anyone can list one and quote it, come last.
    """
    traded = [
        Rate(market.base, market.quote, top.bid, top.ask, market.venue, top.at)
        for key, market in markets.items()
        if _is_rate(market.base, market.quote)
        and market.kind is MarketKind.SPOT
        and market.status is MarketStatus.ACTIVE
        and (top := tops.get(key)) is not None
        and top.bid is not None
        and top.ask is not None
    ]
    published = [
        Rate(q.base, q.quote, q.price - (q.confidence or 0), q.price + (q.confidence or 0), q.source, q.at)
        for q in quotes
        if _is_rate(q.base, q.quote)
    ]
    home = [rate for rate in traded if rate.source == distrusted]
    elsewhere = sorted((rate for rate in traded if rate.source != distrusted), key=_relative_spread)
    return tuple(rate for rate in (*elsewhere, *published, *home) if _plausible(rate))


def _plausible(rate: Rate) -> bool:
    return 1 - MOST_OFF <= rate.bid <= rate.ask <= 1 + MOST_OFF


def _relative_spread(rate: Rate) -> float:
    return (rate.ask - rate.bid) / rate.bid


def find_rate(rates: Sequence[Rate], base: str, quote: str) -> tuple[Rate, ...] | None:
    """The chain of at most two rates that turns `base` into `quote`, () if they are one, None if unknown.

    Every rate returned is oriented along the way; the first that fits wins, so the order is the preference.
    """
    if base == quote:
        return ()
    oriented = [*rates, *(_inverse(r) for r in rates)]
    for rate in oriented:
        if (rate.base, rate.quote) == (base, quote):
            return (rate,)
    for first in oriented:
        if first.base != base:
            continue
        for second in oriented:
            if (second.base, second.quote) == (first.quote, quote):
                return (first, second)
    return None


def bid(path: Iterable[Rate]) -> float:
    """What one unit brings when it is sold along the path."""
    value = 1.0
    for rate in path:
        value *= rate.bid
    return value


def ask(path: Iterable[Rate]) -> float:
    """What one unit costs when it is bought along the path."""
    value = 1.0
    for rate in path:
        value *= rate.ask
    return value


def mid(path: Iterable[Rate]) -> float:
    value = 1.0
    for rate in path:
        value *= (rate.bid + rate.ask) / 2
    return value


def half_spread(path: Sequence[Rate]) -> float:
    """How far a conversion at the middle may be off, as a fraction of it."""
    return (ask(path) - bid(path)) / (ask(path) + bid(path))


def _inverse(rate: Rate) -> Rate:
    return Rate(rate.quote, rate.base, 1 / rate.ask, 1 / rate.bid, rate.source, rate.at)


def _is_rate(base: str, quote: str) -> bool:
    return base in STABLE and quote in STABLE and base != quote
