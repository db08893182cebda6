from collections.abc import Mapping
from dataclasses import dataclass, field

from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import MarketKey


@dataclass(frozen=True, slots=True)
class MarketBounds:
    """What the settings allow on one market; notionals in its quote."""

    min_notional: float = 0.0
    max_notional: float = float("inf")
    max_slippage: float = float("inf")
    """Fraction of notional."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an edge must clear to stand. Fractions, never percent; ages in seconds."""

    min_edge: float = 0.0005
    min_profit: float = 0.0
    """Settlement quote."""
    max_age_s: float = 10.0
    """Of a book or a top of book."""
    max_oracle_age_s: float = 120.0
    max_rate_age_s: float = 120.0
    max_ratio: float = 2.0
    """Two prices of one thing that differ by more than this factor are a mistake in units, not an edge."""
    min_z: float = 1.0
    """How many of its own uncertainties a gap to a fair value must measure."""
    min_confidence: float = 0.55
    """Probability of the predicted direction."""
    oracle_threshold: float = 0.005
    """An oracle is not obliged to publish before the price moved by this fraction."""
    holding_h: float = 1.0
    """Hours a perpetual leg is expected to be held: what funding is charged for."""
    gas_inj: float = 0.000048
    """Gas of one order: 300,000 units at 160,000,000 inj-wei."""
    max_notional: float = float("inf")
    sizes: tuple[float, ...] = ()
    """Notionals (quote) to price besides the best one."""
    max_candidates: int = 12
    bounds: Mapping[MarketKey, MarketBounds] = field(default_factory=dict)

    def of(self, key: MarketKey) -> MarketBounds:
        return self.bounds.get(key, MarketBounds())


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: markets of the home venue, kinds of mispricing, and what to compare with."""

    home: str
    markets: frozenset[MarketKey]
    kinds: frozenset[EdgeKind]
    against: tuple[str, ...]
    """Reference venues, in order of preference."""
