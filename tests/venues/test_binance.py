import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from defi_analytics.domain.market import Market, MarketKey, MarketKind, MarketStatus
from defi_analytics.errors import (
    DataError,
    Malformed,
    NotFound,
    RateLimited,
    TimedOut,
    Unavailable,
    UnknownMarket,
)
from defi_analytics.venues.binance import (
    BinanceMarketData,
    parse_candles,
    parse_details,
    parse_listing,
    parse_marks,
    parse_order_book,
    split,
)
from defi_analytics.venues.wire import Fees
from tests.fakes import NOON, Answer, FakeClock, FakeHttp
from tests.shared_data import shared, shared_json

FEES = Fees(Decimal("0.001"), Decimal("0.0009"))
SAMPLES = "samples/venues/binance"
KEY = MarketKey("binance", "INJUSDT")
MINUTE = timedelta(minutes=1)


def ticker(symbol: str, bid: str = "5.1", ask: str = "5.2", **more: Any) -> dict[str, Any]:
    return {"symbol": symbol, "bidPrice": bid, "askPrice": ask, **more}


def listed(
    *rows: dict[str, Any], kind: MarketKind = MarketKind.SPOT, marks: Mapping[str, float] | None = None
) -> Any:
    return parse_listing(json.dumps(rows).encode(), marks or {}, kind, NOON, FEES)


def venue(
    answers: dict[str, Answer], kind: MarketKind = MarketKind.SPOT
) -> tuple[BinanceMarketData, FakeHttp]:
    http = FakeHttp(answers)
    return BinanceMarketData(http, FakeClock(), "https://b.test", *FEES, kind), http


def inj() -> Market:
    market: Market = listed(ticker("INJUSDT")).markets["INJUSDT"]
    return market


def candle(at: datetime, close: str = "5.1") -> list[Any]:
    return [int(at.timestamp() * 1000), "5", "6", "4", close, "7.5", 0, "38", 3, "0", "0", "0"]


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [
        ("INJUSDT", "INJ", "USDT"),
        ("INJBTC", "INJ", "BTC"),
        ("FDUSDUSDT", "FDUSD", "USDT"),
        ("BTCFDUSD", "BTC", "FDUSD"),
        ("USDTTRY", "USDT", "TRY"),
        ("1000PEPEUSDT", "1000PEPE", "USDT"),
        ("EURUSDC", "EUR", "USDC"),
        ("USDT", "", ""),
        ("XYZQQQ", "", ""),
        ("", "", ""),
    ],
)
def test_a_symbol_is_split_by_the_quote_it_ends_with(symbol: str, base: str, quote: str) -> None:
    assert split(symbol) == (base, quote)


def test_a_symbol_of_no_known_quote_is_listed_but_never_compared() -> None:
    market = listed(ticker("XYZQQQ")).markets["XYZQQQ"]
    assert not market.verified
    assert market.ticker == "XYZQQQ"


def test_a_zero_price_is_a_side_without_orders() -> None:
    listing = listed(ticker("INJUSDT", "0.00000000"), ticker("OLDUSDT", "0.0", "0.0"))
    assert (listing.tops["INJUSDT"].bid, listing.tops["INJUSDT"].ask) == (None, 5.2)
    assert "OLDUSDT" in listing.markets
    assert "OLDUSDT" not in listing.tops


def test_perpetuals_carry_their_mark_and_the_venues_time_but_no_funding_of_unknown_interval() -> None:
    rows = (ticker("INJUSDT", time=1_767_355_199_000), ticker("BTCUSDT_260327"), ticker("OLDUSDT", "0", "0"))
    listing = listed(*rows, kind=MarketKind.PERPETUAL, marks={"INJUSDT": 5.15, "OLDUSDT": 0.7})
    assert list(listing.markets) == ["INJUSDT", "OLDUSDT"]
    top = listing.tops["INJUSDT"]
    assert (top.mark, top.funding_hourly, top.at) == (5.15, None, NOON - timedelta(seconds=1))
    assert listing.tops["OLDUSDT"].mark == 0.7
    assert listing.markets["INJUSDT"].key == ("binance-perp", "INJUSDT")


def test_an_unreadable_mark_is_dropped_alone() -> None:
    rows = [{"symbol": "INJUSDT", "markPrice": "5.15"}, {"symbol": "BADUSDT", "markPrice": "0"}]
    marks, problems = parse_marks("binance-perp", json.dumps(rows).encode())
    assert marks == {"INJUSDT": 5.15}
    assert len(problems) == 1


