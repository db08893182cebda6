"""OKX's spot market and its linear perpetuals ("swaps"), read without a key.

Source: https://www.okx.com/docs-v5/en/#order-book-trading-market-data and
https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from defi_analytics.domain.book import Candle, Levels, OrderBook, checked_book
from defi_analytics.domain.market import Market, MarketKey, MarketKind, MarketStatus
from defi_analytics.domain.snapshot import Listing, Problem
from defi_analytics.errors import NotFound, UnknownMarket
from defi_analytics.ports import Clock, HttpClient
from defi_analytics.venues import wire
from defi_analytics.venues.funding import parse_okx_funding
from defi_analytics.venues.okx_envelope import rows_of
from defi_analytics.venues.tickers import Ticker, ticker_listing
from defi_analytics.venues.wire import Amount, Fees, Milliseconds, Price, Side, Text

VENUES = {MarketKind.SPOT: "okx", MarketKind.PERPETUAL: "okx-perp"}
TYPES = {MarketKind.SPOT: "SPOT", MarketKind.PERPETUAL: "SWAP"}
DEPTH = 100
PAGES = {"candles": 300, "history-candles": 100}
"""Rows a request may ask for; the first holds the latest 1,440 candles, the second older ones."""
BARS = {
    60: "1m", 180: "3m", 300: "5m", 900: "15m", 1_800: "30m", 3_600: "1H", 7_200: "2H", 14_400: "4H",
    21_600: "6Hutc", 43_200: "12Hutc", 86_400: "1Dutc", 604_800: "1Wutc",
}  # fmt: skip
"""From 6 h on, plain bars would begin at midnight in Hong Kong."""
STATUSES = {"live": MarketStatus.ACTIVE, "expired": MarketStatus.CLOSED}


class _Ticker(msgspec.Struct, gc=False, rename="camel"):
    inst_id: Text
    bid_px: str
    ask_px: str
    ts: Milliseconds


class _Instrument(msgspec.Struct, rename="camel"):
    """A swap names its assets in `uly` and `ctValCcy`; spot leaves those empty and fills base and quote."""

    inst_id: Text
    state: str
    tick_sz: str
    lot_sz: str
    min_sz: str
    base_ccy: str = ""
    quote_ccy: str = ""
    uly: str = ""
    ct_type: str = ""
    ct_val: str = ""
    ct_mult: str = ""
    ct_val_ccy: str = ""


class _Book(msgspec.Struct, gc=False):
    bids: Side
    asks: Side
    ts: Milliseconds


class _Candle(wire.CandleRow, array_like=True, gc=False):
    """On swaps `volume` counts contracts and this is the base; on spot this is the quote."""

    currency: Amount


_TICKER = msgspec.json.Decoder(_Ticker, strict=False)
_INSTRUMENT = msgspec.json.Decoder(_Instrument)
_BOOK = msgspec.json.Decoder(_Book, strict=False)
_CANDLE = msgspec.json.Decoder(_Candle, strict=False)


class Described(NamedTuple):
    market: Market
    contract: Decimal
    """In base; 1 on spot."""


@dataclass(frozen=True, slots=True)
class OkxMarketData:
    """Reads spot or linear swaps under https://www.okx.com, as a venue each.

    Swaps are traded in contracts; everything leaves here in base units. Swaps that are not linear (settled
    in the coin itself) are left out.
    """

    http: HttpClient
    clock: Clock
    base_url: str
    taker_fee: Decimal
    maker_fee: Decimal
    kind: MarketKind = MarketKind.SPOT
    _contracts: dict[str, Decimal] = field(default_factory=dict, init=False, repr=False)

    @property
    def venue(self) -> str:
        return VENUES[self.kind]

    async def listing(self) -> Listing:
        """The bests of every instrument; of swaps also the instruments, which alone tell the linear ones."""
        fees = Fees(self.taker_fee, self.maker_fee)
        kind = {"instType": TYPES[self.kind]}
        if self.kind is MarketKind.SPOT:
            body = await self._get("market/tickers", kind)
            return parse_listing(body, self.kind, fees, self.clock.now())
        tickers, instruments = await wire.together(
            self._get("market/tickers", kind), self._get("public/instruments", kind)
        )
        swaps, problems = parse_swaps(instruments, fees)
        self._contracts.update({swap.market.market_id: swap.contract for swap in swaps})
        linear = {swap.market.market_id: swap.market for swap in swaps}
        found = parse_listing(tickers, self.kind, fees, self.clock.now(), linear)
        return replace(found, problems=problems + found.problems)

    async def details(self, market: Market) -> Market:
        return market if market.price_tick else (await self._describe(market)).market

    async def order_book(self, market: Market) -> OrderBook:
        """The best 100 levels a side, in base units."""
        contract = await self._contract(market)
        body = await self._get("market/books", {"instId": market.market_id, "sz": str(DEPTH)})
        return parse_order_book(body, market.key, contract)

    async def funding_hourly(self, market: Market) -> float | None:
        if market.kind is not MarketKind.PERPETUAL:
            return None
        body = await self._get("public/funding-rate", {"instId": market.market_id})
        return parse_okx_funding(rows_of(self.venue, body, "funding"), market)

    async def candles(
        self, market: Market, resolution_s: int, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        if resolution_s not in BARS:
            raise NotFound(self.venue, f"no candles of {resolution_s} s")
        found: list[Candle] = []
        since, older = wire.to_milliseconds(start), wire.to_milliseconds(end) + 1
        for path, limit in PAGES.items():
            left = wire.most_pages(end - start, resolution_s, limit)
            while older > since and (left := left - 1) >= 0:
                request = {"instId": market.market_id, "bar": BARS[resolution_s], "limit": str(limit)}
                # `after` is the venue's word for "older than this".
                body = await self._get(f"market/{path}", {**request, "after": str(older)})
                page = parse_candles(body, market.key, resolution_s, wire.utc(older))
                found[:0] = page
                older = wire.to_milliseconds(page[0].at) if page else older
                if len(page) < limit:
                    break
        return [candle for candle in found if candle.at >= start]

    async def _get(self, path: str, params: Mapping[str, str]) -> bytes:
        return await self.http.get(self.venue, f"{self.base_url}/api/v5/{path}", params)

    async def _describe(self, market: Market) -> Described:
        request = {"instType": TYPES[self.kind], "instId": market.market_id}
        described = parse_details(await self._get("public/instruments", request), market)
        self._contracts[market.market_id] = described.contract
        return described

    async def _contract(self, market: Market) -> Decimal:
        if self.kind is MarketKind.SPOT:
            return Decimal(1)
        return self._contracts.get(market.market_id) or (await self._describe(market)).contract


def parse_listing(
    body: bytes,
    kind: MarketKind,
    fees: Fees,
    received: datetime,
    swaps: Mapping[str, Market] | None = None,
) -> Listing:
    """The answer to `market/tickers`: `[{instId, bidPx, askPx, ts}]`, an empty price being no order.

    A swap that is not among `swaps` is left out. Raises Malformed, RateLimited, Unavailable.
    """
    rows = rows_of(VENUES[kind], body, "listing")

    def read(row: msgspec.Raw) -> Ticker | None:
        told = _TICKER.decode(row)
        if swaps is not None and told.inst_id not in swaps:
            return None
        best = (told.bid_px, told.ask_px)
        bid, ask = (msgspec.convert(text, Price, strict=False) if text else 0.0 for text in best)
        return Ticker(told.inst_id, *_names(told.inst_id, kind), bid, ask, wire.utc(told.ts))

    def make(ticker: Ticker) -> Market:
        return _market(ticker.market_id, kind, fees) if swaps is None else swaps[ticker.market_id]

    return ticker_listing(VENUES[kind], rows, read, make, received)


def parse_swaps(body: bytes, fees: Fees) -> tuple[list[Described], tuple[Problem, ...]]:
    """The linear ones in the answer to `public/instruments`. Raises Malformed, RateLimited, Unavailable."""

    def read(row: msgspec.Raw) -> Described | None:
        instrument = _INSTRUMENT.decode(row)
        if instrument.ct_type != "linear":
            return None
        return _described(_market(instrument.inst_id, MarketKind.PERPETUAL, fees), instrument)

    rows = rows_of(VENUES[MarketKind.PERPETUAL], body, "instruments")
    return wire.each(VENUES[MarketKind.PERPETUAL], rows, read)


def parse_details(body: bytes, market: Market) -> Described:
    """One instrument of `public/instruments`.

    Raises UnknownMarket (also for a swap that is not linear), Malformed, RateLimited, Unavailable.
    """
    for row in rows_of(market.venue, body, "instruments"):
        with wire.reading(market.venue, "instrument"):
            instrument = _INSTRUMENT.decode(row)
            if instrument.inst_id != market.market_id:
                raise ValueError("another instrument than was asked for")
            if market.kind is MarketKind.SPOT or instrument.ct_type == "linear":
                return _described(market, instrument)
    raise UnknownMarket(market.venue, f"no market {market.market_id!r}")


def parse_order_book(body: bytes, key: MarketKey, contract: Decimal) -> OrderBook:
    """The answer to `market/books`: `[{bids: [[price, quantity, "0", orders]], asks, ts}]`.

    Raises UnknownMarket, Malformed, RateLimited, Unavailable.
    """
    rows = rows_of(key.venue, body, "order book")
    with wire.reading(key.venue, "order book"):
        (book,) = map(_BOOK.decode, rows)
        truncated = max(len(book.bids), len(book.asks)) >= DEPTH
        bids, asks = (_in_base(wire.levels(side), contract) for side in (book.bids, book.asks))
        return checked_book(key, bids, asks, wire.utc(book.ts), truncated=truncated)


def parse_candles(body: bytes, key: MarketKey, step_s: int, older: datetime) -> Sequence[Candle]:
    """The answer to `market/candles`, newest first as sent, oldest first as returned.

    Raises UnknownMarket, Malformed (also for a candle too young or off the grid), RateLimited, Unavailable.
    """
    with wire.reading(key.venue, "candles"):
        rows = [_CANDLE.decode(row) for row in reversed(rows_of(key.venue, body, "candles"))]
        found = wire.candles(rows, step_s)
        if found and found[-1].at >= older:
            raise ValueError("outside the period asked for")
    if key.venue == VENUES[MarketKind.SPOT]:
        return found
    return [replace(candle, volume=row.currency) for candle, row in zip(found, rows, strict=True)]


def _names(inst_id: str, kind: MarketKind) -> tuple[str, str]:
    match inst_id.split("-"):
        case [base, quote] if base and quote and kind is MarketKind.SPOT:
            return base, quote
        case [base, quote, "SWAP"] if base and quote and kind is MarketKind.PERPETUAL:
            return base, quote
    raise ValueError("an instrument id of another form")


def _market(inst_id: str, kind: MarketKind, fees: Fees) -> Market:
    return wire.market_without_grid(VENUES[kind], inst_id, kind, *_names(inst_id, kind), fees)


def _described(market: Market, told: _Instrument) -> Described:
    swap = market.kind is MarketKind.PERPETUAL
    names = (told.ct_val_ccy, told.uly.rpartition("-")[2]) if swap else (told.base_ccy, told.quote_ccy)
    if names != (market.base, market.quote):
        raise ValueError("its assets are not those of its name")
    contract = wire.step(told.ct_val, "ctVal") * wire.step(told.ct_mult, "ctMult") if swap else Decimal(1)
    described = replace(
        market,
        price_tick=wire.step(told.tick_sz, "tickSz"),
        quantity_tick=wire.step(told.lot_sz, "lotSz") * contract,
        min_quantity=wire.exact(told.min_sz or "0") * contract,
        status=STATUSES.get(told.state, MarketStatus.PAUSED),
    )
    return Described(described, contract)


def _in_base(side: Levels, contract: Decimal) -> Levels:
    """Through Decimal, so that 3 contracts of 0.1 are 0.3."""
    if contract == 1:
        return side
    return Levels(side.prices, tuple(float(Decimal(repr(held)) * contract) for held in side.quantities))
