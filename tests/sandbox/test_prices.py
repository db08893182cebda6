import math
import statistics
from itertools import pairwise
from random import Random

import pytest

from defi_analytics.sandbox.prices import Noise, Path, Prices


def test_noise_is_the_same_for_the_same_key_and_spreads_over_the_unit_interval():
    noise = Noise(42)
    values = [noise.unit(index) for index in range(-2000, 2000)]
    assert values == [Noise(42).unit(index) for index in range(-2000, 2000)]
    assert all(0 <= value < 1 for value in values)
    assert abs(statistics.fmean(values) - 0.5) < 0.02
    assert abs(statistics.correlation(values[1:], values[:-1])) < 0.05


def test_forks_of_noise_are_unlike_their_parent_and_each_other():
    noise = Noise(7)
    streams = [noise, noise.fork(0), noise.fork(1)]
    columns = [[stream.unit(index) for index in range(2000)] for stream in streams]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert abs(statistics.correlation(columns[a], columns[b])) < 0.08


def test_normal_noise_has_mean_zero_and_deviation_one():
    values = [Noise(3).normal(index) for index in range(4000)]
    assert abs(statistics.fmean(values)) < 0.06
    assert abs(statistics.stdev(values) - 1) < 0.05


@pytest.mark.parametrize("key", range(3))
def test_one_block_moves_a_price_by_its_sigma(key):
    path = Path(100.0, 1e-4, Noise(key))
    logs = [math.log(path.at(block)) for block in range(-1000, 3000)]
    moves = [b - a for a, b in pairwise(logs)]
    assert statistics.stdev(moves) == pytest.approx(1e-4, rel=0.15)
    assert max(map(abs, moves)) < 6e-4


def test_the_deviation_over_a_horizon_is_near_what_is_measured():
    horizon = 5_000
    path = Path(100.0, 1e-4, Noise(5))
    moves = [math.log(path.at(b + horizon) / path.at(b)) for b in range(0, 4_000_000, 10_007)]
    assert statistics.stdev(moves) == pytest.approx(path.deviation(horizon), rel=0.2)


def test_prices_repeat_by_seed_and_differ_between_seeds():
    one, same, other = Prices(Random(1)), Prices(Random(1)), Prices(Random(2))
    for asset in one.assets:
        assert one.fair(asset, 77) == same.fair(asset, 77) != other.fair(asset, 77)


def test_the_dollar_price_goes_through_the_stablecoins():
    prices = Prices(Random(9))
    assert prices.usd("INJ", 5) == prices.fair("INJ", 5) * prices.usd("USDT", 5)
    assert prices.usd("USDC", 5) == pytest.approx(prices.usdc * prices.usd("USDT", 5))
    assert prices.path("INJ").at(5) == prices.fair("INJ", 5)
