"""Which markets are meant, whatever became of them since they were named or traded."""

from collections.abc import Collection, Sequence

from defi_analytics.app.parts import App
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketStatus, too_little
from defi_analytics.domain.snapshot import Listing
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import UsageError
from defi_analytics.venues.injective.resolve import meant

_LISTED = frozenset({MarketStatus.ACTIVE, MarketStatus.POST_ONLY})


async def chosen(app: App, names: Sequence[str], known: Sequence[Market] = ()) -> list[Market]:
    """The verified markets by these names, paused ones too; without names all that take orders.

    `known` ones are found by their ids even where no list has them any more. Raises UnknownMarket for a name
    that no list has.
    """
    listed = list((await app.injective(known=known).listing()).markets.values())
    if not names:
        return [market for market in _verified(listed) if market.status in _LISTED]
    own = {market.market_id: market for market in (*known, *listed)}
    found = {name: own[name] for name in names if name in own}
    named = await meant([name for name in names if name not in own], listed, app.inactive)
    return _verified({**found, **{market.market_id: market for market in named}}.values())


async def by_ids(app: App, market_ids: Collection[str], known: Sequence[Market] = ()) -> list[Market]:
    """Those that any list has, or that are `known`."""
    listed = (await app.injective(known=known).listing()).markets
    absent = [one for one in market_ids if one not in listed]
    others = (await app.injective().inactive(absent)).markets if absent else {}
    own = {market.market_id: market for market in known} | dict(others) | dict(listed)
    return [own[one] for one in dict.fromkeys((*market_ids, *(m.market_id for m in known))) if one in own]


async def everywhere(app: App) -> Listing:
    """All markets, those that take no orders too: for what only they tell."""
    active, other = await app.injective().listing(), await app.injective().inactive()
    return Listing(
        active.venue, {**other.markets, **active.markets}, {**other.tops, **active.tops}, active.problems
    )


async def left_behind(
    app: App, names: Sequence[str], ledger: Ledger, markets: Sequence[Market], options: str = ""
) -> list[Market]:
    """What is held on markets that are not active: a run on all of them values it, and closes it later.

    Raises UsageError for a position that a run on these `markets` would do neither with, though it could now,
    or, where `names` say which to trade, once it takes orders again. `options` name the account to a command.
    """
    known, ours = ledger.books.markets, {market.key for market in markets}
    left = [key for key in sorted(ledger.books.at_risk) if key not in ours]
    if not left:
        return []
    own = [known[key] for key in left if key in known]
    listed = (await app.injective().listing()).markets
    there = await by_ids(app, [market.market_id for market in own], own)
    there = [market for market in there if _matters(ledger.books, market)]
    missing = [
        market.ticker
        for market in there
        if (market.market_id in listed and may_trade(market))
        or (names and market.verified and market.status is MarketStatus.PAUSED)
    ]
    if missing:
        raise UsageError(
            f"{', '.join(missing)}: held or ordered by an earlier run, and not among this one's markets",
            hint="name them too, with --market or in run.markets, or close what is held: "
            f"defi risk flatten {options}".rstrip(),
        )
    return [] if names else warned(app, there)


def _matters(books: Bookkeeping, market: Market) -> bool:
    """Whether there is a lot of it, as the market is listed now, or an order: of less nothing can come."""
    ordered = any(order.request.market.key == market.key for order in books.live)
    return ordered or not too_little(books.net.get(market.key, Inventory()).quantity, market)


def warned(app: App, markets: Sequence[Market]) -> list[Market]:
    """The same; a person is told of those that take no orders now."""
    for market in markets:
        if market.status is not MarketStatus.ACTIVE:
            until = " any more" if market.status is MarketStatus.CLOSED else " until it is active"
            app.warn(f"{market.ticker} is {market.status}: nothing can be traded there{until}")
    return list(markets)


def may_trade(market: Market) -> bool:
    """Now, or once it takes orders again."""
    return market.verified and market.status is not MarketStatus.CLOSED


def _verified(markets: Collection[Market]) -> list[Market]:
    return [market for market in markets if market.verified]
