"""What a decision is made from: what is known at one moment, and what a run may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from defi_analytics.domain.edge import Edge
from defi_analytics.domain.market import MarketKey, MarketKind
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.requests import still_reserved
from defi_analytics.ports import Strategy
from defi_analytics.risk.limits import RiskLimits, tightened
from defi_analytics.risk.losses import RiskState

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run may do; the same from its start to its end."""

    strategies: tuple[tuple[Strategy, Any], ...]
    """Each with its parameters."""
    limits: RiskLimits
    market_limits: Mapping[MarketKey, RiskLimits] = field(default_factory=dict)
    currency: str = "USDT"
    """What the account is valued in."""
    gas_per_order: float = 0.000048
    """INJ."""
    reserved: Mapping[str, Decimal] = field(default_factory=dict)
    """By asset: not to be traded."""
    pays_gas: bool = True
    """Out of what is traded here; false where another key or subaccount pays, and on paper."""

    def on(self, key: MarketKey) -> RiskLimits:
        return tightened(self.limits, self.market_limits.get(key, self.limits))

    def kept(self, books: Bookkeeping, portfolio: Portfolio) -> dict[str, Decimal]:
        """What of `reserved` neither gas has eaten up nor its owner taken out, as far as the books tell."""
        left = still_reserved(self.reserved, books.gas_paid if self.pays_gas else Decimal(0))
        return _without_taken(left, books, portfolio) if books.settled else left


class Known(NamedTuple):
    """All that a decision depends on, besides the terms."""

    snapshot: Snapshot
    edges: Sequence[Edge]
    books: Bookkeeping
    portfolio: Portfolio
    risk: RiskState
    clock_skew_s: float


def _without_taken(
    reserved: Mapping[str, Decimal], books: Bookkeeping, portfolio: Portfolio
) -> dict[str, Decimal]:
    """The owner's coins go first: one that is like the other, what strategies bought stays theirs to sell."""
    left = dict(reserved)
    for asset in reserved.keys() & (ours := _bought(books)).keys():
        total = sum((own.total for own in portfolio.balances.values() if own.asset == asset), _ZERO)
        left[asset] = max(_ZERO, min(left[asset], total - max(_ZERO, ours[asset])))
    return left


def _bought(books: Bookkeeping) -> dict[str, Decimal]:
    """What strategies have of each asset by their spot trades: what they paid with one is taken off.

    Of a market's base no more than all of its trades come to.
    """
    found: dict[str, Decimal] = {}
    for key, net in books.net.items():
        market = books.markets.get(key)
        if market and market.kind is MarketKind.SPOT:
            own = [held for (strategy, at), held in books.held.items() if at == key and strategy]
            bought = min(sum((held.quantity for held in own), _ZERO), net.quantity)
            found[market.base] = found.get(market.base, _ZERO) + max(_ZERO, bought)
            found[market.quote] = found.get(market.quote, _ZERO) + sum((held.cash for held in own), _ZERO)
    return found
