"""What a source says about one topic, before it is judged: no clock, no base price, no staleness."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from defi_analytics.metrics.dispersion import Knot, knots


class WorkerValue(NamedTuple):
    worker: str
    value: Decimal
    weight: Decimal | None = None
    """Only emissions v4 to v7 published it."""


@dataclass(frozen=True, slots=True)
class ChainInference:
    """One network inference as the chain computed it at block `nonce`, in the topic's own unit."""

    topic_id: int
    nonce: int
    combined: Decimal
    naive: Decimal | None = None
    inferers: tuple[WorkerValue, ...] = ()
    forecasters: tuple[WorkerValue, ...] = ()
    percentiles: tuple[Knot, ...] = ()
    """Only where the chain computed them itself (before v0.10)."""

    def knots(self) -> tuple[Knot, ...]:
        """The chain's own percentiles, else those of the workers' values; empty without workers.

        As the chain did: inferers and forecast-implied values together; by weight where weights are known
        (a worker without one has no say), else all equal.
        """
        workers = self.inferers + self.forecasters
        if self.percentiles or not workers:
            return self.percentiles
        values = [float(worker.value) for worker in workers]
        weights = [float(worker.weight or 0) for worker in workers]
        return knots(values, weights if any(weights) else None)


@dataclass(frozen=True, slots=True)
class Reading:
    """A topic's current value with the time it was made at, from either source."""

    value: Decimal
    made_at: datetime
    """The nonce's block time; from the keyed API, the time it gives for the inference."""
    naive: Decimal | None = None
    outlier_resistant: Decimal | None = None
    knots: tuple[Knot, ...] = ()
    inferers: int | None = None
    """Empty where the source does not name the workers."""
    forecasters: int | None = None
    age_proven: bool = True
    """False when `made_at` is only the time of signing, which is always fresh."""
    notes: tuple[str, ...] = ()
