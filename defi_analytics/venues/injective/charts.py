"""Candles, from a service that moved: each known root is tried until one answers.

Source: GET {root}/{spot,derivative}/history, in the UDF format of charting libraries: parallel arrays, times
in seconds, prices and volumes in human units. Its `errmsg` says nothing: it comes with good answers too.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from defi_analytics.domain.book import Candle
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.errors import DataError, NotFound, Unavailable
from defi_analytics.ports import HttpClient
from defi_analytics.venues.wire import checked_candles, reading, to_milliseconds, utc

SOURCE = "injective-charts"
MAX_CANDLES = 50_000
RESOLUTIONS = {60 * minutes: str(minutes) for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360)} | {
    86_400: "1D",
    604_800: "1W",
}
"""The service's name of each candle length, by seconds."""

Seconds = Annotated[int, msgspec.Meta(ge=0, lt=4_102_444_800)]
Times = Annotated[list[Seconds], msgspec.Meta(max_length=MAX_CANDLES)]
Prices = list[Annotated[float, msgspec.Meta(gt=0, le=1e18)]]
Volumes = list[Annotated[float, msgspec.Meta(ge=0, le=1e30)]]


class _History(msgspec.Struct, gc=False):
    s: Literal["ok", "no_data", "error"]
    t: Times = []
    o: Prices = []
    h: Prices = []
    l: Prices = []  # noqa: E741  (the format's own name)
    c: Prices = []
    v: Volumes = []


_HISTORY = msgspec.json.Decoder(_History)


class Charts:
    """Remembers which root answered last and asks that one first."""

    def __init__(self, http: HttpClient, roots: Sequence[str]) -> None:
        self._http = http
        self._roots = list(roots)

    async def candles(
        self, market: Market, resolution_s: int, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        """Candles opened in [start, end], oldest first.

        Raises NotFound for a length the service does not cut, else what the likeliest root raised when none
        answered.
        """
        if resolution_s not in RESOLUTIONS:
            known = ", ".join(f"{one / 60:g}" for one in RESOLUTIONS)
            raise NotFound(SOURCE, f"no candles of {resolution_s / 60:g} min", hint=f"minutes: {known}")
        params = {
            "marketId": market.market_id,
            "resolution": RESOLUTIONS[resolution_s],
            "from": str(to_milliseconds(start) // 1_000),
            "to": str(to_milliseconds(end) // 1_000),
        }
        folder = "spot" if market.kind is MarketKind.SPOT else "derivative"
        candles = await self._first(f"{folder}/history", params)
        return [candle for candle in candles if start <= candle.at <= end]

    async def _first(self, path: str, params: dict[str, str]) -> Sequence[Candle]:
        errors: list[DataError] = []
        for root in tuple(self._roots):
            try:
                candles = parse_candles(SOURCE, await self._http.get(SOURCE, f"{root}/{path}", params))
            except DataError as error:
                errors.append(error)
                continue
            self._roots.sort(key=root.__ne__)
            return candles
        if not errors:
            raise Unavailable(SOURCE, "this network has no candle service")
        raise errors[0]


def parse_candles(source: str, body: bytes) -> Sequence[Candle]:
    """Oldest first; empty when the service has none. Raises Unavailable when it reports its own failure."""
    with reading(source, "candles"):
        history = _HISTORY.decode(body)
        if history.s != "error":
            return checked_candles(_candles(history))
    raise Unavailable(source, "the candle service reports an error")


def _candles(history: _History) -> list[Candle]:
    columns = (history.o, history.h, history.l, history.c, history.v)
    rows = zip(history.t, *columns, strict=True)
    return [Candle(utc(at * 1_000), *row) for at, *row in rows]
