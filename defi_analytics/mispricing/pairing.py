"""Which markets are the same thing: by verified asset, never by ticker."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from defi_analytics.domain.market import Market, MarketKey, MarketStatus
from defi_analytics.mispricing.limits import Scope
from defi_analytics.mispricing.rates import STABLE


class Pairing(NamedTuple):
    """A home market and the one market of a reference venue that is nearest to it."""

    home: Market
    reference: Market


def pairings(markets: Mapping[MarketKey, Market], scope: Scope) -> list[Pairing]:
    """For each home market in scope and each venue compared with: at most one reference market.

    The nearest is of the same kind, then of the same quote, then of the most liquid dollar (USDT, USDC, USD).
    """
    homes = home_markets(markets, scope)
    bases = {home.base for home in homes}
    by_venue: dict[str, dict[str, list[Market]]] = {venue: {} for venue in scope.against}
    for market in markets.values():
        # A venue lists thousands of markets, few of them of an asset that is asked about.
        if market.base not in bases or market.venue not in by_venue:
            continue
        if market.verified and market.status is MarketStatus.ACTIVE:
            by_venue[market.venue].setdefault(market.base, []).append(market)
    out = []
    for home in homes:
        for venue in scope.against:
            found = [m for m in by_venue[venue].get(home.base, ()) if _comparable(home, m)]
            if found:
                out.append(Pairing(home, min(found, key=lambda m: _distance(home, m))))
    return out


def home_markets(markets: Mapping[MarketKey, Market], scope: Scope) -> Iterable[Market]:
    """The markets in scope that can be judged at all: active, and known for what they are."""
    return [
        m
        for key, m in markets.items()
        if key in scope.markets and m.verified and m.status is MarketStatus.ACTIVE
    ]


def _comparable(home: Market, other: Market) -> bool:
    same_money = home.quote == other.quote or (home.quote in STABLE and other.quote in STABLE)
    return same_money and home.key != other.key


def _distance(home: Market, other: Market) -> tuple[int, int, int, str]:
    rank = STABLE.index(other.quote) if other.quote in STABLE else len(STABLE)
    return (int(other.kind is not home.kind), int(other.quote != home.quote), rank, other.market_id)
