"""How long an agent runs, how often it looks, and how it leaves."""

from dataclasses import dataclass
from enum import StrEnum


class OnExit(StrEnum):
    CANCEL = "cancel"
    """Every order but the stops of what stays open."""
    KEEP = "keep"
    FLATTEN = "flatten"


@dataclass(frozen=True, slots=True)
class Policy:
    interval_s: float
    cycles: int | None = None
    duration_s: float | None = None
    on_exit: OnExit = OnExit.CANCEL
    settle_s: float = 0.5
    """Between two looks at what became of an order."""
