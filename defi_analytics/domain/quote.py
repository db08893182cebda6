from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """A price published by an oracle or a price feed, in `quote` per `base`."""

    source: str
    base: str
    quote: str
    price: float
    at: datetime
    """When it was published, by the publisher's clock."""
    confidence: float | None = None
    """Half-width of the publisher's own confidence band, in the price's unit; empty if it states none."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many `quote` one `base` is worth, both being quote currencies (USDC in USDT, USDT in USD)."""

    base: str
    quote: str
    bid: float
    """What selling one `base` brings."""
    ask: float
    """What buying one `base` costs."""
    source: str
    at: datetime
