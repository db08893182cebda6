"""Funding rates as Binance and OKX publish them, brought to one hour.

Both tell a rate per funding interval, which is 8 h for most perpetuals and 4 h, 2 h or 1 h for others, and
both may change it; neither sends it with the tops of book.
Source: developers.binance.com, USD-margined futures, "Mark Price" and "Get Funding Rate Info"; OKX API v5,
"Get funding rate".
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from defi_analytics.domain.market import Market
from defi_analytics.venues import wire
from defi_analytics.venues.wire import Milliseconds, Text

DEFAULT_HOURS = 8
KEPT = timedelta(hours=1)
_HOUR_MS = 3_600_000

Ask = Callable[[str, Mapping[str, str]], Awaitable[bytes]]
"""The body of the answer for a path and its parameters."""
Rate = Annotated[float, msgspec.Meta(ge=-1, le=1)]
Hours = Annotated[int, msgspec.Meta(ge=1, le=168)]


class _Premium(msgspec.Struct, gc=False, rename="camel"):
    symbol: Text
    last_funding_rate: Rate


class _Info(msgspec.Struct, gc=False, rename="camel"):
    symbol: Text
    funding_interval_hours: Hours


class _Swap(msgspec.Struct, gc=False, rename="camel"):
    inst_id: Text
    funding_rate: Rate
    funding_time: Milliseconds
    next_funding_time: Milliseconds


_PREMIUM = msgspec.json.Decoder(_Premium, strict=False)
_INFOS = msgspec.json.Decoder(list[msgspec.Raw])
_INFO = msgspec.json.Decoder(_Info)
_SWAP = msgspec.json.Decoder(_Swap, strict=False)


@dataclass(slots=True)
class BinanceIntervals:
    """Hours between two fundings by symbol, of those that differ from the default; kept for an hour.

    Few differ and seldom change, but the answer lists them all and has a limit of its own (500 in 5 min).
    """

    _hours: Mapping[str, int] = field(default_factory=dict)
    _until: datetime | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def hours(self, venue: str, ask: Ask, now: datetime) -> Mapping[str, int]:
        """Asks once, however many want to know at the same time."""
        async with self._lock:
            if self._until is None or now >= self._until:
                self._hours = parse_binance_intervals(venue, await ask("fundingInfo", {}))
                self._until = now + KEPT
        return self._hours


def parse_binance_intervals(venue: str, body: bytes) -> Mapping[str, int]:
    """The answer to `fundingInfo`: `[{symbol, fundingIntervalHours, …}]`. Raises Malformed.

    Any row that cannot be read makes the whole unusable: its symbol would pass for one of the default.
    """
    with wire.reading(venue, "funding intervals"):
        rows = map(_INFO.decode, _INFOS.decode(body))
        return {row.symbol: row.funding_interval_hours for row in rows}


def parse_binance_funding(body: bytes, intervals: Mapping[str, int], market: Market) -> float:
    """The answer to `premiumIndex` of one symbol: `{symbol, lastFundingRate, …}`. Raises Malformed."""
    with wire.reading(market.venue, "funding"):
        premium = _PREMIUM.decode(body)
        if premium.symbol != market.market_id:
            raise ValueError("the rate of another market")
        return premium.last_funding_rate / intervals.get(market.market_id, DEFAULT_HOURS)


def parse_okx_funding(rows: Sequence[msgspec.Raw], market: Market) -> float:
    """What `public/funding-rate` holds: one `{instId, fundingRate, fundingTime, nextFundingTime}`.

    The interval is what lies between the two times. Raises Malformed.
    """
    with wire.reading(market.venue, "funding"):
        (swap,) = map(_SWAP.decode, rows)
        if swap.inst_id != market.market_id:
            raise ValueError("the rate of another market")
        hours = (swap.next_funding_time - swap.funding_time) / _HOUR_MS
        if not 1 <= hours <= 168:  # noqa: PLR2004 -- a week: the bounds of `Hours`
            raise ValueError(f"{hours:g} hours between two fundings")
        return swap.funding_rate / hours
