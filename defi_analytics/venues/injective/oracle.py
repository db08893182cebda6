"""The oracle prices the chain itself holds.

Source: injective.oracle.v1beta1.Query PythPriceStates and OraclePrice through the gRPC gateway: prices are
human, decimals and 64-bit integers are text.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

import msgspec

from defi_analytics.domain.market import Market
from defi_analytics.domain.quote import Quote
from defi_analytics.errors import NotFound
from defi_analytics.ports import HttpClient
from defi_analytics.venues.injective.assets import Assets
from defi_analytics.venues.injective.networks import Network
from defi_analytics.venues.injective.units import human
from defi_analytics.venues.wire import each, reading, utc

SOURCE = "injective-oracle"
_YEAR_2100 = 4_102_444_800


class _PriceState(msgspec.Struct, gc=False):
    price: str


class _PythState(msgspec.Struct, gc=False):
    price_id: str
    publish_time: int
    price_state: _PriceState
    conf: str = "0"


class _PythStates(msgspec.Struct, gc=False):
    price_states: list[_PythState]


class _Pair(msgspec.Struct, gc=False):
    pair_price: str
    base_timestamp: int
    quote_timestamp: int = 0


class _PairAnswer(msgspec.Struct, gc=False):
    price_pair_state: _Pair


# 64-bit integers come as text, hence not strict.
_PYTH_STATES = msgspec.json.Decoder(_PythStates, strict=False)
_PAIR_ANSWER = msgspec.json.Decoder(_PairAnswer, strict=False)


@dataclass(frozen=True, slots=True)
class InjectiveOracle:
    """Pyth's prices as last relayed to the chain: what perpetuals are marked and liquidated at."""

    http: HttpClient
    network: Network
    assets: Assets

    @property
    def name(self) -> str:
        return SOURCE

    @property
    def published(self) -> frozenset[str]:
        return frozenset(self.assets.feeds.values())

    async def quotes(self) -> Sequence[Quote]:
        """One request for every feed; those of unknown assets are left out."""
        url = f"{self.network.lcd_url}/injective/oracle/v1beta1/pyth_price_states"
        return parse_pyth_price_states(SOURCE, await self.http.get(SOURCE, url), self.assets)

    async def pair_price(self, market: Market) -> Quote:
        """What a derivative's own oracle, of whatever type, says now. Raises NotFound for a spot market."""
        feed = market.oracle
        if feed is None:
            raise NotFound(SOURCE, "a spot market has no oracle")
        url = f"{self.network.lcd_url}/injective/oracle/v1beta1/price"
        params = {"oracle_type": feed.type, "base": feed.base, "quote": feed.quote}
        price, at = parse_oracle_price(SOURCE, await self.http.get(SOURCE, url, params))
        return Quote(SOURCE, market.base, market.quote, price, at)


def parse_pyth_price_states(source: str, body: bytes, assets: Assets) -> tuple[Quote, ...]:
    """USD quotes of the known feeds that hold a price; of two for one asset the later.

    A known feed without a usable price is left out, for the others are none the worse for it. Raises
    Malformed when the answer is not in its format or not one known feed is usable.
    """
    with reading(source, "oracle prices"):
        states = _PYTH_STATES.decode(body).price_states
    known = [state for state in states if assets.asset(state.price_id)]
    quotes, _ = each(source, known, lambda state: _quote(source, assets.asset(state.price_id), state))
    latest = {quote.base: quote for quote in sorted(quotes, key=attrgetter("at"))}
    return tuple(latest.values())


def parse_oracle_price(source: str, body: bytes) -> tuple[float, datetime]:
    """Price of a pair and the older of the times its two sides are of. A side without a time has none."""
    with reading(source, "oracle price"):
        pair = _PAIR_ANSWER.decode(body).price_pair_state
        told = [at for at in (pair.base_timestamp, pair.quote_timestamp) if at != 0]
        return _price(pair.pair_price), min(map(_time, told or [0]))


def _quote(source: str, asset: str, state: _PythState) -> Quote:
    confidence = float(human(state.conf, 0))
    if confidence < 0:
        raise ValueError("a negative confidence")
    price = _price(state.price_state.price)
    return Quote(source, asset, "USD", price, _time(state.publish_time), confidence or None)


def _price(text: str) -> float:
    price = float(human(text, 0))
    if not 0 < price < math.inf:
        raise ValueError("a price that is not positive")
    return price


def _time(seconds: int) -> datetime:
    if not 0 < seconds < _YEAR_2100:
        raise ValueError("a time that is none")
    return utc(seconds * 1_000)
