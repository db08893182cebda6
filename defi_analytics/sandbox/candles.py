"""Candles of any age and resolution, sampled from the price that makers quote around."""

from collections.abc import Callable
from typing import NamedTuple

from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.prices import Noise

_SAMPLES = 5
_HOURLY_NOTIONAL = 250_000.0
MAX_CANDLES = 1_500


class Bar(NamedTuple):
    open_s: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    """Base."""


def on_grid(price: float, tick: float) -> float:
    return float(f"{round(price / tick) * tick:.10g}")


def bars(
    moment: Moment,
    price: Callable[[int], float],
    noise: Noise,
    resolution_s: int,
    span_s: tuple[float, float],
) -> list[Bar]:
    """The candles that open within `span_s` (both ends included), oldest first, none from the future.

    Each opens where the one before closed. Only the newest `MAX_CANDLES` are told; the last may be forming.
    """
    now_s = int(moment.at.timestamp())
    last = min(int(span_s[1]), now_s) // resolution_s
    first = max(-int(-span_s[0] // resolution_s), last - MAX_CANDLES + 1)
    return [_bar(moment, price, noise, n * resolution_s, resolution_s) for n in range(first, last + 1)]


def _bar(moment: Moment, price: Callable[[int], float], noise: Noise, open_s: int, resolution_s: int) -> Bar:
    start = moment.block_at(open_s)
    end = min(moment.block_at(open_s + resolution_s), moment.block)
    prices = [price(start + (end - start) * step // _SAMPLES) for step in range(_SAMPLES + 1)]
    hours = (end - start) / 5_538
    volume = noise.between(start, 0.4, 1.6) * _HOURLY_NOTIONAL * hours / prices[0]
    return Bar(open_s, prices[0], max(prices), min(prices), prices[-1], volume)
