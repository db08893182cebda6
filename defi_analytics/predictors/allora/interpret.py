"""From what a source said to a prediction: pure, with every doubt written down.

A prediction starts from the nonce's block time floored to the full minute and is about the minute its topic's
horizon later. Source: research.allora.network/t/116 (how the network scores its topics).
"""

import math
from datetime import datetime, timedelta

from defi_analytics.domain.prediction import Interval, Prediction, PredictionKind, Topic
from defi_analytics.domain.quote import Quote
from defi_analytics.domain.text import safe
from defi_analytics.errors import DataError, Malformed
from defi_analytics.metrics.dispersion import central_interval, half_width
from defi_analytics.predictors.allora.fields import SHOWN_CHARACTERS, SOURCE
from defi_analytics.predictors.allora.inference import Reading

_BLOCK_S = 6
_EPOCHS_FRESH = 2
# Values appear a submission window (some 12 blocks) after their nonce, whose time is floored to the minute.
_SLACK_S = 120
_CLOCKS_APART_S = 60
_FEWEST_INFERERS = 3
# A forecast this far from the base price is a mistake, or in another unit.
_LEAST_RATIO, _MOST_RATIO = 0.2, 5.0
_MOST_USD = 1e9

Base = Quote | DataError | None
"""The price the forecast starts from; why there is none; or that none was asked for."""


def base_time(made_at: datetime) -> datetime:
    return made_at.replace(second=0, microsecond=0)


def interpret(topic: Topic, reading: Reading, base: Base, now: datetime, interval_level: float) -> Prediction:
    """Raises Malformed for a value that cannot be of the topic's kind, or is far from the base price."""
    start = base_time(reading.made_at)
    target = start + timedelta(seconds=topic.horizon_s)
    base_price = base.price if isinstance(base, Quote) else None
    predicted = _predicted_price(topic, reading, base_price)
    interval, spread, opinion_notes = _opinions(reading, interval_level)
    doubts = _staleness(topic, reading, now, target)
    return Prediction(
        source=SOURCE,
        topic=topic,
        value=reading.value,
        base_time=start,
        target_time=target,
        usable_at=now,
        fresh_until=reading.made_at + timedelta(seconds=_allowed_s(topic)),
        quote=base.quote if isinstance(base, Quote) and topic.kind is PredictionKind.LOG_RETURN else "USD",
        base_price=base_price,
        base_price_source=f"{base.source} {base.base}/{base.quote}" if isinstance(base, Quote) else "",
        predicted_price=predicted,
        interval=interval,
        dispersion=spread,
        naive=reading.naive,
        outlier_resistant=reading.outlier_resistant,
        inferers=reading.inferers or 0,
        forecasters=reading.forecasters or 0,
        stale=bool(doubts),
        notes=(*doubts, *_base_notes(topic, base), *opinion_notes, *_few(reading), *reading.notes),
    )


def _predicted_price(topic: Topic, reading: Reading, base_price: float | None) -> float | None:
    value = float(reading.value)
    if topic.kind is PredictionKind.PRICE:
        return _sane_price(value, base_price)
    if topic.kind is PredictionKind.LOG_RETURN:
        if not math.log(_LEAST_RATIO) < value < math.log(_MOST_RATIO):
            raise Malformed(SOURCE, f"a log return of {value:g} is not a forecast")
        return None if base_price is None else base_price * math.exp(value)
    if value < 0:
        raise Malformed(SOURCE, f"a volatility of {value:g} is negative")
    return None


def _sane_price(value: float, base_price: float | None) -> float:
    if not 0 < value < _MOST_USD:
        raise Malformed(SOURCE, f"{value:g} USD is not a price")
    if base_price is not None and not _LEAST_RATIO * base_price < value < _MOST_RATIO * base_price:
        raise Malformed(SOURCE, f"{value:g} USD is no forecast from {base_price:g} USD")
    return value


def _opinions(reading: Reading, level: float) -> tuple[Interval | None, float | None, tuple[str, ...]]:
    """Interval, dispersion and notes."""
    if not reading.knots:
        return None, None, ("no interval: the source names no workers' values",)
    try:
        bounds = central_interval(level, reading.knots)
        spread = half_width(reading.knots)
    except ValueError as error:
        return None, None, (f"no interval: {error}",)
    interval = Interval(level, bounds.low, bounds.high)
    inside = bounds.low <= float(reading.value) <= bounds.high
    return interval, spread, () if inside else ("the value lies outside its own workers' interval",)


def _allowed_s(topic: Topic) -> int:
    """How old an inference may be: two epochs, or the network skipped one."""
    return _EPOCHS_FRESH * topic.epoch_blocks * _BLOCK_S + _SLACK_S


def _staleness(topic: Topic, reading: Reading, now: datetime, target: datetime) -> tuple[str, ...]:
    age_s = (now - reading.made_at).total_seconds()
    allowed_s = _allowed_s(topic)
    checks = (
        (target <= now, "stale: its target time has passed"),
        (age_s > allowed_s, f"stale: {age_s:.0f} s old, more than two epochs ({allowed_s} s)"),
        (age_s < -_CLOCKS_APART_S, f"stale: made {-age_s:.0f} s in our future; is the clock right?"),
        (not reading.age_proven, "stale: its age cannot be told"),
    )
    return tuple(note for failed, note in checks if failed)


def _base_notes(topic: Topic, base: Base) -> tuple[str, ...]:
    if isinstance(base, DataError):
        return (f"no base price: {safe(base.message, SHOWN_CHARACTERS)}",)
    if base is None and topic.kind in (PredictionKind.PRICE, PredictionKind.LOG_RETURN):
        return ("no base price: no source of price history",)
    return ()


def _few(reading: Reading) -> tuple[str, ...]:
    if reading.inferers is None or reading.inferers >= _FEWEST_INFERERS:
        return ()
    return (f"only {reading.inferers} inferers",)
