"""What another client of the same account did: seen in the quantities that each look reads in any case.

Whoever trades moves perpetual positions, or the assets that spot markets trade. Cash is not looked at, for
funding moves it too; and of what pays for gas only what is more than a lot beside the gas we know of, for
foreign transactions pay for theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, localcontext

from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import Fill
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.differences import GAS, Code, Difference, plain

_ZERO = Decimal(0)
_DIGITS = 60


def moved(
    books: Bookkeeping, baseline: Mapping[str, str] | None, portfolio: Portfolio, markets: Sequence[Market]
) -> tuple[Difference, ...]:
    """Quantities of these markets that are not what the books come to.

    Spot assets are compared where `baseline` tells what there was of them.
    """
    with localcontext(prec=_DIGITS):
        return (*_positions(books, portfolio, markets), *_assets(books, baseline or {}, portfolio, markets))


def traded(fills: Sequence[Fill], markets: Mapping[MarketKey, Market]) -> Iterator[str]:
    """These fills in words, one for each market."""
    for key in {fill.key: None for fill in fills}:
        quantity = sum((fill.signed for fill in fills if fill.key == key), _ZERO)
        yield f"{plain(quantity)} {markets[key].base} on {markets[key].ticker}"


def _positions(books: Bookkeeping, portfolio: Portfolio, markets: Sequence[Market]) -> Iterator[Difference]:
    for market in markets:
        if market.kind is MarketKind.SPOT:
            continue
        own = books.net.get(market.key, Inventory()).quantity
        held = portfolio.positions.get(market.key)
        there = held.quantity if held else _ZERO
        if own != there:
            yield Difference(Code.POSITION, market.ticker, own, there, market.base)


def _assets(
    books: Bookkeeping, baseline: Mapping[str, str], portfolio: Portfolio, markets: Sequence[Market]
) -> Iterator[Difference]:
    every = {**books.markets, **{market.key: market for market in markets}}
    spot = [market for market in every.values() if market.kind is MarketKind.SPOT]
    cash = {market.quote for market in every.values()}
    for asset in sorted({market.base for market in markets if market.kind is MarketKind.SPOT} - cash):
        if asset not in baseline:
            continue
        traded = sum(
            (books.net[m.key].quantity for m in spot if m.base == asset and m.key in books.net), _ZERO
        )
        own = Decimal(baseline[asset]) + traded - (books.gas_paid if asset == GAS else _ZERO)
        there = sum((b.total for b in portfolio.balances.values() if b.asset == asset), _ZERO)
        if abs(there - own) > _unexplained_is_fine(asset, spot, books):
            yield Difference(Code.BALANCE, asset, own, there, asset)


def _unexplained_is_fine(asset: str, spot: Sequence[Market], books: Bookkeeping) -> Decimal:
    if asset != GAS:
        return _ZERO
    # Another key may pay for what we counted, and foreign transactions for what we did not.
    return books.gas_paid + min(market.quantity_tick for market in spot if market.base == asset)
