import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.market import Market, MarketKey, MarketKind, MarketStatus
from defi_analytics.errors import Malformed, NotFound, RateLimited, Unavailable, UnknownMarket
from defi_analytics.venues.okx import (
    OkxMarketData,
    parse_candles,
    parse_details,
    parse_listing,
    parse_order_book,
    parse_swaps,
)
from defi_analytics.venues.wire import Fees
from tests.fakes import NOON, Answer, FakeClock, FakeHttp
from tests.shared_data import shared, shared_json

FEES = Fees(Decimal("0.001"), Decimal("0.0008"))
SAMPLES = "samples/venues/okx"
PAYLOADS = "data/venue_payloads/nautilus/okx"
KEY = MarketKey("okx", "INJ-USDT")
SWAP_KEY = MarketKey("okx-perp", "INJ-USDT-SWAP")
MS = 1_767_355_200_000
MINUTE = timedelta(minutes=1)


def envelope(*data: Any, code: str = "0") -> bytes:
    return json.dumps({"code": code, "msg": "", "data": data}).encode()


def ticker(name: str, bid: str = "5.1", ask: str = "5.2") -> dict[str, str]:
    return {"instId": name, "bidPx": bid, "askPx": ask, "ts": str(MS - 500)}


def swap(name: str = "INJ-USDT-SWAP", **changed: str) -> dict[str, str]:
    told = {"instId": name, "state": "live", "tickSz": "0.001", "lotSz": "1", "minSz": "2", "uly": "INJ-USDT"}
    contract = {"ctType": "linear", "ctVal": "0.1", "ctMult": "1", "ctValCcy": "INJ"}
    return {**told, **contract, **changed}


def spot(**changed: str) -> dict[str, str]:
    told = {"instId": "INJ-USDT", "state": "live", "tickSz": "0.001", "lotSz": "0.01", "minSz": "0.1"}
    return {**told, "baseCcy": "INJ", "quoteCcy": "USDT", "ctType": "", "ctVal": "", **changed}


def venue(answers: dict[str, Answer], kind: MarketKind = MarketKind.SPOT) -> tuple[OkxMarketData, FakeHttp]:
    http = FakeHttp(answers)
    return OkxMarketData(http, FakeClock(), "https://o.test", *FEES, kind), http


def inj() -> Market:
    return parse_listing(envelope(ticker("INJ-USDT")), MarketKind.SPOT, FEES, NOON).markets["INJ-USDT"]


def inj_swap() -> Market:
    ((market, _),), _ = parse_swaps(envelope(swap()), FEES)
    return market


def test_a_spot_top_has_the_answers_time_and_no_price_where_the_text_is_empty() -> None:
    rows = [ticker("INJ-USDT"), ticker("ONE-USDT", bid=""), ticker("OLD-BTC", "", "")]
    listing = parse_listing(envelope(*rows), MarketKind.SPOT, FEES, NOON)
    assert (listing.tops["INJ-USDT"].bid, listing.tops["INJ-USDT"].ask) == (5.1, 5.2)
    assert listing.tops["INJ-USDT"].at == NOON - timedelta(milliseconds=500)
    assert listing.tops["ONE-USDT"].bid is None
    assert "OLD-BTC" not in listing.tops
    assert (listing.markets["OLD-BTC"].base, listing.markets["OLD-BTC"].quote) == ("OLD", "BTC")


@pytest.mark.parametrize("name", ["INJUSDT", "INJ-USDT-SWAP", "-USDT", "INJ-", "A-B-C-D", "-"])
def test_an_instrument_id_of_another_form_is_dropped(name: str) -> None:
    listing = parse_listing(envelope(ticker("INJ-USDT"), ticker(name)), MarketKind.SPOT, FEES, NOON)
    assert list(listing.markets) == ["INJ-USDT"]
    assert "another form" in listing.problems[0].message


def test_a_linear_swap_is_told_in_base_units() -> None:
    ((market, contract),), problems = parse_swaps(envelope(swap()), FEES)
    assert (contract, problems) == (Decimal("0.1"), ())
    assert (market.base, market.quote, market.kind) == ("INJ", "USDT", MarketKind.PERPETUAL)
    assert (market.price_tick, market.quantity_tick, market.min_quantity) == (
        Decimal("0.001"),
        Decimal("0.1"),
        Decimal("0.2"),
    )


def test_a_multiplier_counts_in_the_contract() -> None:
    ((market, contract),), _ = parse_swaps(envelope(swap(ctMult="100")), FEES)
    assert (contract, market.quantity_tick) == (10, 10)


