"""What happened to the account since its fills were counted: seen in what each look reads in any case.

Whoever trades moves perpetual positions, or the assets that spot markets trade. Cash that has moved proves
nothing, for funding moves it too: it is a reason to read fills, and no difference. Of what pays for gas only
what is more than a lot, or than the gas of the foreign trades that are counted, is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import NamedTuple

from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import Fill
from defi_analytics.domain.portfolio import Portfolio, Position
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.differences import GAS, MOST_GAS, Code, Difference, plain
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

    def paid(self, portfolio: Portfolio, markets: Sequence[Market]) -> bool:
        """Whether cash has moved since; the first look cannot tell."""
        return any(self._cash.get(asset, now) != now for asset, now in _cash(portfolio, markets))

    def see(self, portfolio: Portfolio, markets: Sequence[Market]) -> None:
        self.height = max(self.height, portfolio.height)
        self._cash.update(_cash(portfolio, markets))


def _cash(portfolio: Portfolio, markets: Sequence[Market]) -> Iterator[tuple[str, Decimal]]:
    for asset in {market.quote for market in markets}:
        yield asset, sum((one.total for one in portfolio.balances.values() if one.asset == asset), _ZERO)


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
    """Quantities of these markets that are not what the books come to."""
    with localcontext(prec=_DIGITS):
        return (*_positions(known.books, portfolio, markets), *_assets(known, portfolio, markets))


def _positions(books: Bookkeeping, portfolio: Portfolio, markets: Sequence[Market]) -> Iterator[Difference]:
    for market in markets:
        if market.kind is MarketKind.SPOT:
            continue
        own = books.net.get(market.key, Inventory()).quantity
        held = portfolio.positions.get(market.key)
        there = held.quantity if held else _ZERO
        if own != there:
            yield Difference(Code.POSITION, market.ticker, own, there, market.base)


def _assets(known: Known, portfolio: Portfolio, markets: Sequence[Market]) -> Iterator[Difference]:
    every = {**known.books.markets, **{market.key: market for market in markets}}.values()
    spot = [market for market in every if market.kind is MarketKind.SPOT]
    # Funding moves what a perpetual is settled in, and a dollar is paid and received in many ways.
    loose = {market.quote for market in every if market.kind is not MarketKind.SPOT}.union(STABLE)
    for asset in sorted({market.base for market in markets if market.kind is MarketKind.SPOT} - loose):
        if asset not in known.baseline:
            continue
        own = Decimal(known.baseline[asset]) + _traded(asset, spot, known.books)
        if asset == GAS and known.pays_gas:
            own -= known.books.gas_paid
        there = sum((b.total for b in portfolio.balances.values() if b.asset == asset), _ZERO)
        fine = _unexplained_is_fine(asset, spot)
        if not -fine - (_foreign_gas(known.books) if asset == GAS else _ZERO) <= there - own <= fine:
            yield Difference(Code.BALANCE, asset, own, there, asset)


def _unexplained_is_fine(asset: str, spot: Sequence[Market]) -> Decimal:
    """Less than a lot, of what also pays for gas or is a quote, whose amounts the chain rounds."""
    rounded = asset == GAS or any(market.quote == asset for market in spot)
    return min(market.quantity_tick for market in spot if market.base == asset) if rounded else _ZERO


def _traded(asset: str, spot: Sequence[Market], books: Bookkeeping) -> Decimal:
    held = {market: books.net[market.key] for market in spot if market.key in books.net}
    bought = sum((own.quantity for market, own in held.items() if market.base == asset), _ZERO)
    return bought + sum((own.cash for market, own in held.items() if market.quote == asset), _ZERO)


def _foreign_gas(books: Bookkeeping) -> Decimal:
    """The most that others who trade the account may have paid for it."""
    return MOST_GAS * books.foreign_fills