async def test_a_listing_of_perpetuals_survives_without_marks_and_says_so() -> None:
    error = RateLimited("binance-perp", "slow down", retry_after_s=3)
    answers = {"bookTicker": json.dumps([ticker("INJUSDT")]).encode(), "premiumIndex": error}
    data, http = venue(answers, MarketKind.PERPETUAL)
    listing = await data.listing()
    assert listing.tops["INJUSDT"].mark is None
    assert [(p.code, p.message, p.retryable) for p in listing.problems] == [
        ("RATE_LIMITED", error.message, True)
    ]
    assert sorted(http.requests) == [
        "GET https://b.test/fapi/v1/premiumIndex",
        "GET https://b.test/fapi/v1/ticker/bookTicker",
    ]


async def test_a_listing_of_perpetuals_fails_with_its_prices() -> None:
    data, _ = venue(
        {"bookTicker": TimedOut("binance-perp", "late"), "premiumIndex": b"[]"}, MarketKind.PERPETUAL
    )
    with pytest.raises(TimedOut):
        await data.listing()


def instrument(**changed: Any) -> bytes:
    rules = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.00100000"},
        {"filterType": "LOT_SIZE", "stepSize": "0.01000000", "minQty": "0.02000000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
    ]
    told = {
        "symbol": "INJUSDT",
        "status": "TRADING",
        "baseAsset": "INJ",
        "quoteAsset": "USDT",
        "filters": rules,
    }
    return json.dumps({"symbols": [{**told, "symbol": "OTHER"}, {**told, **changed}]}).encode()


def test_details_tell_the_grid_and_the_minimums() -> None:
    market = parse_details(instrument(), inj())
    assert (market.price_tick, market.quantity_tick) == (Decimal("0.001"), Decimal("0.01"))
    assert (market.min_notional, market.min_quantity) == (Decimal(5), Decimal("0.02"))
    assert market.status is MarketStatus.ACTIVE


@pytest.mark.parametrize(
    ("status", "meaning"),
    [("BREAK", "paused"), ("HALT", "paused"), ("SETTLING", "closed"), ("\x1b[2J", "paused")],
)
def test_only_a_trading_market_is_active(status: str, meaning: str) -> None:
    assert parse_details(instrument(status=status), inj()).status == meaning


def test_a_symbol_that_was_split_wrongly_is_malformed_rather_than_compared() -> None:
    with pytest.raises(Malformed, match="wrong base and quote"):
        parse_details(instrument(baseAsset="INJU", quoteAsset="SDT"), inj())


def test_details_name_the_assets_of_a_symbol_that_could_not_be_split() -> None:
    market = replace(inj(), base="", quote="")
    assert parse_details(instrument(quoteAsset="QQQ"), market).quote == "QQQ"


def test_perpetuals_call_their_minimum_notional_by_another_name() -> None:
    rules = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.001"},
        {"filterType": "LOT_SIZE", "stepSize": "0.1"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
    ]
    market = parse_details(instrument(filters=rules), inj())
    assert (market.min_notional, market.min_quantity) == (5, 0)


@pytest.mark.parametrize(
    "rules", [[], [{"filterType": "PRICE_FILTER", "tickSize": "0.00"}], [{"filterType": "LOT_SIZE"}]]
)
def test_a_grid_that_is_not_told_is_malformed(rules: list[Any]) -> None:
    with pytest.raises(Malformed, match="is not told"):
        parse_details(instrument(filters=rules), inj())


def test_details_without_the_market_are_unknown_unless_a_row_was_unreadable() -> None:
    with pytest.raises(UnknownMarket):
        parse_details(instrument(symbol="ELSE"), inj())
    with pytest.raises(Malformed, match="no readable 'INJUSDT'"):
        parse_details(instrument(baseAsset=7), inj())


async def test_details_are_asked_only_while_the_grid_is_unknown() -> None:
    data, http = venue({"exchangeInfo": instrument()})
    market = await data.details(inj())
    assert await data.details(market) is market
    assert http.requests == ["GET https://b.test/api/v3/exchangeInfo?symbol=INJUSDT"]


@pytest.mark.parametrize("status", [400, 404])
async def test_a_refused_symbol_is_an_unknown_market(status: int) -> None:
    error = DataError("binance", "HTTP error")
    error.status = status
    data, _ = venue({"": error})
    with pytest.raises(UnknownMarket):
        await data.order_book(inj())
    with pytest.raises(UnknownMarket):
        await data.minute_close("NOPE", NOON - MINUTE)


async def test_any_other_status_stays_what_it_was() -> None:
    error = Unavailable("binance", "HTTP error")
    error.status = 503
    data, _ = venue({"": error})
    with pytest.raises(Unavailable) as raised:
        await data.order_book(inj())
    assert raised.value is error


