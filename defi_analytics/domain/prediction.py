from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class PredictionKind(StrEnum):
    PRICE = "price"
    LOG_RETURN = "log-return"
    VOLATILITY = "volatility"
    """Standard deviation of one-minute log returns over the horizon."""
    CLASSIFICATION = "classification"


@dataclass(frozen=True, slots=True)
class Topic:
    """What a prediction network forecasts under one id. Ids differ between its networks."""

    network: str
    topic_id: int
    name: str
    asset: str
    kind: PredictionKind
    horizon_s: int
    epoch_blocks: int
    playground: bool = False
    """Open to anyone without penalty: never a signal."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The workers' values between two percentiles: how far they disagree, not how wrong they may be."""

    level: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """One inference, with every time that matters. Prices are in `quote` per unit of the topic's asset."""

    source: str
    topic: Topic
    value: Decimal
    """As published, in the topic's own unit (price, log return or volatility)."""
    base_time: datetime
    """The minute the forecast starts from."""
    target_time: datetime
    """The minute it is about."""
    usable_at: datetime
    """When we could first have acted on it: never before it was read."""
    fresh_until: datetime | None = None
    """When a newer inference is overdue; empty where the source does not tell how often it infers."""
    quote: str = "USD"
    """What prices are in: the network's own USD, or the currency of the base price of a log return."""
    base_price: float | None = None
    base_price_source: str = ""
    predicted_price: float | None = None
    """Empty with a reason in `notes` when a log return has no base price to apply to."""
    interval: Interval | None = None
    dispersion: float | None = None
    """(q84.13 - q15.87) / 2 of the workers' values, in the topic's own unit."""
    naive: Decimal | None = None
    outlier_resistant: Decimal | None = None
    inferers: int = 0
    forecasters: int = 0
    stale: bool = False
    notes: tuple[str, ...] = field(default=())

    def age_s(self, now: datetime) -> float:
        """Seconds since the forecast's base time, which is what it knew."""
        return (now - self.base_time).total_seconds()

    def share_gone(self, now: datetime) -> float:
        """Share of the horizon already past, 0 to 1."""
        return min(1.0, max(0.0, self.age_s(now) / self.topic.horizon_s))
