"""Fair prices: deterministic random walks that can be read at any block without walking there."""

import math
from functools import lru_cache
from random import Random
from typing import NamedTuple

_MASK = (1 << 64) - 1
_OCTAVES = 19
"""The slowest wave turns every 2**18 blocks, about two days."""
_WEIGHTS = tuple(2.0 ** (octave / 2) for octave in range(_OCTAVES))


class Noise(NamedTuple):
    """A stream of numbers addressed by index (negative too), the same for the same key."""

    key: int

    def bits(self, index: int) -> int:
        """64 of them. Source: Steele et al., Fast splittable pseudorandom number generators (2014)."""
        x = (self.key + index * 0x9E3779B97F4A7C15) & _MASK
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
        return x ^ (x >> 31)

    def unit(self, index: int) -> float:
        """In [0, 1)."""
        return (self.bits(index) >> 11) * 2.0**-53

    def between(self, index: int, low: float, high: float) -> float:
        return low + (high - low) * self.unit(index)

    def normal(self, index: int) -> float:
        """Close to a standard normal: the sum of twelve uniforms, less their mean."""
        return sum(self.unit(12 * index + n) for n in range(12)) - 6.0

    def fork(self, index: int) -> "Noise":
        return Noise(self.bits(index) ^ 0x6A09E667F3BCC909)


@lru_cache(1 << 16)
def _node(noise: Noise, octave: int, node: int) -> float:
    """The height of one wave's turning point, in [-1, 1); the slow waves' are asked for again and again."""
    return 2.0 * noise.unit((node << 5) + octave) - 1.0


class Path(NamedTuple):
    """A price whose log moves like a random walk up to two days, and stays near `base` beyond.

    A sum of linearly interpolated noise at doubling periods, so `at` costs the same for any block, in the
    past or the future.
    """

    base: float
    sigma: float
    """Standard deviation of one block's log return."""
    noise: Noise

    def at(self, block: int) -> float:
        return self.base * math.exp(self._wave(block))

    def deviation(self, blocks: int) -> float:
        """Standard deviation of the log return over so many blocks, approximately."""
        variance = 0.0
        for octave in range(_OCTAVES):
            share = min(1.0, blocks / (1 << octave))
            variance += 2.0**octave * (4 / 9 if share == 1.0 else 2 / 3 * share * share)
        return self.sigma * math.sqrt(0.75 * variance)

    def _wave(self, block: int) -> float:
        total = 0.0
        for octave, weight in enumerate(_WEIGHTS):
            node, rest = block >> octave, block & ((1 << octave) - 1)
            here = _node(self.noise, octave, node)
            if rest:
                here += (_node(self.noise, octave, node + 1) - here) * rest / (1 << octave)
            total += here * weight
        # One block's move is the sum over octaves of 2/3 * 2**-octave, which this scales to one.
        return total * self.sigma * math.sqrt(0.75)


_RANGES = {
    "INJ": (9.5, 24.0, 1.1e-4),
    "ATOM": (6.5, 9.5, 1.0e-4),
    "BTC": (55_000.0, 90_000.0, 0.6e-4),
    "ETH": (1_900.0, 4_200.0, 0.8e-4),
    "SOL": (115.0, 210.0, 1.0e-4),
}
"""Lowest and highest base price in USDT, and the one-block deviation."""


class Prices:
    """Every fair price of one seed: assets in USDT, and the two stablecoins against the dollar."""

    def __init__(self, random: Random) -> None:
        self._paths = {
            asset: Path(random.uniform(low, high), sigma, Noise(random.getrandbits(64)))
            for asset, (low, high, sigma) in _RANGES.items()
        }
        self._usdt = Path(random.uniform(0.9994, 1.0006), 2e-7, Noise(random.getrandbits(64)))
        self.usdc_ticks = random.randrange(9_991, 10_005)
        """The best bid for USDC in USDT, in ticks of 0.0001; the best ask is one tick above."""

    @property
    def assets(self) -> tuple[str, ...]:
        return tuple(self._paths)

    @property
    def usdc(self) -> float:
        """USDT per USDC."""
        return (self.usdc_ticks + 0.5) / 10_000

    def fair(self, asset: str, block: int) -> float:
        """In USDT."""
        return self._paths[asset].at(block)

    def path(self, asset: str) -> Path:
        return self._paths[asset]

    def usd(self, asset: str, block: int) -> float:
        """What an oracle that is never wrong says."""
        usdt = self._usdt.at(block)
        if asset == "USDT":
            return usdt
        return usdt * (self.usdc if asset == "USDC" else self.fair(asset, block))