async def test_a_spot_book_is_dated_when_it_was_received_and_numbered_by_the_venue() -> None:
    data, http = venue({"depth": b'{"lastUpdateId":42,"bids":[["5.1","1"]],"asks":[["5.2","2"]]}'})
    book = await data.order_book(inj())
    assert (book.at, book.sequence, book.mid) == (NOON, 42, pytest.approx(5.15))
    assert http.requests == ["GET https://b.test/api/v3/depth?symbol=INJUSDT&limit=100"]


def test_a_book_as_deep_as_was_asked_is_cut() -> None:
    bids = [[str(200 - n), "1"] for n in range(100)]
    body = json.dumps({"lastUpdateId": 1, "bids": bids, "asks": []}).encode()
    assert parse_order_book(body, KEY, NOON).truncated
    body = json.dumps({"lastUpdateId": 1, "bids": bids[1:], "asks": []}).encode()
    assert not parse_order_book(body, KEY, NOON).truncated


def test_a_book_that_nobody_changed_for_long_is_dated_when_it_was_sent() -> None:
    body = b'{"lastUpdateId":1,"E":1767355199000,"T":1767350000000,"bids":[],"asks":[]}'
    assert parse_order_book(body, KEY, NOON).at == NOON - timedelta(seconds=1)


async def test_candles_are_paged_until_the_period_is_covered() -> None:
    rows = [candle(NOON + n * MINUTE) for n in range(1500)]

    def page(start: int) -> bytes:
        return json.dumps([row for row in rows if row[0] >= start][:1000]).encode()

    starts = [rows[0][0], rows[999][0] + 1]
    data, http = venue({f"startTime={start}": page(start) for start in starts})
    candles = await data.candles(inj(), 60, NOON, NOON + 1499 * MINUTE)
    assert [c.at for c in candles] == [NOON + n * MINUTE for n in range(1500)]
    assert len(http.requests) == 2
    assert "interval=1m" in http.requests[0]


async def test_a_full_last_page_ends_the_asking_when_it_reaches_the_end() -> None:
    rows = [candle(NOON + n * MINUTE) for n in range(1000)]
    data, http = venue({"klines": json.dumps(rows).encode()})
    assert len(await data.candles(inj(), 60, NOON, NOON + 999 * MINUTE)) == 1000
    assert len(http.requests) == 1


async def test_an_answer_that_does_not_move_on_is_malformed_instead_of_endless() -> None:
    rows = [candle(NOON + n * MINUTE) for n in range(1000)]
    data, http = venue({"klines": json.dumps(rows).encode()})
    with pytest.raises(Malformed, match="outside the period"):
        await data.candles(inj(), 60, NOON, NOON + 5000 * MINUTE)
    assert len(http.requests) == 2


@pytest.mark.parametrize("step_ms", [1, 59_999])
async def test_candles_closer_than_asked_for_are_malformed_after_one_page(step_ms: int) -> None:
    rows = [candle(NOON + timedelta(milliseconds=n * step_ms)) for n in range(1000)]
    data, http = venue({"klines": json.dumps(rows).encode()})
    with pytest.raises(Malformed, match="off the grid"):
        await data.candles(inj(), 60, NOON, NOON + timedelta(days=9))
    assert len(http.requests) == 1


async def test_a_resolution_without_a_name_is_not_asked_for() -> None:
    data, http = venue({})
    with pytest.raises(NotFound, match="7 s"):
        await data.candles(inj(), 7, NOON, NOON)
    assert http.requests == []


async def test_a_minute_close_is_dated_at_the_end_of_its_minute() -> None:
    minute = NOON - MINUTE
    data, http = venue({"klines": json.dumps([candle(minute, "5.25")]).encode()})
    quote = await data.minute_close("INJ", minute)
    assert (quote.base, quote.quote, quote.price, quote.at, quote.source) == (
        "INJ",
        "USDT",
        5.25,
        NOON,
        "binance",
    )
    ms = int(minute.timestamp() * 1000)
    assert http.requests == [
        f"GET https://b.test/api/v3/klines?symbol=INJUSDT&interval=1m&startTime={ms}&endTime={ms}"
    ]


async def test_a_minute_that_has_not_ended_has_no_close_yet() -> None:
    data, http = venue({})
    with pytest.raises(Unavailable, match="has not ended"):
        await data.minute_close("INJ", NOON - MINUTE + timedelta(seconds=1))
    assert http.requests == []


async def test_a_minute_without_a_candle_is_not_found() -> None:
    data, _ = venue({"klines": b"[]"})
    with pytest.raises(NotFound, match="no candle of 'INJ'"):
        await data.minute_close("INJ", NOON - MINUTE)


async def test_the_candle_of_another_minute_is_never_taken_for_it() -> None:
    data, _ = venue({"klines": json.dumps([candle(NOON)]).encode()})
    with pytest.raises(Malformed, match="outside the period"):
        await data.minute_close("INJ", NOON - MINUTE)


