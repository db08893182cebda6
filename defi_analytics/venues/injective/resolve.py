"""From what a person types to a market.

Anyone can list a ticker, so a name is looked up by verified identity first; a ticker alone finds a market
only where no verified one bears the name, and never picks one of several.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from difflib import get_close_matches
from fnmatch import translate

from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.text import safe
from defi_analytics.errors import UnknownMarket
from defi_analytics.venues.injective.market_rows import VENUE

SHORTEST_ID = 10
"""Characters of an id that may stand for the whole, its "0x" included."""
_NAMED = 5
_LONGEST = 128
_LIKE = 0.6
_USUAL_QUOTE = "USDT"
_SEPARATORS = re.compile(r"[/\-\s]+")


def resolve(text: str, markets: Collection[Market]) -> Market:
    """The market meant by `INJ/USDT`, `inj-usdt`, `INJ/USDT PERP`, an id or the beginning of one.

    Raises UnknownMarket, naming the nearest markets, or the ids of all it could have meant.
    """
    asked = text.strip()[:_LONGEST]
    found = _borne(asked, markets)
    if not found:
        raise UnknownMarket(VENUE, f"no market {safe(asked, 66)!r}{_nearest(asked, markets)}")
    if len(found) > 1:
        ids = ", ".join(market.market_id for market in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise UnknownMarket(VENUE, f"{len(found)} markets are {safe(asked, 66)!r}: {ids}{more}")
    return found[0]


def resolve_many(patterns: Sequence[str], markets: Collection[Market]) -> tuple[Market, ...]:
    """The markets meant by names, assets, ids and patterns with `*` and `?`, each once, in the order asked.

    An asset means every verified market of it. A pattern finds whatever bears a fitting name, verified or
    not. Raises UnknownMarket as `resolve` does, and for a pattern that finds nothing.
    """
    found: dict[str, Market] = {}
    named = [(market, _names(market)) for market in markets]
    for pattern in patterns:
        if "*" in pattern or "?" in pattern:
            matches = _by_pattern(pattern, named)
        else:
            matches = _of_asset(pattern, markets) or [resolve(pattern, markets)]
        found.update((market.market_id, market) for market in matches)
    return tuple(found.values())


async def meant(
    names: Sequence[str],
    listed: Collection[Market],
    inactive: Callable[[], Awaitable[Collection[Market]]],
    *,
    single: bool = False,
) -> tuple[Market, ...]:
    """As `resolve_many` among the `listed`, and among those that take no orders now.

    `inactive` tells these. It is asked where a name is not listed, or where nobody vouches for what bears it:
    a market that is paused keeps its name. `single`: as `resolve`, one market for each name. Raises
    UnknownMarket, and DataError of `inactive`.
    """
    others: Collection[Market] | None = None
    found: dict[str, Market] = {}
    for name in names:
        here = _meant(name, listed, single=single)
        if not here or _strangers(name, here):
            others = await inactive() if others is None else others
            there = _meant(name, others, single=single)
            here = [market for market in there if market.verified] or here
            if not here and not _borne(name, listed):
                here = there
            # Of what no list has, the active ones tell what is near; of several, which.
            here = here or _sought(name, listed, single=single)
        found.update((market.market_id, market) for market in here)
    return tuple(found.values())


def _meant(name: str, markets: Collection[Market], *, single: bool) -> Sequence[Market]:
    with suppress(UnknownMarket):
        return _sought(name, markets, single=single)
    return ()


def _sought(name: str, markets: Collection[Market], *, single: bool) -> Sequence[Market]:
    return (resolve(name, markets),) if single else resolve_many([name], markets)


def _strangers(name: str, found: Sequence[Market]) -> bool:
    """Whether nobody vouches for any of it; an id or a pattern asks for whatever it finds."""
    asked = name.strip()[:2].lower() == "0x" or {"*", "?"} & set(name)
    return not (asked or any(market.verified for market in found))


def _of_asset(asset: str, markets: Collection[Market]) -> list[Market]:
    """Verified ones with this base, by its own name or a bridged form's; the plainest first."""
    own = _canonical(asset[:_LONGEST])
    bearing = [m for m in markets if m.verified and own in {name.partition("/")[0] for name in _names(m)}]
    return sorted(bearing, key=lambda m: (m.kind is not MarketKind.SPOT, m.quote != _USUAL_QUOTE))


def _borne(text: str, markets: Collection[Market]) -> list[Market]:
    """All that bear this id, or this name."""
    asked = text.strip()[:_LONGEST]
    if asked[:2].lower() == "0x":
        return _by_id(asked.lower(), markets)
    return _by_name(_canonical(asked), markets)


def _by_id(asked: str, markets: Collection[Market]) -> list[Market]:
    exact = [market for market in markets if market.market_id == asked]
    if exact or len(asked) < SHORTEST_ID:
        return exact
    return [market for market in markets if market.market_id.startswith(asked)]


def _by_name(name: str, markets: Collection[Market]) -> list[Market]:
    bearing = [market for market in markets if name in _names(market)]
    return [market for market in bearing if market.verified] or bearing


def _by_pattern(pattern: str, named: Sequence[tuple[Market, set[str]]]) -> list[Market]:
    fits = re.compile(translate(_canonical(pattern[:_LONGEST]).replace("[", "[[]"))).match
    found = [market for market, names in named if any(map(fits, names))]
    if not found:
        raise UnknownMarket(VENUE, f"no market is like {safe(pattern, 66)!r}")
    return found


def _names(market: Market) -> set[str]:
    """What a market may be called: a verified one never by a ticker that claims another identity."""
    ticker = _canonical(market.ticker)
    if not market.verified:
        return {ticker}
    pair = f"{market.base}/{market.quote}".lower()
    if market.kind is MarketKind.SPOT:
        return {pair, ticker} if ticker == f"w{pair}" else {pair}
    if market.kind is MarketKind.PERPETUAL:
        return {f"{pair}/perp"}
    # A date tells futures apart, and only the ticker has it.
    return {ticker} if ticker.startswith(f"{pair}/") and ticker != f"{pair}/perp" else set()


def _nearest(asked: str, markets: Collection[Market]) -> str:
    # Of those that bear a name, the one that `resolve` would choose is named: a verified one, if any.
    ordered = sorted(markets, key=lambda market: market.verified)
    by_name = {name: market for market in ordered for name in sorted(_names(market))}
    names = get_close_matches(_canonical(asked), by_name, n=_NAMED, cutoff=0.5)
    # One market may be near under two names. Who mistyped a lone asset meant no stranger's market of it.
    assets = {market.base.lower() for market in markets if market.verified and market.base}
    meant = get_close_matches(_canonical(asked).partition("/")[0], assets, n=1, cutoff=_LIKE)
    of_asset = [market for asset in meant for market in _of_asset(asset, markets)]
    near = {market.market_id: market for market in (*of_asset, *(by_name[name] for name in names))}
    listed = [f"{safe(market.ticker)} ({market_id[:SHORTEST_ID]})" for market_id, market in near.items()][
        :_NAMED
    ]
    return f"; nearest: {', '.join(listed)}" if listed else ""


def _canonical(text: str) -> str:
    return "/".join(_SEPARATORS.split(text.strip().lower()))
