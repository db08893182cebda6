"""How far a prediction network's workers disagree.

Floats in, floats out. Percentiles are numbers from 0 to 100, as the network defines them.
A spread of opinions is not a forecast error: workers that agree can be wrong together.

Source: allora-chain v0.6.0, x/emissions/keeper/queryserver (confidence intervals, until v0.9), math/utils.go.
"""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

STANDARD_PERCENTILES = (2.28, 15.87, 50.0, 84.13, 97.72)
"""Of a normal distribution at -2, -1, 0, 1 and 2 standard deviations."""

MAX_LEVEL = 0.9544
"""The widest central interval the standard percentiles bound; beyond it is extrapolation."""

_TWO_DEVIATIONS = 0.6826
_ROUNDING = 1e-9


class Knot(NamedTuple):
    """One point of a distribution; a sequence of them ascends in both fields."""

    percentile: float
    value: float


class Bounds(NamedTuple):
    low: float
    high: float


def percentiles(
    values: Sequence[float],
    weights: Sequence[float] | None = None,
    ps: Sequence[float] = STANDARD_PERCENTILES,
) -> tuple[float, ...]:
    """Weighted percentiles: linear between the middles of the values' weights, clamped at both ends.

    The i-th smallest value sits at (cumulative weight - half its own) / total. A value without weight has no
    say. Raises ValueError on nothing to weigh, numbers that are not finite, or weights that are negative.
    """
    pairs, total = _weighted(values, weights)
    points = []
    before = 0.0
    for value, weight in pairs:
        points.append(Knot(100 * ((before + weight / 2) / total), value))
        before += weight
    return tuple(_value_at(points, p) for p in ps)


def knots(values: Sequence[float], weights: Sequence[float] | None = None) -> tuple[Knot, ...]:
    """The five standard percentiles. Raises ValueError as `percentiles` does."""
    return tuple(
        Knot(p, value) for p, value in zip(STANDARD_PERCENTILES, percentiles(values, weights), strict=True)
    )


def central_interval(level: float, points: Sequence[Knot]) -> Bounds:
    """The middle `level` (a fraction) of the distribution, interpolated between knots.

    Raises ValueError for a level that is not in (0, 0.9544], or that the knots do not reach.
    """
    if not 0 < level <= MAX_LEVEL:
        raise ValueError(f"interval level {level} is not in (0, {MAX_LEVEL}]: the workers' tails are unknown")
    low, high = 50 * (1 - level), 50 * (1 + level)
    if not points or low < points[0].percentile - _ROUNDING or high > points[-1].percentile + _ROUNDING:
        raise ValueError(f"interval level {level} reaches beyond the known percentiles")
    return Bounds(_value_at(points, low), _value_at(points, high))


def half_width(points: Sequence[Knot]) -> float:
    """(q84.13 - q15.87) / 2: one standard deviation of the opinions, were they normal.

    Raises ValueError as `central_interval` does.
    """
    middle = central_interval(_TWO_DEVIATIONS, points)
    return (middle.high - middle.low) / 2


def dispersion(values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """`half_width` of the values, in their own unit. Raises ValueError as `percentiles` does."""
    return half_width(knots(values, weights))


def probability_above(x: float, points: Sequence[Knot]) -> float:
    """Share of the opinions above `x`: linear between knots, at most one knot's percentile beyond them.

    Knots of equal value count as one, half way between the first's and the last's percentile.
    Raises ValueError without knots or for NaN.
    """
    merged = _merged(points)
    if not merged or math.isnan(x):
        raise ValueError("no knots, or a price that is not a number")
    if x < merged[0].value:
        return 1 - points[0].percentile / 100
    if x > merged[-1].value:
        return 1 - points[-1].percentile / 100
    return 1 - _value_at([(value, percentile) for percentile, value in merged], x) / 100


def agreement(
    values: Sequence[float], prediction: float, spot: float, weights: Sequence[float] | None = None
) -> float:
    """Share of the workers' weight on the prediction's side of spot (0 for log returns), 0 to 1.

    A prediction at spot is on no side: then the share is of those who say spot too.
    """
    pairs, total = _weighted(values, weights)
    side = _sign(prediction - spot)
    return min(1.0, sum(weight for value, weight in pairs if _sign(value - spot) == side) / total)


def _weighted(
    values: Sequence[float], weights: Sequence[float] | None
) -> tuple[list[tuple[float, float]], float]:
    """The values that have a weight, ascending, each with it; and the total weight."""
    weights = [1.0] * len(values) if weights is None else weights
    if len(weights) != len(values):
        raise ValueError(f"{len(values)} values but {len(weights)} weights")
    if not all(math.isfinite(value) for value in values):
        raise ValueError("a value is not finite")
    if not all(0 <= weight < math.inf for weight in weights):
        raise ValueError("a weight is negative or not finite")
    pairs = sorted((value, weight) for value, weight in zip(values, weights, strict=True) if weight > 0)
    total = sum(weight for _, weight in pairs)
    if not 0 < total < math.inf:
        raise ValueError("the weights add up to nothing, or to more than a number can hold")
    return pairs, total


def _value_at(points: Sequence[tuple[float, float]], x: float) -> float:
    """Linear between ascending (x, y) points, clamped at both ends."""
    x0, y0 = points[0]
    for x1, y1 in points:
        if x <= x1:
            return _between(x, x0, x1, y0, y1)
        x0, y0 = x1, y1
    return y0


def _between(x: float, x0: float, x1: float, y0: float, y1: float) -> float:
    """Linear interpolation that never leaves [y0, y1]; y1 where the two points are one."""
    if x1 <= x0:
        return y1
    share = (x - x0) / (x1 - x0)
    return min(y1, max(y0, y0 * (1 - share) + y1 * share))


def _merged(points: Sequence[Knot]) -> list[Knot]:
    merged = []
    for value, group in groupby(points, key=lambda knot: knot.value):
        same = [knot.percentile for knot in group]
        merged.append(Knot((same[0] + same[-1]) / 2, value))
    return merged


def _sign(x: float) -> int:
    return (x > 0) - (x < 0)