def recorded_bodies(file: Path) -> list[tuple[str, dict[str, Any]]]:
    """URL and body of each recorded answer, one a line: `url -> time: body`."""
    lines = (re.match(r"(\S+) -> [\d.]+: (.*)", line) for line in file.read_text().splitlines())
    return [(found[1], json.loads(found[2])) for found in lines if found]


def assert_same_book(body: dict[str, Any], key: MarketKey) -> None:
    book = parse_order_book(json.dumps(body).encode(), key, NOON)
    assert book.bids.prices[0] == max(float(price) for price, _ in body["bids"])
    assert book.asks.prices[0] == min(float(price) for price, _ in body["asks"])
    for side, rows in ((book.bids, body["bids"]), (book.asks, body["asks"])):
        assert side.prices == tuple(float(price) for price, _ in rows)
        assert side.quantities == tuple(float(quantity) for _, quantity in rows)
    assert book.sequence == body["lastUpdateId"]
    time = body.get("E")
    assert book.at == (NOON if time is None else datetime.fromtimestamp(time / 1000, UTC))


@pytest.mark.parametrize("name", ["depth_NKNUSDT", "depth_RUNEEUR", "futures_depth_SUSHIUSDT"])
def test_recorded_books_are_read_level_by_level(name: str) -> None:
    recorded = shared_json(f"{SAMPLES}/cryptofeed_{name}_1000.json")
    assert_same_book(recorded["body"], MarketKey("binance", name))


@pytest.mark.parametrize("name", ["BINANCE_FUTURES", "BINANCE_US"])
def test_every_book_of_the_raw_recordings_is_read(name: str) -> None:
    bodies = recorded_bodies(shared(f"data/venue_payloads/cryptofeed/{name}.http.0.0"))
    assert len(bodies) == 4
    for url, body in bodies:
        assert_same_book(body, MarketKey("binance", url))


def test_the_published_examples_of_depth_ticker_and_candles_are_read() -> None:
    folder = shared("data/venue_payloads/nautilus/binance/spot/http_json")
    assert_same_book(json.loads((folder / "depth_response.json").read_bytes()), KEY)
    row = json.loads((folder / "book_ticker_response.json").read_bytes())
    top = listed(row).tops["LTCBTC"]
    assert (top.bid, top.ask) == (4.0, 4.000002)
    at = datetime.fromtimestamp(1_499_040_000, UTC)
    (only,) = parse_candles("binance", (folder / "klines_response.json").read_bytes(), 604_800, at, at)
    assert (only.open, only.close, only.volume) == (0.0163479, 0.015771, 148976.11427815)


def test_the_recorded_exchange_information_tells_injectives_grid_of_2021() -> None:
    body = json.dumps(shared_json(f"{SAMPLES}/cryptofeed_exchangeInfo_subset_20211012.json")["body"]).encode()
    market = parse_details(body, inj())
    assert (market.price_tick, market.quantity_tick) == (Decimal("0.001"), Decimal("0.1"))
    assert (market.min_notional, market.min_quantity) == (Decimal(10), Decimal("0.1"))
    bitcoin = parse_details(body, replace(inj(), market_id="INJBTC", quote="BTC"))
    assert bitcoin.price_tick == Decimal("0.0000001")


def test_a_published_instrument_without_filters_is_malformed() -> None:
    body = shared(f"{SAMPLES}/nautilus_exchange_info_response.json").read_bytes()
    with pytest.raises(Malformed, match="tickSize is not told"):
        parse_details(body, replace(inj(), market_id="ETHBTC", base="ETH", quote="BTC"))


def test_the_recorded_snapshot_and_149_changes_arrive_at_the_recorded_best_prices() -> None:
    body = shared_json(f"{SAMPLES}/cryptofeed_depth_NKNUSDT_1000.json")["body"]
    snapshot = parse_order_book(json.dumps(body).encode(), KEY, NOON)
    bids, asks = (dict(zip(*side, strict=True)) for side in (snapshot.bids, snapshot.asks))
    sequence, applied = snapshot.sequence, 0
    for line in shared(f"{SAMPLES}/cryptofeed_ws_nknusdt.jsonl").read_text().splitlines():
        message = json.loads(line).get("msg", {})
        change = message.get("data", {})
        if not message.get("stream", "").startswith("nknusdt@depth") or change["u"] <= (sequence or 0):
            continue
        assert change["U"] == (sequence or 0) + 1
        sequence, applied = change["u"], applied + 1
        for side, rows in ((bids, change["b"]), (asks, change["a"])):
            for price, quantity in rows:
                side[float(price)] = float(quantity)
    assert applied == 149
    assert max(price for price, quantity in bids.items() if quantity) == 0.3527
    assert min(price for price, quantity in asks.items() if quantity) == 0.3531
