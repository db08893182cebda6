"""Hyperliquid's perpetuals: an on-chain order book, quoted and settled in USDC, read without a key.

Source: https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint/perpetuals
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from defi_analytics.domain.book import Candle, Levels, OrderBook, Top, checked_book, checked_top
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.snapshot import Listing
from defi_analytics.errors import NotFound, UnknownMarket
from defi_analytics.ports import Clock, HttpClient
from defi_analytics.venues.wire import (
    MAX_LEVELS,
    Amount,
    Fees,
    Listed,
    Milliseconds,
    Price,
    Quantity,
    Text,
    checked_candles,
    listing,
    reading,
    to_milliseconds,
    utc,
)

VENUE = "hyperliquid"
QUOTE = "USDC"
DEPTH = 20
"""Levels a side that the venue tells; a side this long is cut."""
MIN_NOTIONAL = Decimal(10)
"""In USDC. No endpoint tells it; the venue's list of order errors does ("minimum value of $10").

Source: https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/error-responses
"""
PRICE_DECIMALS = 6
INTERVALS = {
    60: "1m", 180: "3m", 300: "5m", 900: "15m", 1_800: "30m", 3_600: "1h", 7_200: "2h", 14_400: "4h",
    28_800: "8h", 43_200: "12h", 86_400: "1d", 259_200: "3d", 604_800: "1w",
}  # fmt: skip


class _Level(msgspec.Struct, gc=False):
    px: Price
    sz: Quantity


_Side = Annotated[list[_Level], msgspec.Meta(max_length=MAX_LEVELS)]


class _Book(msgspec.Struct, gc=False):
    coin: Text
    time: Milliseconds
    levels: tuple[_Side, _Side]


class _Meta(msgspec.Struct, gc=False):
    universe: list[msgspec.Raw]
    # The index of the token everything is quoted in; 0 is USDC, and older answers leave it out.
    collateralToken: int = 0  # noqa: N815  the venue's spelling


class _Asset(msgspec.Struct, gc=False, rename={"size_decimals": "szDecimals", "delisted": "isDelisted"}):
    name: Text
    size_decimals: Annotated[int, msgspec.Meta(ge=0, le=PRICE_DECIMALS)]
    delisted: bool | None = None


class _Context(msgspec.Struct, gc=False, rename={"mid": "midPx", "mark": "markPx"}):
    mark: Price
    funding: Annotated[float, msgspec.Meta(ge=-1, le=1)]
    mid: Price | None = None


class _Candle(msgspec.Struct, gc=False):
    t: Milliseconds
    o: Price
    h: Price
    l: Price  # noqa: E741  the venue's spelling
    c: Price
    v: Amount


_LISTING = msgspec.json.Decoder(tuple[_Meta, list[msgspec.Raw]], strict=False)
_ASSET = msgspec.json.Decoder(_Asset)
_CONTEXT = msgspec.json.Decoder(_Context, strict=False)
_BOOK = msgspec.json.Decoder(_Book | None, strict=False)
_CANDLES = msgspec.json.Decoder(list[_Candle] | None, strict=False)


@dataclass(frozen=True, slots=True)
class HyperliquidMarketData:
    """Reads `POST {base_url}/info`."""

    http: HttpClient
    clock: Clock
    base_url: str
    taker_fee: Decimal
    maker_fee: Decimal
    min_notional: Decimal = MIN_NOTIONAL

    @property
    def venue(self) -> str:
        return VENUE

    async def listing(self) -> Listing:
        body = await self._info({"type": "metaAndAssetCtxs"})
        return parse_listing(body, self.clock.now(), Fees(self.taker_fee, self.maker_fee), self.min_notional)

    async def details(self, market: Market) -> Market:
        return market

    async def order_book(self, market: Market) -> OrderBook:
        """At most 20 levels a side: what lies beyond is unknown, and the book says so."""
        return parse_order_book(await self._info({"type": "l2Book", "coin": market.market_id}), market.key)

    async def funding_hourly(self, market: Market) -> float | None:
        """From a listing of its own: whoever has one knows it already, as its `Top.funding_hourly`."""
        top = (await self.listing()).tops.get(market.market_id)
        return None if top is None else top.funding_hourly

    async def candles(
        self, market: Market, resolution_s: int, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        """The venue keeps the most recent 5,000 candles of a resolution; older ones are missing."""
        if resolution_s not in INTERVALS:
            raise NotFound(VENUE, f"no candles of {resolution_s} s")
        period = {"startTime": to_milliseconds(start), "endTime": to_milliseconds(end)}
        request = {"coin": market.market_id, "interval": INTERVALS[resolution_s], **period}
        found = parse_candles(await self._info({"type": "candleSnapshot", "req": request}), market.key)
        # The answer begins with the candle that was open at `start`.
        return [candle for candle in found if start <= candle.at <= end]

    async def _info(self, request: Mapping[str, Any]) -> bytes:
        return await self.http.post(
            VENUE,
            f"{self.base_url}/info",
            msgspec.json.encode(request),
            {"content-type": "application/json"},
            idempotent=True,
        )


def parse_listing(body: bytes, received: datetime, fees: Fees, min_notional: Decimal) -> Listing:
    """The answer to `metaAndAssetCtxs`: `[{universe}, [context]]`, the two lists matched by position.

    A price has at most 5 significant figures and at most 6 - szDecimals decimals (whole numbers are always
    allowed), so no one step fits; `price_tick` is the finest, 10^-(6-szDecimals), on which every price lies.
    `impactPxs` are prices for a fixed notional, not the top of the book, so a top holds the mid price only.
    Funding is hourly as sent. A coin such as kPEPE (1,000 PEPE) stays a base asset of its own.
    Raises Malformed.
    Source: https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/tick-and-lot-size
    """
    with reading(VENUE, "listing"):
        meta, contexts = _LISTING.decode(body)
        if meta.collateralToken != 0:
            raise ValueError(f"quoted in token {meta.collateralToken}, which is not {QUOTE}")
        if len(meta.universe) != len(contexts):
            raise ValueError(f"{len(meta.universe)} assets but {len(contexts)} contexts")

    def read(row: tuple[msgspec.Raw, msgspec.Raw]) -> Listed | None:
        asset = _ASSET.decode(row[0])
        if asset.delisted:
            return None
        market = _market(asset, fees, min_notional)
        return Listed(market, _top(market.key, _CONTEXT.decode(row[1]), received))

    return listing(VENUE, zip(meta.universe, contexts, strict=True), read)


def parse_order_book(body: bytes, key: MarketKey) -> OrderBook:
    """The answer to `l2Book`: null for a coin it does not know. Raises UnknownMarket, Malformed."""
    with reading(VENUE, "order book"):
        book = _BOOK.decode(body)
        if book is not None:
            if book.coin != key.market_id:
                raise ValueError("the book of another market")
            truncated = max(map(len, book.levels)) >= DEPTH
            bids, asks = map(_levels, book.levels)
            return checked_book(key, bids, asks, utc(book.time), truncated=truncated)
    raise UnknownMarket(VENUE, f"no market {key.market_id!r}")


def parse_candles(body: bytes, key: MarketKey) -> Sequence[Candle]:
    """The answer to `candleSnapshot`, oldest first. Raises UnknownMarket, Malformed."""
    with reading(VENUE, "candles"):
        rows = _CANDLES.decode(body)
        if rows is not None:
            return checked_candles([Candle(utc(r.t), r.o, r.h, r.l, r.c, r.v) for r in rows])
    raise UnknownMarket(VENUE, f"no market {key.market_id!r}")


def _levels(side: Sequence[_Level]) -> Levels:
    return Levels(tuple(row.px for row in side), tuple(row.sz for row in side))


def _market(asset: _Asset, fees: Fees, min_notional: Decimal) -> Market:
    return Market(
        venue=VENUE,
        market_id=asset.name,
        ticker=f"{asset.name}-PERP",
        kind=MarketKind.PERPETUAL,
        base=asset.name,
        quote=QUOTE,
        price_tick=Decimal(1).scaleb(asset.size_decimals - PRICE_DECIMALS),
        quantity_tick=Decimal(1).scaleb(-asset.size_decimals),
        min_notional=min_notional,
        min_quantity=Decimal(0),
        maker_fee=fees.maker,
        taker_fee=fees.taker,
    )


def _top(key: MarketKey, context: _Context, received: datetime) -> Top:
    return checked_top(Top(key, received, mid=context.mid, mark=context.mark, funding_hourly=context.funding))
