"""How every rule compares: what is not a finite number never passes."""

import math
from typing import NamedTuple

from defi_analytics.risk.codes import Denial


class Verdict(NamedTuple):
    """`value` broke `limit`; their unit is the code's, see `risk.explained`. Code 0 is no objection."""

    code: Denial
    limit: float
    value: float


PASSED = Verdict(Denial.NONE, 0.0, 0.0)


def unknown(limit: float, value: float) -> Verdict:
    return Verdict(Denial.RISK_STATE_UNKNOWN, float(limit), float(value))


def at_most(code: Denial, value: float, limit: float) -> Verdict:
    """The limit itself passes."""
    if not (math.isfinite(value) and math.isfinite(limit)):
        return unknown(limit, value)
    if value <= limit:
        return PASSED
    return Verdict(code, float(limit), float(value))


def at_least(code: Denial, value: float, limit: float) -> Verdict:
    """The limit itself passes."""
    if not (math.isfinite(value) and math.isfinite(limit)):
        return unknown(limit, value)
    if value >= limit:
        return PASSED
    return Verdict(code, float(limit), float(value))


def below(code: Denial, value: float, limit: float) -> Verdict:
    """The limit itself is refused: a loss that was reached."""
    if not (math.isfinite(value) and math.isfinite(limit)):
        return unknown(limit, value)
    if value < limit:
        return PASSED
    return Verdict(code, float(limit), float(value))


def below_any(code: Denial, value: float, limit: float) -> Verdict:
    """`below` a limit, if there is any: an infinite one is none."""
    if limit == math.inf:
        return PASSED
    return below(code, value, limit)


def refused_if(code: Denial, broken: bool) -> Verdict:
    """For conditions without a number."""
    if broken:
        return Verdict(code, 0.0, 1.0)
    return PASSED


def lost(start: float, now: float) -> float:
    """Fraction of `start`; NaN without one."""
    return (start - now) / start if start > 0.0 else math.nan