def test_swaps_that_are_not_linear_are_left_out_without_a_problem() -> None:
    swaps, problems = parse_swaps(envelope(swap(), swap("INJ-USD-SWAP", ctType="inverse")), FEES)
    assert [described.market.market_id for described in swaps] == ["INJ-USDT-SWAP"]
    assert problems == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"ctValCcy": "USD"},
        {"uly": "INJ-USDC"},
        {"ctVal": "0"},
        {"ctVal": ""},
        {"ctMult": "1e9"},
        {"tickSz": "-1"},
    ],
)
def test_a_swap_whose_contract_is_not_its_base_is_dropped(changed: dict[str, str]) -> None:
    swaps, problems = parse_swaps(envelope(swap(), swap("INJ-USDT-SWAP", **changed)), FEES)
    assert len(swaps) == len(problems) == 1


async def test_a_listing_of_swaps_knows_their_grid_and_contract_from_two_requests() -> None:
    answers: dict[str, Answer] = {
        "market/tickers": envelope(ticker("INJ-USDT-SWAP"), ticker("INJ-USD-SWAP")),
        "public/instruments": envelope(swap(), swap("INJ-USD-SWAP", ctType="inverse")),
        "market/books": envelope({"bids": [["5.1", "3", "0", "1"]], "asks": [], "ts": str(MS)}),
    }
    data, http = venue(answers, MarketKind.PERPETUAL)
    listing = await data.listing()
    assert list(listing.markets) == list(listing.tops) == ["INJ-USDT-SWAP"]
    market = listing.markets["INJ-USDT-SWAP"]
    assert await data.details(market) is market
    assert (await data.order_book(market)).bids == ((5.1,), (0.3,))
    assert http.requests == [
        "GET https://o.test/api/v5/market/tickers?instType=SWAP",
        "GET https://o.test/api/v5/public/instruments?instType=SWAP",
        "GET https://o.test/api/v5/market/books?instId=INJ-USDT-SWAP&sz=100",
    ]


async def test_an_unreadable_instrument_is_a_problem_of_the_listing() -> None:
    tickers, instruments = envelope(ticker("INJ-USDT-SWAP")), envelope(swap(), swap("X", state="live"))
    data, _ = venue({"market/tickers": tickers, "public/instruments": instruments}, MarketKind.PERPETUAL)
    assert len((await data.listing()).problems) == 1


async def test_the_contract_of_a_swap_is_asked_once_and_remembered() -> None:
    book = envelope({"bids": [["5.1", "3", "0", "1"]], "asks": [["5.2", "7", "0", "1"]], "ts": str(MS)})
    data, http = venue({"instruments": envelope(swap()), "books": book}, MarketKind.PERPETUAL)
    for _ in range(2):
        found = await data.order_book(inj_swap())
        assert (found.bids.quantities, found.asks.quantities) == ((0.3,), (0.7,))
    assert [("instruments" in request) for request in http.requests] == [True, False, False]
    assert http.requests[0].endswith("?instType=SWAP&instId=INJ-USDT-SWAP")


@given(contracts=st.integers(1, 10**9), power=st.integers(0, 6))
def test_contracts_become_the_very_quantity_of_the_grid(contracts: int, power: int) -> None:
    size = Decimal(1).scaleb(-power)
    body = envelope({"bids": [["5.1", str(contracts), "0", "1"]], "asks": [], "ts": str(MS)})
    (quantity,) = parse_order_book(body, KEY, size).bids.quantities
    assert quantity == float(contracts * size)
    assert replace(inj(), quantity_tick=size).nearest_quantity(quantity) == contracts * size


async def test_spot_details_are_asked_only_while_the_grid_is_unknown() -> None:
    data, http = venue({"instruments": envelope(spot())})
    market = await data.details(inj())
    assert (market.price_tick, market.quantity_tick, market.min_quantity) == (
        Decimal("0.001"),
        Decimal("0.01"),
        Decimal("0.1"),
    )
    assert await data.details(market) is market
    assert http.requests == ["GET https://o.test/api/v5/public/instruments?instType=SPOT&instId=INJ-USDT"]


@pytest.mark.parametrize(
    ("state", "meaning"), [("live", "active"), ("suspend", "paused"), ("expired", "closed"), ("", "paused")]
)
def test_only_a_live_instrument_is_active(state: str, meaning: str) -> None:
    assert parse_details(envelope(spot(state=state)), inj()).market.status == meaning


