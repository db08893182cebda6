import math
from datetime import timedelta
from decimal import Decimal

from defi_analytics.sandbox.exchange import funding_charged
from defi_analytics.sandbox.listings import LISTINGS, PERPETUALS, SPOT
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.world import BLOCK_S, World
from tests.fakes import NOON

D = Decimal
V2 = "/injective/exchange/v2"
INJ = SPOT[0].market_id
PERP = PERPETUALS[0].market_id
RATES = "/api/exchange/derivative/v1/fundingRates"
BLOCKS_AN_HOUR = math.ceil(3_600 / BLOCK_S)


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


async def test_funding_is_due_at_the_next_full_hour_of_the_world(get, clock, sandbox):
    for _ in range(2):
        info = (await get(f"{V2}/derivative/markets/{PERP}"))["market"]["perpetual_info"]
        assert int(info["market_info"]["next_funding_timestamp"]) == int(NOON.timestamp()) + 3600
        assert int(info["funding_info"]["last_timestamp"]) == int(NOON.timestamp())
        clock.advance(1_300)
        sandbox.advance(2_000)


def test_an_hour_s_funding_stays_what_it_was_as_hours_pass_and_is_below_the_cap():
    now = Moment(World(3), 1_000, NOON)
    hours = 2 * BLOCKS_AN_HOUR
    later = now._replace(block=now.block + hours, at=NOON + timedelta(seconds=hours * BLOCK_S))
    elsewhere = now._replace(world=World(4))
    for perpetual in PERPETUALS:
        charged = [funding_charged(now, perpetual.market_id, ago) for ago in range(50)]
        again = [funding_charged(later, perpetual.market_id, ago + 2) for ago in range(50)]
        assert [(hour.block, hour.rate) for hour in again] == [(hour.block, hour.rate) for hour in charged]
        assert all(abs(a.at - b.at) < timedelta(milliseconds=1) for a, b in zip(again, charged, strict=True))
        assert [funding_charged(elsewhere, perpetual.market_id, ago) for ago in range(50)] != charged
        assert all(abs(hour.rate) < D("0.000625") for hour in charged)


async def test_the_chain_and_the_indexer_tell_one_story_of_funding(get, clock, sandbox):
    async def told():
        info = (await get(f"{V2}/derivative/markets/{PERP}"))["market"]["perpetual_info"]["funding_info"]
        rates = (await get(RATES, marketId=PERP, limit="3"))["fundingRates"]
        return D(info["cumulative_funding"]), int(info["last_timestamp"]), rates

    before, _, _ = await told()
    assert before == 0, "the world begins with block 0"
    clock.advance(2 * BLOCKS_AN_HOUR * BLOCK_S)
    sandbox.advance(2 * BLOCKS_AN_HOUR)
    after, last, rates = await told()
    world = sandbox.moment().world
    marks = [world.mark_price(PERPETUALS[0], math.ceil(hour * 3_600 / BLOCK_S)) for hour in (2, 1)]
    assert last == rates[0]["timestamp"] // 1000
    paid = sum(D(row["rate"]) * mark for row, mark in zip(rates, marks, strict=False))
    assert after == round(paid, 18)
    assert rates[0]["timestamp"] <= clock.now().timestamp() * 1000
