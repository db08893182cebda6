import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.market import MarketKey, MarketKind
from defi_analytics.errors import Malformed, NotFound, UnknownMarket
from defi_analytics.venues.hyperliquid import (
    HyperliquidMarketData,
    parse_candles,
    parse_listing,
    parse_order_book,
)
from defi_analytics.venues.wire import Fees
from tests.fakes import NOON, FakeClock, FakeHttp
from tests.shared_data import shared_json

FEES = Fees(Decimal("0.00045"), Decimal("0.00015"))
SAMPLES = "samples/venues/hyperliquid"
INJ = MarketKey("hyperliquid", "INJ")
CONTEXT = {"funding": "0.0000125", "markPx": "5.1", "midPx": "5.2", "impactPxs": ["5.0", "5.4"]}


def listed(assets: list[Any], contexts: list[Any], **meta: Any) -> Any:
    body = json.dumps([{"universe": assets, **meta}, contexts]).encode()
    return parse_listing(body, NOON, FEES, Decimal(10))


def venue(answers: dict[str, Any]) -> tuple[HyperliquidMarketData, FakeHttp]:
    http = FakeHttp(answers)
    return HyperliquidMarketData(http, FakeClock(), "https://hl.test", *FEES), http


def test_a_market_has_the_finest_grid_its_price_rule_allows() -> None:
    listing = listed([{"name": "INJ", "szDecimals": 1}, {"name": "BTC", "szDecimals": 5}], [CONTEXT, CONTEXT])
    inj, btc = listing.markets["INJ"], listing.markets["BTC"]
    assert (inj.price_tick, inj.quantity_tick) == (Decimal("0.00001"), Decimal("0.1"))
    assert (btc.price_tick, btc.quantity_tick) == (Decimal("0.1"), Decimal("0.00001"))
    assert (inj.base, inj.quote, inj.kind) == ("INJ", "USDC", MarketKind.PERPETUAL)
    assert inj.min_notional == 10
    assert (inj.taker_fee, inj.maker_fee) == FEES


def test_a_top_holds_the_mid_but_never_the_impact_prices() -> None:
    top = listed([{"name": "INJ", "szDecimals": 1}], [CONTEXT]).tops["INJ"]
    assert (top.bid, top.ask, top.mid, top.mark) == (None, None, 5.2, 5.1)
    assert top.funding_hourly == 0.0000125
    assert top.at == NOON


def test_a_thousandfold_coin_is_a_base_of_its_own() -> None:
    names = ["kPEPE", "PEPE"]
    listing = listed([{"name": name, "szDecimals": 0} for name in names], [CONTEXT] * 2)
    assert [listing.markets[name].base for name in names] == names


def test_a_delisted_market_is_left_out_without_a_problem() -> None:
    assets = [
        {"name": "OLD", "szDecimals": 1, "isDelisted": True},
        {"name": "INJ", "szDecimals": 1, "isDelisted": None},
    ]
    listing = listed(assets, [CONTEXT] * 2)
    assert list(listing.markets) == ["INJ"]
    assert listing.problems == ()


def test_a_universe_quoted_in_another_token_is_malformed() -> None:
    with pytest.raises(Malformed, match="token 360"):
        listed([{"name": "US500", "szDecimals": 3}], [CONTEXT], collateralToken=360)


def test_assets_that_cannot_be_matched_to_contexts_are_malformed() -> None:
    with pytest.raises(Malformed, match="2 assets but 1 contexts"):
        listed([{"name": "INJ", "szDecimals": 1}, {"name": "BTC", "szDecimals": 5}], [CONTEXT])


def test_a_funding_rate_beyond_the_whole_notional_drops_the_row() -> None:
    assets = [{"name": "INJ", "szDecimals": 1}, {"name": "BAD", "szDecimals": 1}]
    listing = listed(assets, [CONTEXT, {**CONTEXT, "funding": "1.5"}])
    assert list(listing.markets) == ["INJ"]
    assert len(listing.problems) == 1


def test_a_book_of_another_coin_is_malformed() -> None:
    with pytest.raises(Malformed, match="another market"):
        parse_order_book(b'{"coin":"BTC","time":1,"levels":[[],[]]}', INJ)


def test_null_is_how_the_venue_says_unknown() -> None:
    with pytest.raises(UnknownMarket, match="'INJ'"):
        parse_order_book(b"null", INJ)
    with pytest.raises(UnknownMarket, match="'INJ'"):
        parse_candles(b"null", INJ)


async def test_it_asks_by_post_with_the_types_and_coins_the_venue_knows() -> None:
    data, http = venue({"l2Book": b'{"coin":"INJ","time":1,"levels":[[],[]]}', "candleSnapshot": b"[]"})
    listing = listed([{"name": "INJ", "szDecimals": 1}], [CONTEXT])
    market = listing.markets["INJ"]
    await data.order_book(market)
    assert await data.candles(market, 3600, NOON, NOON + timedelta(hours=1)) == []
    assert await data.details(market) is market
    period = '"startTime":1767355200000,"endTime":1767358800000'
    assert http.requests == [
        'POST https://hl.test/info {"type":"l2Book","coin":"INJ"}',
        f'POST https://hl.test/info {{"type":"candleSnapshot","req":{{"coin":"INJ","interval":"1h",{period}}}}}',
    ]
    assert http.headers[0] == {"content-type": "application/json"}