@pytest.mark.parametrize("changed", [{"instId": "INJ-USDC"}, {"quoteCcy": "USDC"}, {"baseCcy": "INJECTIVE"}])
def test_details_of_other_assets_are_malformed(changed: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        parse_details(envelope(spot(**changed)), inj())


def test_an_instrument_that_is_missing_or_not_linear_is_unknown() -> None:
    with pytest.raises(UnknownMarket):
        parse_details(envelope(), inj())
    with pytest.raises(UnknownMarket):
        parse_details(envelope(swap(ctType="inverse")), inj_swap())


@pytest.mark.parametrize("code", ["50001", "50004", "50013", "50026"])
def test_a_busy_venue_is_unavailable(code: str) -> None:
    with pytest.raises(Unavailable, match=code) as raised:
        parse_listing(envelope(code=code), MarketKind.SPOT, FEES, NOON)
    assert raised.value.retryable


def test_too_many_requests_ask_to_wait_out_the_window() -> None:
    with pytest.raises(RateLimited) as raised:
        parse_order_book(envelope(code="50011"), KEY, Decimal(1))
    assert raised.value.retry_after_s == 2


def test_an_unknown_instrument_is_told_with_http_200() -> None:
    with pytest.raises(UnknownMarket):
        parse_order_book(envelope(code="51001"), KEY, Decimal(1))


def test_any_other_refusal_names_its_code_and_never_the_venues_text() -> None:
    body = json.dumps({"code": "51000", "msg": "\x1b[2J", "data": []}).encode()
    with pytest.raises(Malformed, match="51000") as raised:
        parse_order_book(body, KEY, Decimal(1))
    assert "\x1b" not in raised.value.message


@pytest.mark.parametrize("count", [0, 2])
def test_other_than_one_book_is_malformed(count: int) -> None:
    with pytest.raises(Malformed):
        parse_order_book(envelope(*[{"bids": [], "asks": [], "ts": "1"}] * count), KEY, Decimal(1))


def test_a_book_as_deep_as_was_asked_is_cut() -> None:
    asks = [[str(100 + n), "1", "0", "1"] for n in range(100)]
    assert parse_order_book(envelope({"bids": [], "asks": asks, "ts": "1"}), KEY, Decimal(1)).truncated
    assert not parse_order_book(
        envelope({"bids": [], "asks": asks[1:], "ts": "1"}), KEY, Decimal(1)
    ).truncated


def candle(at: datetime) -> list[str]:
    return [str(int(at.timestamp() * 1000)), "5", "6", "4", "5.5", "70", "7", "38", "1"]


def newest_first(first: int, count: int) -> bytes:
    return envelope(*(candle(NOON + n * MINUTE) for n in reversed(range(first, first + count))))


async def test_candles_are_paged_backwards_and_continued_in_the_history() -> None:
    def after(minutes: int) -> str:
        return f"after={MS + minutes * 60_000}"

    end = NOON + 699 * MINUTE
    answers: dict[str, Answer] = {
        f"market/candles?instId=INJ-USDT&bar=1m&limit=300&after={MS + 699 * 60_000 + 1}": newest_first(
            400, 300
        ),
        f"market/candles?instId=INJ-USDT&bar=1m&limit=300&{after(400)}": newest_first(350, 50),
        f"market/history-candles?instId=INJ-USDT&bar=1m&limit=100&{after(350)}": newest_first(250, 100),
        f"market/history-candles?instId=INJ-USDT&bar=1m&limit=100&{after(250)}": newest_first(200, 50),
    }
    data, http = venue(answers)
    candles = await data.candles(inj(), 60, NOON + 210 * MINUTE, end)
    assert [c.at for c in candles] == [NOON + n * MINUTE for n in range(210, 700)]
    assert len(http.requests) == 4


async def test_candles_are_not_asked_beyond_the_start() -> None:
    data, http = venue({"candles": newest_first(0, 300)})
    assert len(await data.candles(inj(), 60, NOON + MINUTE, NOON + 299 * MINUTE)) == 299
    assert len(http.requests) == 1


async def test_a_market_without_candles_has_none() -> None:
    data, http = venue({"candles": envelope()})
    assert await data.candles(inj(), 86_400, NOON, NOON) == []
    assert "bar=1Dutc" in http.requests[0]


async def test_an_answer_that_does_not_move_on_is_malformed_instead_of_endless() -> None:
    data, http = venue({"candles": newest_first(0, 300)})
    with pytest.raises(Malformed, match="outside the period"):
        await data.candles(inj(), 60, NOON - 900 * MINUTE, NOON + 299 * MINUTE)
    assert len(http.requests) == 2


@pytest.mark.parametrize("step_ms", [1, 59_999])
async def test_candles_closer_than_asked_for_are_malformed_after_one_page(step_ms: int) -> None:
    rows = [candle(NOON + timedelta(milliseconds=n * step_ms)) for n in reversed(range(300))]
    data, http = venue({"candles": envelope(*rows)})
    with pytest.raises(Malformed, match="off the grid"):
        await data.candles(inj(), 60, NOON - timedelta(days=9), NOON + timedelta(days=1))
    assert len(http.requests) == 1


async def test_a_resolution_without_a_name_is_not_asked_for() -> None:
    data, http = venue({})
    with pytest.raises(NotFound, match="7 s"):
        await data.candles(inj(), 7, NOON, NOON)
    assert http.requests == []


def test_the_volume_of_a_swap_is_its_base_and_not_its_contracts() -> None:
    later = NOON + MINUTE
    body = envelope(candle(NOON))
    assert parse_candles(body, KEY, 60, later)[0].volume == 70
    assert parse_candles(body, SWAP_KEY, 60, later)[0].volume == 7


@pytest.mark.parametrize(
    "file", [f"{SAMPLES}/nautilus_http_get_order_book.json", f"{PAYLOADS}/http_get_order_book.json"]
)
def test_the_published_book_is_read_level_by_level(file: str) -> None:
    told = shared_json(file)["data"][0]
    book = parse_order_book(shared(file).read_bytes(), KEY, Decimal(1))
    assert book.bids.prices == tuple(float(row[0]) for row in told["bids"])
    assert book.asks.quantities == tuple(float(row[1]) for row in told["asks"])
    assert (book.bids.prices[0], book.asks.prices[0]) == (41006.7, 41006.8)
    assert book.at == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["bbo_tbt", "books_snapshot"])
