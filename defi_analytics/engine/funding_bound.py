"""The most that funding payments of perpetuals can have come to, by the fills alone."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import Fill

HOURLY_CAP = Decimal("0.00125")
"""Fraction of what is held, at the price of the last fill: twice the chain's own cap, for marks move.

Source: injective.exchange params, default_hourly_funding_rate_cap, 0.000625.
"""
_HOUR = timedelta(hours=1)


def most_funding(
    fills: Iterable[Fill], markets: Mapping[MarketKey, Market], until: datetime
) -> dict[str, Decimal]:
    """By quote asset, of everything held from each fill to the next and `until`; paid or received."""
    found: dict[str, Decimal] = {}
    held: dict[MarketKey, tuple[Decimal, Fill]] = {}
    perpetuals = [f for f in fills if f.key in markets and markets[f.key].kind is MarketKind.PERPETUAL]
    for fill in sorted(perpetuals, key=lambda each: each.height):
        quantity, last = held.get(fill.key, (Decimal(0), fill))
        _add(found, markets[fill.key].quote, quantity * last.price, fill.at - last.at)
        held[fill.key] = (quantity + (fill.quantity if fill.side is Side.BUY else -fill.quantity), fill)
    for key, (quantity, last) in held.items():
        _add(found, markets[key].quote, quantity * last.price, until - last.at)
    return found


def _add(found: dict[str, Decimal], quote: str, notional: Decimal, span: timedelta) -> None:
    hours = Decimal(max(0.0, span / _HOUR))
    found[quote] = found.get(quote, Decimal(0)) + abs(notional) * hours * HOURLY_CAP
