"""Binance's spot market and its USD-margined perpetuals, read without a key.

Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints and
https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, NamedTuple

import msgspec

from defi_analytics.domain.book import Candle, OrderBook, checked_book
from defi_analytics.domain.market import Market, MarketKey, MarketKind, MarketStatus
from defi_analytics.domain.quote import Quote
from defi_analytics.domain.snapshot import Listing, Problem
from defi_analytics.errors import DataError, Malformed, NotFound, Unavailable, UnknownMarket
from defi_analytics.ports import Clock, HttpClient
from defi_analytics.venues import wire
from defi_analytics.venues.funding import BinanceIntervals, parse_binance_funding
from defi_analytics.venues.tickers import Ticker, ticker_listing
from defi_analytics.venues.wire import Amount, Fees, Milliseconds, Price, Side, Text

VENUES = {MarketKind.SPOT: "binance", MarketKind.PERPETUAL: "binance-perp"}
PATHS = {MarketKind.SPOT: "/api/v3", MarketKind.PERPETUAL: "/fapi/v1"}
DEPTH = 100
PAGE = 1_000
QUOTES = frozenset((
    "FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USD1", "AEUR", "EURI", "BTC", "ETH", "BNB", "EUR", "TRY",
    "BRL", "JPY", "ARS", "MXN", "PLN", "RON", "ZAR", "UAH", "CZK", "COP", "IDR", "AUD", "GBP", "DOGE", "SOL",
))  # fmt: skip
"""Quote assets by which a listed symbol is split, by the longest that it ends with."""
INTERVALS = {
    60: "1m", 180: "3m", 300: "5m", 900: "15m", 1_800: "30m", 3_600: "1h", 7_200: "2h", 14_400: "4h",
    21_600: "6h", 28_800: "8h", 43_200: "12h", 86_400: "1d", 259_200: "3d", 604_800: "1w",
}  # fmt: skip
STATUSES = {"TRADING": MarketStatus.ACTIVE, "CLOSE": MarketStatus.CLOSED, "SETTLING": MarketStatus.CLOSED}


class _Ticker(msgspec.Struct, gc=False, rename="camel"):
    symbol: Text
    bid_price: Amount
    ask_price: Amount
    time: Milliseconds | None = None


class _Premium(msgspec.Struct, gc=False, rename="camel"):
    symbol: Text
    mark_price: Price


class _Depth(msgspec.Struct, gc=False, rename={"sequence": "lastUpdateId", "sent": "E"}):
    sequence: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    bids: Side
    asks: Side
    sent: Milliseconds | None = None


class _Filter(msgspec.Struct, gc=False, rename="camel"):
    filter_type: str
    tick_size: str | None = None
    step_size: str | None = None
    min_qty: str | None = None
    min_notional: str | None = None
    # What the perpetuals call their minimum notional.
    notional: str | None = None


class _Instrument(msgspec.Struct, rename="camel"):
    symbol: Text
    status: str
    base_asset: Text
    quote_asset: Text
    filters: list[_Filter]


class _ExchangeInfo(msgspec.Struct):
    symbols: list[msgspec.Raw]


_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_TICKER = msgspec.json.Decoder(_Ticker, strict=False)
_PREMIUM = msgspec.json.Decoder(_Premium, strict=False)
_DEPTH = msgspec.json.Decoder(_Depth, strict=False)
_EXCHANGE_INFO = msgspec.json.Decoder(_ExchangeInfo)
_INSTRUMENT = msgspec.json.Decoder(_Instrument)
_CANDLES = msgspec.json.Decoder(list[wire.CandleRow], strict=False)
_NO_RULE = _Filter("")


class Fetched(NamedTuple):
    """Mark prices by symbol, and what could not be read of them."""

    marks: Mapping[str, float]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class BinanceMarketData:
    """Reads spot (https://api.binance.com) or perpetuals (https://fapi.binance.com), as a venue each."""

    http: HttpClient
    clock: Clock
    base_url: str
    taker_fee: Decimal
    maker_fee: Decimal
    kind: MarketKind = MarketKind.SPOT
    _intervals: BinanceIntervals = field(default_factory=BinanceIntervals, init=False, repr=False)

    @property
    def venue(self) -> str:
        return VENUES[self.kind]

    async def listing(self) -> Listing:
        """The bests of every symbol, and at once perpetuals' marks, which are only a problem if they fail."""
        if self.kind is MarketKind.SPOT:
            return self._listed(await self._get("ticker/bookTicker", {}), {})
        body, fetched = await wire.together(self._get("ticker/bookTicker", {}), self._marks())
        found = self._listed(body, fetched.marks)
        return replace(found, problems=found.problems + fetched.problems)

    async def details(self, market: Market) -> Market:
        if market.price_tick:
            return market
        return parse_details(await self._get_of(market.market_id, "exchangeInfo", {}), market)

    async def order_book(self, market: Market) -> OrderBook:
        """The best 100 levels a side. Spot tells no time, so its book is dated when it was received."""
        body = await self._get_of(market.market_id, "depth", {"limit": str(DEPTH)})
        return parse_order_book(body, market.key, self.clock.now())

    async def funding_hourly(self, market: Market) -> float | None:
        if market.kind is not MarketKind.PERPETUAL:
            return None
        asked = self._get_of(market.market_id, "premiumIndex", {})
        known = self._intervals.hours(self.venue, self._get, self.clock.now())
        return parse_binance_funding(*await wire.together(asked, known), market)

    async def candles(
        self, market: Market, resolution_s: int, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        if resolution_s not in INTERVALS:
            raise NotFound(self.venue, f"no candles of {resolution_s} s")
        found: list[Candle] = []
        since, last = wire.to_milliseconds(start), wire.to_milliseconds(end)
        left = wire.most_pages(end - start, resolution_s, PAGE)
        while since <= last and (left := left - 1) >= 0:
            period = {"startTime": str(since), "endTime": str(last), "limit": str(PAGE)}
            request = {"interval": INTERVALS[resolution_s], **period}
            body = await self._get_of(market.market_id, "klines", request)
            page = parse_candles(self.venue, body, resolution_s, wire.utc(since), wire.utc(last))
            found += page
            if len(page) < PAGE:
                break
            since = wire.to_milliseconds(page[-1].at) + 1
        return found

    async def minute_close(self, asset: str, minute: datetime) -> Quote:
        """In USDT, dated when the minute ended. Raises Unavailable while that lies ahead."""
        end = minute + timedelta(minutes=1)
        if self.clock.now() < end:
            raise Unavailable(self.venue, f"the minute {minute:%Y-%m-%dT%H:%MZ} has not ended")
        since = str(wire.to_milliseconds(minute))
        period = {"interval": "1m", "startTime": since, "endTime": since}
        body = await self._get_of(f"{asset}USDT", "klines", period)
        found = parse_candles(self.venue, body, 60, minute, minute)
        if not found:
            raise NotFound(self.venue, f"no candle of {asset!r} at {minute:%Y-%m-%dT%H:%M:%SZ}")
        return Quote(self.venue, asset, "USDT", found[0].close, end)

    async def _get(self, path: str, params: Mapping[str, str]) -> bytes:
        return await self.http.get(self.venue, f"{self.base_url}{PATHS[self.kind]}/{path}", params)

    async def _get_of(self, symbol: str, path: str, params: Mapping[str, str]) -> bytes:
        try:
            return await self._get(path, {"symbol": symbol, **params})
        except DataError as error:
            # Of these requests only the symbol can be wrong, and then the answer is a 400 (code -1121).
            if error.status not in (400, 404):
                raise
            raise UnknownMarket(self.venue, f"no market {symbol!r}") from error

    async def _marks(self) -> Fetched:
        try:
            return parse_marks(self.venue, await self._get("premiumIndex", {}))
        except DataError as error:
            return Fetched({}, (Problem(self.venue, error.code, error.message, error.retryable),))

    def _listed(self, body: bytes, marks: Mapping[str, float]) -> Listing:
        return parse_listing(body, marks, self.kind, self.clock.now(), Fees(self.taker_fee, self.maker_fee))


def parse_listing(
    body: bytes, marks: Mapping[str, float], kind: MarketKind, received: datetime, fees: Fees
) -> Listing:
    """The answer to `ticker/bookTicker` without a symbol: `[{symbol, bidPrice, askPrice, …}]`.

    Base and quote come from the symbol's end; `details` holds them against the venue's own names. Symbols
    with none of `QUOTES` stay unverified. A zero price is a side without orders. Perpetual symbols with an
    underscore are futures that expire, which are left out. Raises Malformed.
    """
    venue = VENUES[kind]
    with wire.reading(venue, "listing"):
        if not (rows := _ROWS.decode(body)):
            raise ValueError("no symbols at all")

    def read(row: msgspec.Raw) -> Ticker | None:
        told = _TICKER.decode(row)
        if kind is MarketKind.PERPETUAL and "_" in told.symbol:
            return None
        changed = None if told.time is None else wire.utc(told.time)
        return Ticker(told.symbol, *split(told.symbol), told.bid_price, told.ask_price, changed)

    def make(ticker: Ticker) -> Market:
        return wire.market_without_grid(venue, ticker.market_id, kind, ticker.base, ticker.quote, fees)

    return ticker_listing(venue, rows, read, make, received, marks)


def parse_marks(venue: str, body: bytes) -> Fetched:
    """The answer to `premiumIndex` without a symbol: `[{symbol, markPrice, …}]`. Raises Malformed."""
    with wire.reading(venue, "mark prices"):
        rows = _ROWS.decode(body)
    premiums, problems = wire.each(venue, rows, _PREMIUM.decode)
    return Fetched({premium.symbol: premium.mark_price for premium in premiums}, problems)


def parse_details(body: bytes, market: Market) -> Market:
    """The market with the grid, minimums and names that `exchangeInfo` tells.

    Perpetuals are answered with every symbol whatever was asked. Raises UnknownMarket, Malformed.
    """
    with wire.reading(market.venue, "exchange information"):
        rows = _EXCHANGE_INFO.decode(body).symbols
        instruments, problems = wire.each(market.venue, rows, _INSTRUMENT.decode)
        for instrument in instruments:
            if instrument.symbol == market.market_id:
                return _with_rules(market, instrument)
    if problems:
        raise Malformed(market.venue, f"no readable {market.market_id!r} in the exchange information")
    raise UnknownMarket(market.venue, f"no market {market.market_id!r}")


def parse_order_book(body: bytes, key: MarketKey, received: datetime) -> OrderBook:
    """The answer to `depth`: `{lastUpdateId, bids: [[price, quantity]], asks}`.

    Perpetuals add the times E (sent) and T (last change): a book that nobody changed is as true when it is
    sent. Raises Malformed.
    """
    with wire.reading(key.venue, "order book"):
        depth = _DEPTH.decode(body)
        truncated = max(len(depth.bids), len(depth.asks)) >= DEPTH
        at = received if depth.sent is None else wire.utc(depth.sent)
        return checked_book(
            key, wire.levels(depth.bids), wire.levels(depth.asks), at, depth.sequence, truncated=truncated
        )


def parse_candles(venue: str, body: bytes, step_s: int, start: datetime, end: datetime) -> Sequence[Candle]:
    """The answer to `klines`, oldest first. Raises Malformed, also outside the period or off `step_s`."""
    with wire.reading(venue, "candles"):
        found = wire.candles(_CANDLES.decode(body), step_s)
        if found and not start <= found[0].at <= found[-1].at <= end:
            raise ValueError("outside the period asked for")
        return found


def split(symbol: str) -> tuple[str, str]:
    """Base and quote, or two empty texts. Told by the symbol's end alone, so only probable."""
    for length in (5, 4, 3):
        if (quote := symbol[-length:]) in QUOTES and len(symbol) > length:
            return symbol[:-length], quote
    return "", ""


def _with_rules(market: Market, instrument: _Instrument) -> Market:
    told = (instrument.base_asset, instrument.quote_asset)
    if market.verified and told != (market.base, market.quote):
        raise ValueError(f"{market.market_id!r} was split into the wrong base and quote")
    rules = {rule.filter_type: rule for rule in instrument.filters}
    price, lot = rules.get("PRICE_FILTER", _NO_RULE), rules.get("LOT_SIZE", _NO_RULE)
    least = rules.get("NOTIONAL") or rules.get("MIN_NOTIONAL", _NO_RULE)
    return replace(
        market,
        base=instrument.base_asset,
        quote=instrument.quote_asset,
        price_tick=wire.step(price.tick_size, "PRICE_FILTER.tickSize"),
        quantity_tick=wire.step(lot.step_size, "LOT_SIZE.stepSize"),
        min_notional=wire.exact(least.min_notional or least.notional or "0"),
        min_quantity=wire.exact(lot.min_qty or "0"),
        status=STATUSES.get(instrument.status, MarketStatus.PAUSED),
    )
