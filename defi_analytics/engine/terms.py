"""What a decision is made from: what is known at one moment, and what a run may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from defi_analytics.domain.edge import Edge
from defi_analytics.domain.market import MarketKey
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.requests import still_reserved
from defi_analytics.ports import Strategy
from defi_analytics.risk.limits import RiskLimits, tightened
from defi_analytics.risk.losses import RiskState


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

    def kept(self, books: Bookkeeping) -> dict[str, Decimal]:
        """What of `reserved` gas has not eaten up."""
        return still_reserved(self.reserved, books.gas_paid if self.pays_gas else Decimal(0))


class Known(NamedTuple):
    """All that a decision depends on, besides the terms."""

    snapshot: Snapshot
    edges: Sequence[Edge]
    books: Bookkeeping
    portfolio: Portfolio
    risk: RiskState
    clock_skew_s: float
