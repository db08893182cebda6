"""What each asset of an account should come to: what there was, what fills moved since, and gas.

And what of the rest somebody paid in. That needs nobody's leave, so it must stop nobody; a trade of somebody
else has another side, and tells itself by it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.portfolio import Portfolio

GAS = "INJ"
_ZERO = Decimal(0)
_DIGITS, _PLACES = 60, 18
"""No amount on the chain has more places; what is averaged has a rest far below."""
_ROUNDED = 10
"""Units that the chain's rounding may have cost in many settlements: nobody paid for a lot with them."""


@dataclass(frozen=True, slots=True)
class Story:
    """What moved an account since its journal began."""

    baseline: Mapping[str, Decimal]
    """What there was, and what people moved since; an asset that is left out is not reckoned."""
    held: Mapping[MarketKey, Inventory]
    """By all its fills."""
    untold: Collection[MarketKey] = ()
    """Where a fill did not tell by which index its funding was settled."""
    gas: Decimal = _ZERO
    """INJ that the account paid itself."""
    others_gas: Decimal = _ZERO
    """The most that may have been paid besides: by others who trade the account, and for orders of our own
    that a journal which was put back does not tell of."""


@dataclass(frozen=True, slots=True)
class Reckoning:
    comes_to: Mapping[str, Decimal]
    """By asset."""
    gaps: Mapping[str, Decimal]
    """What the venue has more, and zero for less than the chain's unit."""
    untold: frozenset[str]
    """Assets in which funding was paid that nobody told: their gap means nothing."""


def reckoned(story: Story, portfolio: Portfolio, markets: Mapping[MarketKey, Market]) -> Reckoning:
    """`portfolio` must be of every perpetual among the markets that is held."""
    own, untold = dict(story.baseline), set[str]()
    with localcontext(prec=_DIGITS):
        _add(own, GAS, -story.gas)
        for key, market in markets.items():
            held, position = story.held.get(key, Inventory()), portfolio.positions.get(key)
            if market.kind is MarketKind.SPOT:
                _add(own, market.base, held.quantity)
                _add(own, market.quote, held.cash)
                continue
            if position:
                # The venue keeps it with the position, and takes off what is due though not settled.
                _add(own, market.quote, -position.margin)
            if key in story.untold or (position and not held.knows_funding(position.funding_index)):
                untold.add(market.quote)
            _add(own, market.quote, (held.settled(position.funding_index) if position else held).gained)
        own = {asset: _whole(amount) for asset, amount in own.items()}
        gaps = _gaps(own, portfolio, units(markets.values()))
    return Reckoning(own, gaps, frozenset(untold))


def units(markets: Iterable[Market]) -> dict[str, Decimal]:
    """The least amount of an asset that the chain can hold, where it is known."""
    markets = list(markets)
    sides = [(m.base, m.base_decimals) for m in markets] + [(m.quote, m.quote_decimals) for m in markets]
    return {asset: Decimal(1).scaleb(-decimals) for asset, decimals in sides if decimals}


def received(
    found: Reckoning, story: Story, markets: Iterable[Market], *, strayed: bool
) -> dict[str, Decimal]:
    """By asset, what came in and was not traded for.

    Less than a lot never is traded. More is, where something that may have paid for it is missing or not
    known; `strayed` says that a position is not what its fills come to.
    """
    markets = list(markets)
    spot = [market for market in markets if market.kind is MarketKind.SPOT]
    lots: dict[str, Decimal] = {}
    for market in spot:
        lots[market.base] = min(market.quantity_tick, lots.get(market.base, market.quantity_tick))
    gaps = {asset: gap for asset, gap in found.gaps.items() if asset not in found.untold}
    spared = {a: _ROUNDED * unit for a, unit in units(markets).items()}
    spared[GAS] = max(spared.get(GAS, _ZERO), story.others_gas)
    missing = any(-gap > spared.get(a, _ZERO) and -gap >= lots.get(a, _ZERO) for a, gap in gaps.items())
    unknown = {market.base for market in spot if market.quote not in gaps}
    return {
        asset: gap
        for asset, gap in gaps.items()
        if gap > 0 and (gap < lots.get(asset, _ZERO) or not (missing or strayed or asset in unknown))
    }


def _gaps(
    own: Mapping[str, Decimal], portfolio: Portfolio, least: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    there = dict.fromkeys(own, _ZERO)
    for balance in portfolio.balances.values():
        if balance.asset in there:
            there[balance.asset] += balance.total
    smallest = Decimal(1).scaleb(-_PLACES)
    gaps = {asset: there[asset] - amount for asset, amount in own.items()}
    return {a: gap if abs(gap) >= least.get(a, smallest) else _ZERO for a, gap in gaps.items()}


def _whole(amount: Decimal) -> Decimal:
    cut = round(amount, _PLACES)
    return amount if amount == cut else cut


def _add(own: dict[str, Decimal], asset: str, amount: Decimal) -> None:
    """Only where the start is known."""
    if asset in own:
        own[asset] += amount