async def test_a_resolution_without_a_name_is_not_asked_for() -> None:
    data, http = venue({})
    with pytest.raises(NotFound, match="21600 s"):
        await data.candles(
            listed([{"name": "INJ", "szDecimals": 1}], [CONTEXT]).markets["INJ"], 21_600, NOON, NOON
        )
    assert http.requests == []


async def test_recorded_candles_begin_at_the_first_that_opened_in_the_period() -> None:
    cassette = shared_json(f"{SAMPLES}/sdkcassette_candleSnapshot_kPEPE_1h.json")
    data, _ = venue({"candleSnapshot": json.dumps(cassette["body"]).encode()})
    market = listed([{"name": "kPEPE", "szDecimals": 0}], [CONTEXT]).markets["kPEPE"]
    request = cassette["_request"]["json"]["req"]
    start, end = (datetime.fromtimestamp(request[name] / 1000, UTC) for name in ("startTime", "endTime"))
    candles = await data.candles(market, 3600, start, end)
    rows = cassette["body"][1:]
    assert [c.at.timestamp() * 1000 for c in candles] == [row["t"] for row in rows]
    assert [c.close for c in candles] == [float(row["c"]) for row in rows]
    assert candles[0].volume == float(rows[0]["v"])


def test_the_recorded_book_of_dydx_is_read_level_by_level() -> None:
    body = shared_json(f"{SAMPLES}/sdkcassette_l2Book_DYDX.json")["body"]
    book = parse_order_book(json.dumps(body).encode(), MarketKey("hyperliquid", "DYDX"))
    for side, rows in zip((book.bids, book.asks), body["levels"], strict=True):
        assert side.prices == tuple(float(row["px"]) for row in rows)
        assert side.quantities == tuple(float(row["sz"]) for row in rows)
    assert (book.bids.prices[0], book.asks.prices[0]) == (2.111, 2.1124)
    assert book.at == datetime(2023, 7, 17, 21, 43, 23, 930_000, tzinfo=UTC)
    assert book.truncated


@pytest.mark.parametrize("name", ["l2_book_btc", "l2_book_snapshot"])
@pytest.mark.parametrize(
    "folder", [f"{SAMPLES}/nautilus_http_", "data/venue_payloads/nautilus/hyperliquid/http_"]
)
def test_published_books_of_btc_are_read(folder: str, name: str) -> None:
    body = shared_json(f"{folder}{name}.json")
    book = parse_order_book(json.dumps(body).encode(), MarketKey("hyperliquid", body["coin"]))
    assert book.bids.prices[0] == max(float(row["px"]) for row in body["levels"][0])
    assert book.asks.prices[0] == min(float(row["px"]) for row in body["levels"][1])
    assert len(book.asks.prices) == len(body["levels"][1])
    assert not book.truncated


def test_the_recorded_universe_lists_injective_on_its_grid() -> None:
    universe = shared_json(f"{SAMPLES}/sdkcassette_meta.json")["body"]["universe"]
    mids = shared_json(f"{SAMPLES}/sdkcassette_allMids.json")["body"]
    contexts = [
        {"funding": "0", "markPx": mids[asset["name"]], "midPx": mids[asset["name"]]} for asset in universe
    ]
    listing = listed(universe, contexts)
    assert len(listing.markets) == len(universe) == 28
    assert listing.problems == ()
    assert listing.tops["INJ"].mid == 9.32295
    for name, market in listing.markets.items():
        # A mid may lie halfway between two prices of the grid.
        half = Decimal(mids[name]) * 2
        assert market.price(market.ticks(half)) == half


def test_recorded_contexts_of_every_asset_are_read() -> None:
    recorded = shared_json(f"{SAMPLES}/nautilus_ws_all_dexs_asset_ctxs.json")["data"]["ctxs"]
    for dex, contexts in recorded:
        assets = [{"name": f"{dex}:{n}", "szDecimals": 2} for n in range(len(contexts))]
        listing = listed(assets, contexts)
        assert len(listing.markets) == len(contexts)
        assert listing.problems == ()
        for asset, context in zip(assets, contexts, strict=True):
            top = listing.tops[asset["name"]]
            assert top.mid == (None if context["midPx"] is None else float(context["midPx"]))
            assert (top.mark, top.funding_hourly) == (float(context["markPx"]), float(context["funding"]))
    assert sum(len(contexts) for _, contexts in recorded) == 412


@pytest.mark.parametrize("index", [1, 2])
def test_recorded_dexes_with_another_collateral_are_not_taken_for_usdc(index: int) -> None:
    meta = shared_json(f"{SAMPLES}/nautilus_http_all_perp_metas_non_usdc_collateral.json")[index]
    with pytest.raises(Malformed, match="not USDC"):
        parse_listing(json.dumps([meta, [CONTEXT]]).encode(), NOON, FEES, Decimal(10))


async def test_funding_is_that_of_the_listing_and_unknown_where_there_is_no_such_market() -> None:
    body = json.dumps([{"universe": [{"name": "INJ", "szDecimals": 1}]}, [CONTEXT]]).encode()
    hyperliquid, _ = venue({"metaAndAssetCtxs": body})
    market = (await hyperliquid.listing()).markets["INJ"]
    assert await hyperliquid.funding_hourly(market) == 0.0000125
    assert await hyperliquid.funding_hourly(replace(market, market_id="XYZ")) is None