def test_published_streamed_books_have_the_same_form(name: str) -> None:
    told = shared_json(f"{SAMPLES}/nautilus_ws_{name}.json")["data"]
    book = parse_order_book(envelope(*told), KEY, Decimal(1))
    assert book.bids.prices[0] == max(float(row[0]) for row in told[0]["bids"])
    assert book.asks.prices[0] == min(float(row[0]) for row in told[0]["asks"])


def test_the_published_tickers_and_recorded_ones_are_read() -> None:
    rows = shared_json(f"{SAMPLES}/nautilus_ws_tickers.json")["data"]
    lines = shared(f"{SAMPLES}/cryptofeed_ws_first60.jsonl").read_text().splitlines()
    messages = [json.loads(line).get("msg", {}) for line in lines]
    recorded = [
        row
        for message in messages
        if message.get("arg", {}).get("channel") == "tickers" and message.get("data")
        for row in message["data"]
        if row["instType"] == "SPOT"
    ]
    assert recorded
    for row in (*rows, *recorded):
        top = parse_listing(envelope(row), MarketKind.SPOT, FEES, NOON).tops["BTC-USDT"]
        assert (top.bid, top.ask) == (float(row["bidPx"]), float(row["askPx"]))


@pytest.mark.parametrize(
    "file",
    [f"{SAMPLES}/nautilus_http_get_instruments_spot.json", f"{PAYLOADS}/http_get_instruments_spot.json"],
)
def test_published_spot_instruments_tell_their_grid(file: str) -> None:
    for row in shared_json(file)["data"]:
        market = parse_listing(envelope(ticker(row["instId"])), MarketKind.SPOT, FEES, NOON).markets[
            row["instId"]
        ]
        told = parse_details(envelope(row), market).market
        assert (told.price_tick, told.quantity_tick) == (Decimal(row["tickSz"]), Decimal(row["lotSz"]))
        assert told.min_quantity == Decimal(row["minSz"])
        assert told.status is MarketStatus.ACTIVE


def test_recorded_spot_instruments_tell_their_grid() -> None:
    for row in shared_json(f"{SAMPLES}/cryptofeed_instruments_spot_subset.json")["body"]["data"]:
        market = parse_listing(envelope(ticker(row["instId"])), MarketKind.SPOT, FEES, NOON).markets[
            row["instId"]
        ]
        assert parse_details(envelope(row), market).market.price_tick == Decimal(row["tickSz"])


@pytest.mark.parametrize(
    "file",
    [f"{SAMPLES}/nautilus_http_get_instruments_swap.json", f"{PAYLOADS}/http_get_instruments_swap.json"],
)
def test_published_swaps_are_the_linear_ones_in_base_units(file: str) -> None:
    swaps, problems = parse_swaps(shared(file).read_bytes(), FEES)
    assert problems == ()
    told = {s.market.market_id: (s.contract, s.market.quantity_tick, s.market.price_tick) for s in swaps}
    assert told == {
        "ETH-USDT-SWAP": (Decimal("0.1"), Decimal("0.001"), Decimal("0.01")),
        "BTC-USDT-SWAP": (Decimal("0.01"), Decimal("0.0001"), Decimal("0.1")),
    }


def test_published_candles_come_out_oldest_first_with_base_volume() -> None:
    body = shared(f"{PAYLOADS}/http_get_candlesticks_full.json").read_bytes()
    first, second = parse_candles(body, SWAP_KEY, 60, NOON)
    assert second.at - first.at == MINUTE
    assert (first.close, first.volume, second.volume) == (102806.1, 71.6404, 10.4037)


def test_published_candles_that_were_written_oldest_first_are_refused() -> None:
    body = shared(f"{PAYLOADS}/http_get_candlesticks.json").read_bytes()
    with pytest.raises(Malformed, match="order of time"):
        parse_candles(body, KEY, 60, NOON)
