"""A market against what a prediction network forecasts for it.

The unit of the gap joins things that are not the same: how far the workers disagree with each other, how far
the price usually moves in the time that is left, and half the spread of the conversion. The first alone is
grossly overconfident, for workers mostly agree near the present price: without the second there is no edge.
"""

import math
from dataclasses import replace

from defi_analytics.domain.edge import Edge, EdgeKind, Reason, Rejection
from defi_analytics.domain.market import Market
from defi_analytics.domain.prediction import Prediction, PredictionKind
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.fair import against_fair, measured_on_book
from defi_analytics.mispricing.limits import Limits
from defi_analytics.mispricing.pricing import MAX_AHEAD_S, seen, seen_rates, too_old
from defi_analytics.mispricing.rates import find_rate, half_spread, mid

# Without a measured record, half of what the model says about direction is believed.
SHRINK = 0.5
MOST_CONFIDENT = 0.5 + SHRINK / 2
"""What `probability` approaches and never reaches."""


def prediction_gap(snapshot: Snapshot, market: Market, prediction: Prediction, limits: Limits) -> Edge:
    """The candidate priced on the deep book, or rejected by the first thing that is wrong."""
    edge = Edge(
        EdgeKind.PREDICTION,
        market,
        f"{prediction.source} topic {prediction.topic.topic_id}",
        inputs=(seen(prediction.source, prediction.base_time, snapshot.time),),
        notes=prediction.notes,
    )
    wrong = _unusable(snapshot, prediction)
    if wrong:
        return replace(edge, rejection=wrong)
    path = find_rate(snapshot.rates, prediction.quote, market.quote)
    if path is None:
        return replace(edge, rejection=Rejection(Reason.NO_RATE, detail=f"{prediction.quote}/{market.quote}"))
    edge = replace(edge, rates=path, inputs=(*edge.inputs, *seen_rates(path, snapshot.time)))
    stale = too_old(seen_rates(path, snapshot.time), limits.max_rate_age_s, Reason.STALE_RATE)
    if stale:
        return replace(edge, rejection=stale)
    fair = (prediction.predicted_price or 0.0) * mid(path)
    unit = math.hypot(uncertainty(snapshot, prediction), half_spread(path))
    edge = _confident(measured_on_book(edge, snapshot, fair, unit, limits), limits)
    left_h = (prediction.target_time - snapshot.time).total_seconds() / 3600
    return against_fair(edge, snapshot, replace(limits, holding_h=left_h))


def uncertainty(snapshot: Snapshot, prediction: Prediction) -> float:
    """Standard deviation of the outcome around the forecast, a fraction of the price."""
    spread = prediction.dispersion or 0.0
    if prediction.topic.kind is PredictionKind.PRICE and prediction.predicted_price:
        spread /= prediction.predicted_price
    left_min = max(0.0, (prediction.target_time - snapshot.time).total_seconds()) / 60
    moves = snapshot.volatility.get(prediction.topic.asset, 0.0) * math.sqrt(left_min)
    return math.hypot(spread, moves)


def probability(z: float) -> float:
    """Of the direction that `z` standard deviations point to, shrunk towards 1/2 for want of calibration."""
    return 0.5 + SHRINK * (0.5 * (1.0 + math.erf(abs(z) / math.sqrt(2.0))) - 0.5)


def _confident(edge: Edge, limits: Limits) -> Edge:
    if edge.signal is None:
        return edge
    sure = probability(edge.signal.z)
    edge = replace(edge, signal=replace(edge.signal, probability=sure))
    if edge.stands and sure < limits.min_confidence:
        return replace(
            edge, rejection=Rejection(Reason.LOW_CONFIDENCE, limits.min_confidence, sure, "probability")
        )
    return edge


def _unusable(snapshot: Snapshot, prediction: Prediction) -> Rejection | None:
    late = _untimely(snapshot, prediction)
    if late:
        return late
    if prediction.topic.playground:
        return Rejection(Reason.NO_REFERENCE, detail="a playground topic is never a signal")
    if not prediction.predicted_price:
        return Rejection(Reason.NO_REFERENCE, detail="no predicted price")
    if not snapshot.volatility.get(prediction.topic.asset, 0.0) > 0:
        return Rejection(Reason.NO_REFERENCE, detail="nothing tells how far the price usually moves")
    return None


def _untimely(snapshot: Snapshot, prediction: Prediction) -> Rejection | None:
    age_s = prediction.age_s(snapshot.time)
    if prediction.target_time <= snapshot.time:
        return Rejection(Reason.STALE_PREDICTION, prediction.topic.horizon_s, age_s, "s", "target passed")
    if prediction.stale:
        return Rejection(Reason.STALE_PREDICTION, None, age_s, "s", "its source calls it stale")
    if prediction.fresh_until is not None and snapshot.time > prediction.fresh_until:
        allowed_s = (prediction.fresh_until - prediction.base_time).total_seconds()
        return Rejection(Reason.STALE_PREDICTION, allowed_s, age_s, "s", "a newer one is overdue")
    if age_s < -MAX_AHEAD_S or prediction.usable_at > snapshot.time:
        return Rejection(Reason.STALE_PREDICTION, None, age_s, "s", "not known yet at this time")
    return None
