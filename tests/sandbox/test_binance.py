import json
from decimal import Decimal

import pytest

from defi_analytics.sandbox.listings import BINANCE
from tests.fakes import NOON
from tests.shared_data import shared_json

D = Decimal
NOON_MS = int(NOON.timestamp() * 1000)
API = "/binance/api/v3"


def recorded(name):
    return shared_json(f"samples/venues/binance/nautilus_{name}_response.json")


async def test_the_ticker_is_the_top_of_the_depth(get):
    ticker = await get(f"{API}/ticker/bookTicker", symbol="INJUSDT")
    depth = await get(f"{API}/depth", symbol="INJUSDT")
    assert set(ticker) == set(recorded("book_ticker"))
    assert set(depth) == set(recorded("depth"))
    assert [ticker["bidPrice"], ticker["bidQty"]] == depth["bids"][0]
    assert [ticker["askPrice"], ticker["askQty"]] == depth["asks"][0]


async def test_tickers_come_for_one_some_or_all_symbols(get):
    some = json.dumps(["USDCUSDT", "INJUSDT"])
    assert [row["symbol"] for row in await get(f"{API}/ticker/bookTicker", symbols=some)] == json.loads(some)
    assert {row["symbol"] for row in await get(f"{API}/ticker/bookTicker")} == set(BINANCE)


async def test_the_stablecoin_rate_is_one_tick_wide(get):
    ticker = await get(f"{API}/ticker/bookTicker", symbol="USDCUSDT")
    assert D(ticker["askPrice"]) - D(ticker["bidPrice"]) == D("0.0001")


async def test_depth_is_cut_at_the_limit(get):
    for limit, count in (("5", 5), ("0", 1), ("5000", 60)):
        depth = await get(f"{API}/depth", symbol="ETHUSDT", limit=limit)
        assert len(depth["bids"]) == len(depth["asks"]) == count


async def test_rules_carry_the_grid_that_the_books_keep(get):
    info = await get(f"{API}/exchangeInfo", symbol="INJUSDT")
    (symbol,) = info["symbols"]
    filters = {row["filterType"]: row for row in symbol["filters"]}
    assert set(symbol) <= set(recorded("exchange_info")["symbols"][0])
    assert (symbol["baseAsset"], symbol["quoteAsset"], symbol["status"]) == ("INJ", "USDT", "TRADING")
    depth = await get(f"{API}/depth", symbol="INJUSDT")
    for price, quantity in depth["bids"] + depth["asks"]:
        assert D(price) % D(filters["PRICE_FILTER"]["tickSize"]) == 0
        assert D(quantity) % D(filters["LOT_SIZE"]["stepSize"]) == 0
    assert D(filters["NOTIONAL"]["minNotional"]) == 5


async def test_klines_are_the_newest_or_those_from_the_start_time(get):
    newest = await get(f"{API}/klines", symbol="BTCUSDT", interval="1m", limit="3")
    assert [row[0] for row in newest] == [NOON_MS - 120_000, NOON_MS - 60_000, NOON_MS]
    assert [type(cell) for cell in newest[0]] == [type(cell) for cell in recorded("klines")[0]]
    assert all(D(low) <= D(close) <= D(high) for _, _, high, low, close, *_ in newest)
    asked = await get(
        f"{API}/klines", symbol="BTCUSDT", interval="1h", startTime=str(NOON_MS - 36_000_000), limit="2"
    )
    assert [row[0] for row in asked] == [NOON_MS - 36_000_000, NOON_MS - 32_400_000]
    ended = await get(
        f"{API}/klines", symbol="BTCUSDT", interval="1m", endTime=str(NOON_MS - 60_001), limit="1"
    )
    assert [row[0] for row in ended] == [NOON_MS - 120_000]
    assert len(await get(f"{API}/klines", symbol="BTCUSDT", interval="1m")) == 500


async def test_a_closed_kline_never_changes_as_time_passes(get, sandbox, clock):
    before = await get(f"{API}/klines", symbol="BTCUSDT", interval="1m", limit="3")
    sandbox.advance(200)
    clock.advance(130)
    after = await get(f"{API}/klines", symbol="BTCUSDT", interval="1m", limit="6")
    assert {row[0]: row for row in after}[before[0][0]] == before[0]


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("depth", {"symbol": "NOPE"}, -1121),
        ("depth", {}, -1102),
        ("depth", {"symbol": "INJUSDT", "limit": "x"}, -1100),
        ("klines", {"symbol": "INJUSDT", "interval": "7m"}, -1120),
        ("ticker/bookTicker", {"symbols": "INJUSDT"}, -1100),
        ("ticker/bookTicker", {"symbols": '["NOPE"]'}, -1121),
    ],
)
async def test_bad_parameters_get_the_venues_own_error(get, path, params, code):
    answer = await get(f"{API}/{path}", 400, **params)
    assert answer["code"] == code
    assert answer["msg"]


async def test_ping_and_time_answer_and_the_weight_is_told(get, client):
    assert await get(f"{API}/ping") == {}
    assert await get(f"{API}/time") == {"serverTime": NOON_MS}
    assert "x-mbx-used-weight-1m" in (await client.get(f"{API}/ping")).headers


async def test_unknown_paths_and_methods_are_not_found(client):
    assert (await client.get(f"{API}/nope")).status_code == 404
    assert (await client.post(f"{API}/depth")).status_code == 404
