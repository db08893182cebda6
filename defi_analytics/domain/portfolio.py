from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from defi_analytics.domain.market import MarketKey
from defi_analytics.domain.order import OpenOrder


@dataclass(frozen=True, slots=True)
class Balance:
    """Of one denom, in human units. `available` leaves out what open orders lock."""

    denom: str
    asset: str
    """Empty for a denom that is not verified."""
    available: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """An open perpetual position."""

    key: MarketKey
    quantity: Decimal
    """Base; negative is short."""
    entry_price: Decimal
    margin: Decimal
    """Quote."""
    liquidation_price: Decimal | None = None
    """Of the oracle, where the position would be taken over; empty when no price would, or none is known."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What the venue says the account holds, at one block."""

    account: str
    at: datetime
    height: int
    balances: Mapping[str, Balance] = field(default_factory=dict)
    """By denom."""
    positions: Mapping[MarketKey, Position] = field(default_factory=dict)
    open_orders: tuple[OpenOrder, ...] = ()
