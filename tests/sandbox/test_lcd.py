import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from defi_analytics.sandbox.listings import FEEDS, LISTINGS, PERPETUALS, SPOT
from tests.fakes import NOON
from tests.shared_data import shared_json

D = Decimal
V2 = "/injective/exchange/v2"
INJ = SPOT[0].market_id
PERP = PERPETUALS[0].market_id
DECIMAL = re.compile(r"-?\d+\.\d{18}")


def shape(value):
    """What a reader of the wire format may rely on: names, types, and how numbers are written."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        return "decimal"
    return "integer" if isinstance(value, str) and value.isdecimal() else type(value).__name__


def covers(ours, theirs):
    """Everything the recorded payload has, in the same form."""
    if isinstance(theirs, dict):
        return all(name in ours and covers(ours[name], item) for name, item in theirs.items())
    if isinstance(theirs, list):
        return not theirs or covers(ours[0], theirs[0])
    return ours == theirs


@pytest.mark.parametrize(
    ("recorded", "path"),
    [
        ("v2_spot_markets", f"{V2}/spot/markets"),
        ("v2_spot_full_markets", f"{V2}/spot/full_markets?with_mid_price_and_tob=true"),
        ("v2_spot_mid_price_and_tob", f"{V2}/spot/mid_price_and_tob/{INJ}"),
        ("v2_derivative_markets", f"{V2}/derivative/markets?with_mid_price_and_tob=true"),
        ("v2_derivative_orderbook", f"{V2}/derivative/orderbook/{PERP}"),
        ("txfees_cur_eip_base_fee", "/injective/txfees/v1beta1/cur_eip_base_fee"),
    ],
)
async def test_payloads_have_every_field_of_the_chains_own_in_the_same_form(client, recorded, path):
    theirs = shape(shared_json(f"samples/injective/derived_lcd/{recorded}.json"))
    ours = shape((await client.get(path)).json())
    assert covers(ours, theirs)


async def test_an_unknown_market_is_a_404_in_the_gateways_form(get):
    recorded = shared_json("samples/injective/derived_lcd/error_not_found.json")
    for path in (f"{V2}/spot/orderbook/0x1", f"{V2}/spot/markets/{PERP}", f"{V2}/derivative/markets/{INJ}"):
        answer = await get(path, 404)
        assert (answer["code"], answer["details"]) == (recorded["code"], recorded["details"])
        assert isinstance(answer["message"], str)


async def test_single_markets_equal_their_row_in_the_lists(get):
    rows = (await get(f"{V2}/spot/full_markets", with_mid_price_and_tob="true"))["markets"]
    row = next(row for row in rows if row["market"]["market_id"] == INJ)
    assert (await get(f"{V2}/spot/full_market/{INJ}", with_mid_price_and_tob="true"))["market"] == row
    assert (await get(f"{V2}/spot/markets/{INJ}"))["market"] == row["market"]
    derivatives = (await get(f"{V2}/derivative/markets", with_mid_price_and_tob="true"))["markets"]
    row = next(row for row in derivatives if row["market"]["market_id"] == PERP)
    assert (await get(f"{V2}/derivative/markets/{PERP}"))["market"] == row
    assert await get(f"{V2}/derivative/mid_price_and_tob/{PERP}") == row["mid_price_and_tob"]


async def test_tops_are_only_told_when_asked_for(get):
    for path in ("spot/full_markets", "derivative/markets"):
        markets = (await get(f"{V2}/{path}"))["markets"]
        assert all(row["mid_price_and_tob"] is None for row in markets)


async def test_lists_are_filtered_by_status_and_id(get):
    active = (await get(f"{V2}/spot/markets"))["markets"]
    paused = (await get(f"{V2}/spot/markets", status="Paused"))["markets"]
    assert {row["status"] for row in active} == {"Active"}
    assert [row["status"] for row in paused] == ["Paused"]
    some = (await get(f"{V2}/spot/markets", market_ids=[INJ, SPOT[1].market_id]))["markets"]
    assert [row["market_id"] for row in some] == [INJ, SPOT[1].market_id]


async def test_the_top_is_the_first_level_of_the_book(get):
    book = await get(f"{V2}/spot/orderbook/{INJ}")
    top = await get(f"{V2}/spot/mid_price_and_tob/{INJ}")
    assert top["best_buy_price"] == book["buys_price_level"][0]["p"]
    assert top["best_sell_price"] == book["sells_price_level"][0]["p"]
    assert D(top["mid_price"]) * 2 == D(top["best_buy_price"]) + D(top["best_sell_price"])


async def test_a_book_has_twenty_levels_a_side_unless_asked_otherwise(get):
    path = f"{V2}/spot/orderbook/{INJ}"
    for limit, count in (("", 20), ("0", 20), ("3", 3), ("1000", 30)):
        book = await get(path, limit=limit)
        assert (len(book["buys_price_level"]), len(book["sells_price_level"])) == (count, count)
    assert (await get(path, order_side="Buy"))["sells_price_level"] == []
    assert (await get(path, order_side="Sell"))["buys_price_level"] == []


async def test_the_sequence_of_a_book_counts_blocks(sandbox, get):
    before = await get(f"{V2}/spot/orderbook/{INJ}")
    sandbox.advance(3)
    after = await get(f"{V2}/spot/orderbook/{INJ}")
    assert int(after["seq"]) == int(before["seq"]) + 3
    assert after["buys_price_level"] != before["buys_price_level"]


async def test_a_paused_market_has_no_prices(get):
    paused = next(listing.market_id for listing in SPOT if listing.status == "Paused")
    assert await get(f"{V2}/spot/orderbook/{paused}") | {"seq": ""} == {
        "buys_price_level": [], "sells_price_level": [], "seq": "",
    }  # fmt: skip
    assert set((await get(f"{V2}/spot/mid_price_and_tob/{paused}")).values()) == {None}


async def test_a_bad_parameter_is_a_400_and_an_unknown_path_a_501(get, client):
    assert (await get(f"{V2}/spot/orderbook/{INJ}", 400, limit="-1"))["code"] == 3
    assert (await get("/injective/exchange/v9/spot/markets", 501))["code"] == 12
    sent = await client.post("/cosmos/tx/v1beta1/txs", json={"tx_bytes": "", "mode": "BROADCAST_MODE_SYNC"})
    assert (sent.status_code, sent.json()["code"]) == (501, 12)


async def test_there_are_no_binary_options(get):
    assert await get(f"{V2}/binary_options/markets") == {"markets": []}


async def test_hostile_listings_are_there_with_their_names_untouched(get):
    rows = (await get(f"{V2}/spot/markets"))["markets"]
    tickers = [row["ticker"] for row in rows]
    assert tickers.count("INJ/USDT") == 2
    assert "APP/INJ " in tickers
    assert any("\x1b[31m" in ticker for ticker in tickers)
    perps = (await get(f"{V2}/derivative/markets"))["markets"]
    assert [row["market"]["ticker"] for row in perps].count("BTC/USDT PERP") == 2
    ids = {row["market_id"] for row in rows} | {row["market"]["market_id"] for row in perps}
    assert ids < set(LISTINGS)


async def test_funding_is_due_at_the_next_full_hour(get, clock):
    clock.advance(1_000)
    info = (await get(f"{V2}/derivative/markets/{PERP}"))["market"]["perpetual_info"]
    assert int(info["market_info"]["next_funding_timestamp"]) == int(NOON.timestamp()) + 3600
    assert int(info["funding_info"]["last_timestamp"]) == int(NOON.timestamp())


async def test_the_oracle_tells_each_feed_and_marks_perpetuals_with_the_pair(get):
    states = (await get("/injective/oracle/v1beta1/pyth_price_states"))["price_states"]
    prices = {state["price_id"]: D(state["price_state"]["price"]) for state in states}
    assert set(prices) == {feed.price_id for feed in FEEDS}
    perp = PERPETUALS[0]
    market = (await get(f"{V2}/derivative/markets/{PERP}"))["market"]
    pair = await get(
        "/injective/oracle/v1beta1/price",
        oracle_type="Pyth", base=perp.oracle_base, quote=perp.oracle_quote,
    )  # fmt: skip
    assert pair["price_pair_state"]["pair_price"] == market["mark_price"]
    ratio = prices[perp.oracle_base] / prices[perp.oracle_quote]
    assert abs(D(market["mark_price"]) - ratio) < D("1e-15")
    assert all(state["publish_time"] == str(int(NOON.timestamp())) for state in states)


@pytest.mark.parametrize("form", [str, str.upper, lambda text: text.removeprefix("0x")])
async def test_a_feed_is_found_however_its_id_is_written(get, form):
    feed = FEEDS[0]
    price_id = form(feed.price_id).replace("0X", "0x")
    state = (await get("/injective/oracle/v1beta1/pyth_price", price_id=price_id))["price_state"]
    assert state["price_id"] == feed.price_id
    assert D(state["conf"]) > 0


async def test_prices_nobody_publishes_are_not_found(get):
    await get("/injective/oracle/v1beta1/pyth_price", 404, price_id="0x1")
    await get("/injective/oracle/v1beta1/price", 404, oracle_type="Band", base="INJ", quote="USDT")


async def test_the_node_tells_its_chain_and_its_blocks(get, sandbox):
    latest = await get("/cosmos/base/tendermint/v1beta1/blocks/latest")
    header = latest["sdk_block"]["header"]
    assert datetime.fromisoformat(header["time"]).astimezone(UTC) == NOON
    assert header["height"] == str(sandbox.moment().height)
    info = await get("/cosmos/base/tendermint/v1beta1/node_info")
    assert info["default_node_info"]["network"] == header["chain_id"] == "injective-777"
    before = await get(f"/cosmos/base/tendermint/v1beta1/blocks/{int(header['height']) - 100}")
    age = NOON - datetime.fromisoformat(before["block"]["header"]["time"])
    assert age.total_seconds() == pytest.approx(65)


@pytest.mark.parametrize("height", ["x", "1", "999999999999"])
async def test_blocks_that_are_not_kept_are_refused(get, height):
    assert (await get(f"/cosmos/base/tendermint/v1beta1/blocks/{height}", 400))["code"] == 3


async def test_no_account_was_ever_funded(get):
    address = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"
    assert (await get(f"/cosmos/auth/v1beta1/accounts/{address}", 404))["code"] == 5
