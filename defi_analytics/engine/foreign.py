"""What happened to the account since its fills were counted: seen in what each look reads in any case.

Whoever trades moves perpetual positions, or the assets that spot markets trade. Cash that has moved proves
nothing, for funding moves it too: it is a reason to read fills, and no difference. Of what pays for gas only
what is more than a lot, or than the gas of the foreign trades that are counted, is told. What came in, though
nothing was paid for it, is no trade: see `reckoning.received`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import NamedTuple

from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import Fill
from defi_analytics.domain.portfolio import Portfolio, Position
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.differences import Code, Difference, others_gas, plain
from defi_analytics.engine.reckoning import GAS, Story, received, reckoned
from defi_analytics.mispricing.rates import STABLE

_ZERO = Decimal(0)
_DIGITS = 60
_SAME_PRICE = Decimal("1e-9")
"""A fraction: the chain rounds average prices to 18 places."""


class Known(NamedTuple):
    """What an account is held against."""

    books: Bookkeeping
    baseline: Mapping[str, str]
    """What there was of each asset; one that is left out is not compared."""
    pays_gas: bool = True
    """Out of what is compared; false where another key or subaccount pays."""


@dataclass(slots=True)
class Agreed:
    """When the account was last seen to be what the books come to."""

    height: int = 0
    _cash: dict[str, Decimal] = field(default_factory=dict)
    """By asset: what there was then of what markets are paid in."""

    def paid(self, known: Known, portfolio: Portfolio, markets: Sequence[Market]) -> bool:
        """Whether cash has moved since; at the first look at it, whether it is not what the books come to."""
        cash = dict(_cash(portfolio, markets))
        new = cash.keys() - self._cash.keys()
        moved_since = any(self._cash[asset] != cash[asset] for asset in cash.keys() - new)
        return moved_since or (bool(new) and not _reckoned_whole(new, known, portfolio, markets))

    def see(self, portfolio: Portfolio, markets: Sequence[Market]) -> None:
        self.height = max(self.height, portfolio.height)
        self._cash.update(_cash(portfolio, markets))


def _cash(portfolio: Portfolio, markets: Sequence[Market]) -> Iterator[tuple[str, Decimal]]:
    for asset in {market.quote for market in markets}:
        yield asset, sum((one.total for one in portfolio.balances.values() if one.asset == asset), _ZERO)


def _reckoned_whole(
    assets: Collection[str], known: Known, portfolio: Portfolio, markets: Sequence[Market]
) -> bool:
    """Whether all that there is of these is explained; not where nobody knows what there should be."""
    found = reckoned(story_of(known, markets), portfolio, every_market(known.books, markets))
    return all(found.gaps.get(asset) == _ZERO and asset not in found.untold for asset in assets)


def untouched(known: Known, portfolio: Portfolio, markets: Sequence[Market]) -> bool:
    """Whether nothing was filled since the last count, so that nobody has to read those blocks.

    An order of ours that is listed with all that was left of it met nobody, and what others trade moves what
    is held, or what it was bought for. `markets` must be all that the books know.
    """
    rest = {order.client_order_id: order.remaining for order in portfolio.open_orders}
    for order in known.books.live:
        left = order.request.quantity - order.filled
        if rest.get(order.request.client_order_id) != left:
            return False
    entered = all(_same_entry(known.books, position) for position in portfolio.positions.values())
    return entered and not moved(known, portfolio, markets)


def amounts(theirs: Sequence[Fill], markets: Mapping[MarketKey, Market]) -> Iterator[str]:
    """How much these fills moved, a market each."""
    for key in {fill.key: None for fill in theirs}:
        total = sum((fill.signed for fill in theirs if fill.key == key), _ZERO)
        yield f"{plain(total)} {markets[key].base} on {markets[key].ticker}"


def _same_entry(books: Bookkeeping, position: Position) -> bool:
    own = books.net.get(position.key, Inventory())
    with localcontext(prec=_DIGITS):
        cost = abs(position.quantity) * position.entry_price
        return abs(cost - own.cost) <= _SAME_PRICE * cost


def moved(known: Known, portfolio: Portfolio, markets: Sequence[Market]) -> tuple[Difference, ...]:
    """Quantities of these markets that are not what the books come to, but for what came in unasked."""
    positions = tuple(_positions(known.books, portfolio, markets))
    with localcontext(prec=_DIGITS):
        return (*positions, *_assets(known, portfolio, markets, strayed=bool(positions)))


def story_of(known: Known, markets: Sequence[Market]) -> Story:
    """Of the assets that a portfolio of these markets tells, where cash is not with a position elsewhere."""
    books, asked = known.books, {market.key for market in markets}
    elsewhere = {
        market.quote
        for key, market in books.markets.items()
        if key not in asked and market.kind is not MarketKind.SPOT and _held(books, key)
    }
    read = {m.quote for m in markets} | {m.base for m in markets if m.kind is MarketKind.SPOT}
    return Story(
        {a: Decimal(amount) for a, amount in known.baseline.items() if a in read - elsewhere},
        books.net,
        books.untold,
        books.gas_paid if known.pays_gas else _ZERO,
        others_gas(books.foreign_fills),
    )


def every_market(books: Bookkeeping, markets: Sequence[Market]) -> dict[MarketKey, Market]:
    """These, and all that we ever signed for."""
    return {**books.markets, **{market.key: market for market in markets}}


def _held(books: Bookkeeping, key: MarketKey) -> Decimal:
    return books.net.get(key, Inventory()).quantity


def _positions(books: Bookkeeping, portfolio: Portfolio, markets: Sequence[Market]) -> Iterator[Difference]:
    for market in markets:
        if market.kind is MarketKind.SPOT:
            continue
        held = portfolio.positions.get(market.key)
        own, there = _held(books, market.key), held.quantity if held else _ZERO
        if own != there:
            yield Difference(Code.POSITION, market.ticker, own, there, market.base)


def _assets(
    known: Known, portfolio: Portfolio, markets: Sequence[Market], *, strayed: bool
) -> Iterator[Difference]:
    every = every_market(known.books, markets)
    story = story_of(known, markets)
    found = reckoned(story, portfolio, every)
    came = received(found, story, every.values(), strayed=strayed)
    spot = [market for market in every.values() if market.kind is MarketKind.SPOT]
    # Funding moves what a perpetual is settled in, and a dollar is paid and received in many ways.
    loose = {m.quote for m in every.values() if m.kind is not MarketKind.SPOT}.union(STABLE)
    for asset in sorted({market.base for market in markets if market.kind is MarketKind.SPOT} - loose):
        gap = found.gaps.get(asset, _ZERO)
        fine = _unexplained_is_fine(asset, spot)
        least = -fine - (story.others_gas if asset == GAS else _ZERO)
        if asset not in came and not least <= gap <= fine:
            own = found.comes_to[asset]
            yield Difference(Code.BALANCE, asset, own, own + gap, asset)


def _unexplained_is_fine(asset: str, spot: Sequence[Market]) -> Decimal:
    """Less than a lot, of what also pays for gas or is a quote, whose amounts the chain rounds."""
    rounded = asset == GAS or any(market.quote == asset for market in spot)
    return min(market.quantity_tick for market in spot if market.base == asset) if rounded else _ZERO
