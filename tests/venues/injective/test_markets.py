from decimal import Decimal

import pytest

from defi_analytics.domain.market import MarketKind
from defi_analytics.errors import Malformed
from defi_analytics.venues.injective.assets import assets_of
from defi_analytics.venues.injective.markets import (
    parse_derivative_markets,
    parse_indexer_markets,
    parse_spot_markets,
)
from tests.fakes import NOON
from tests.shared_data import shared, shared_json
from tests.venues.injective.payloads import INJ_USDT_ID, body, market_id, perp, spot, tops

MAINNET, TESTNET = assets_of("injective-1"), assets_of("injective-888")
TESTNET_INJ = "0x0611780ba69656949525013d947713300f56c37b6175e02f26bffa495c3208fe"
TESTNET_PERP = "0x17ef48032cb24375ba7c2e39f384e56433bcab20cbee9a7357e4cba2eb00abe6"


def spots(*rows, assets=MAINNET):
    return parse_spot_markets("injective", body({"markets": list(rows)}), assets, NOON)


def perps(*rows):
    return parse_derivative_markets("injective", body({"markets": list(rows)}), MAINNET, NOON)


def recorded(path, parse, assets=TESTNET):
    return parse("injective", shared(path).read_bytes(), assets, NOON)


def test_the_full_spot_list_tells_markets_and_tops():
    listing = recorded("samples/injective/derived_lcd/v2_spot_full_markets.json", parse_spot_markets)
    market, top = listing.markets[TESTNET_INJ], listing.tops[TESTNET_INJ]
    assert (market.base, market.quote, market.kind) == ("INJ", "USDT", MarketKind.SPOT)
    assert (market.maker_fee, market.taker_fee) == (Decimal("-0.0001"), Decimal("0.0005"))
    assert (str(market.price_tick), str(market.quantity_tick)) == ("0.001", "0.001")
    assert (market.min_notional, market.base_decimals) == (Decimal("0.000000000001"), 18)
    assert (top.bid, top.ask, top.mid, top.mark, top.at) == (29.414, 29.453, 29.4335, None, NOON)
    assert top.funding_hourly is None
    assert listing.problems == ()


def test_the_plain_spot_list_is_the_same_without_tops():
    plain = recorded("samples/injective/derived_lcd/v2_spot_markets.json", parse_spot_markets)
    full = recorded("samples/injective/derived_lcd/v2_spot_full_markets.json", parse_spot_markets)
    assert plain.markets == full.markets
    assert plain.tops == {}


def test_one_market_asked_for_reads_like_a_list_of_one():
    listed = spots(spot())
    for one in ({"market": spot()}, {"market": {"market": spot(), "mid_price_and_tob": None}}):
        assert parse_spot_markets("injective", body(one), MAINNET, NOON) == listed


def test_all_recorded_mainnet_spot_markets_are_read():
    rows = shared_json("data/injective/mainnet_spot_market_data.json")["markets"]
    listing = recorded("data/injective/mainnet_spot_market_data.json", parse_spot_markets, MAINNET)
    assert len(rows) == len(listing.markets) == 134
    assert listing.problems == ()
    for row in rows:
        market = listing.markets[row["market_id"]]
        assert market.ticker == row["ticker"]
        assert market.price_tick == Decimal(row["min_price_tick_size"])
        assert market.quantity_tick == Decimal(row["min_quantity_tick_size"])
        assert market.min_notional == Decimal(row["min_notional"])
        assert (market.base_decimals, market.quote_decimals) == (row["base_decimals"], row["quote_decimals"])
    assert {m.market_id for m in listing.markets.values() if (m.base, m.quote) == ("INJ", "USDT")} == {
        INJ_USDT_ID
    }


def test_the_derivative_list_tells_mark_prices_and_oracles():
    listing = recorded("samples/injective/derived_lcd/v2_derivative_markets.json", parse_derivative_markets)
    market, top = listing.markets[TESTNET_PERP], listing.tops[TESTNET_PERP]
    assert (market.base, market.quote, market.kind) == ("INJ", "USDT", MarketKind.PERPETUAL)
    assert market.oracle is not None
    assert market.oracle.type == "Pyth"
    assert (top.bid, top.ask, top.mark) == (19.2929, 19.697, 12.864774536812149)


def test_all_recorded_testnet_derivatives_are_read_and_only_proven_ones_verified():
    path = "data/injective/testnet_derivative_market_data.json"
    listing = recorded(path, parse_derivative_markets)
    assert len(listing.markets) == 21
    assert listing.problems == ()
    kinds = [m.kind for m in listing.markets.values()]
    assert (kinds.count(MarketKind.PERPETUAL), kinds.count(MarketKind.FUTURE)) == (19, 2)
    for market in listing.markets.values():
        if market.verified:
            assert market.ticker == f"{market.base}/{market.quote} PERP"
    verified = {m.base for m in listing.markets.values() if m.verified}
    assert verified == {"ARB", "ATOM", "BTC", "ETH", "EUR", "GBP", "INJ", "SOL", "XAU"}


def test_a_future_on_the_silver_feed_is_not_the_asset_of_its_ticker():
    listing = recorded("data/injective/testnet_derivative_market_data.json", parse_derivative_markets)
    lying = next(m for m in listing.markets.values() if m.ticker.startswith("TIA/USDT-"))
    assert not lying.verified


def test_a_derivative_asked_for_alone_is_read():
    row = {"market": perp(), "mark_price": "64250.000000000000000000"}
    listing = parse_derivative_markets("injective", body({"market": row}), MAINNET, NOON)
    assert listing.markets[market_id(7)].base == "BTC"
    assert listing.tops[market_id(7)].mark == 64250.0


@pytest.mark.parametrize("best", [None, {}, tops(None, None, None), tops("0.000000000000000000", "0", None)])
def test_a_market_without_quotes_has_no_top(best):
    assert spots({"market": spot(), "mid_price_and_tob": best}).tops == {}


def test_a_one_sided_top_has_one_side():
    recorded_top = shared_json("samples/injective/derived_lcd/v2_spot_mid_price_and_tob_one_sided.json")
    top = spots({"market": spot(), "mid_price_and_tob": recorded_top}).tops[INJ_USDT_ID]
    assert (top.bid, top.ask, top.mid) == (29.414, None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"min_price_tick_size": "0.000000000000000000"},
        {"min_quantity_tick_size": "-0.001"},
        {"min_notional": "-1"},
        {"taker_fee_rate": "1.000000000000000000"},
        {"maker_fee_rate": "-1"},
        {"taker_fee_rate": "nan"},
        {"min_price_tick_size": "1e-1000000"},
        {"base_decimals": 31},
        {"base_decimals": -1},
        {"quote_decimals": "6"},
        {"base_denom": ""},
        {"status": "Unspecified"},
        {"market_id": "0x12"},
        {"ticker": "T" * 1_000},
        {"ticker": None},
        {"market_id": None},
    ],
    ids=lambda change: f"{next(iter(change))}-{str(next(iter(change.values())))[:9]}",
)
def test_a_hostile_market_is_dropped_alone_and_named(change):
    hostile = spot(market_id=market_id(13), ticker="\x1b[2JEVIL/USDT") | change
    listing = spots(spot(), hostile, spot(market_id=market_id(3)))
    assert set(listing.markets) == {INJ_USDT_ID, market_id(3)}
    (problem,) = listing.problems
    assert problem.code == "MALFORMED"
    if set(change) - {"ticker", "market_id"}:
        assert market_id(13) in problem.message
        assert "EVIL/USDT" in problem.message
    assert "\x1b" not in problem.message


def test_a_market_whose_own_top_is_crossed_is_dropped():
    crossed = {"market": spot(market_id=market_id(13)), "mid_price_and_tob": tops("2", "3", "1")}
    listing = spots(spot(), crossed)
    assert set(listing.markets) == {INJ_USDT_ID}
    assert "crossed" in listing.problems[0].message


def test_a_market_listed_twice_counts_once():
    listing = spots(spot(), spot(ticker="FAKE/USDT"))
    assert listing.markets[INJ_USDT_ID].ticker == "INJ/USDT"
    assert "listed already" in listing.problems[0].message


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"{}",
        b"[]",
        b"null",
        b'{"markets": null}',
        b'{"markets": {}}',
        b'{"code":5,"message":"x","details":[]}',
        b'{"markets": [1, 2]}',
        b"\xff\xfe",
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=range(11),
)
def test_anything_but_a_list_of_markets_is_malformed(answer):
    for parse in (parse_spot_markets, parse_derivative_markets):
        with pytest.raises(Malformed):
            parse("injective", answer, MAINNET, NOON)


def test_an_empty_list_is_a_venue_without_markets():
    assert spots().markets == {}
    assert perps().markets == {}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("spotrpc.market.python.json", MarketKind.SPOT),
        ("spotrpc.markets.python.json", MarketKind.SPOT),
        ("derivativesrpc.market.python.json", MarketKind.PERPETUAL),
    ],
)
def test_the_indexer_says_the_same_in_chain_format(path, kind):
    answer = shared(f"samples/injective/indexer_docs/{path}").read_bytes()
    listing = parse_indexer_markets("injective-indexer", answer, TESTNET, kind)
    (market,) = listing.markets.values()
    assert (market.base, market.quote, market.kind) == ("INJ", "USDT", kind)
    if kind is MarketKind.SPOT:
        assert (market.price_tick, market.quantity_tick) == (Decimal("0.001"), Decimal("0.001"))
        assert market.min_notional == 1
    else:
        assert (market.price_tick, market.quantity_tick) == (Decimal("0.0001"), Decimal("0.0001"))
        assert market.oracle is not None
    assert listing.venue == "injective"
    assert listing.tops == {}


def test_recorded_indexer_examples_are_read_where_they_are_in_its_rest_shape():
    read = 0
    for example in shared_json("data/injective/indexer_response_examples.json"):
        rows = example["payload"].get("markets") if isinstance(example["payload"], dict) else None
        if example["method"] != "Markets" or not rows or "marketId" not in rows[0]:
            continue
        kind = MarketKind.SPOT if "_spotrpc" in example["source"] else MarketKind.FUTURE
        listing = parse_indexer_markets("injective-indexer", body({"markets": rows}), TESTNET, kind)
        assert len(listing.markets) == len(rows)
        read += 1
    assert read == 1


def test_an_expiring_derivative_of_the_indexer_is_a_future():
    rows = next(
        example["payload"]
        for example in shared_json("data/injective/indexer_response_examples.json")
        if example["method"] == "Markets" and isinstance(example["payload"], list)
    )
    listing = parse_indexer_markets("i", body({"markets": rows}), MAINNET, MarketKind.PERPETUAL)
    assert [m.kind for m in listing.markets.values()] == [MarketKind.PERPETUAL, MarketKind.FUTURE]
    assert [m.price_tick for m in listing.markets.values()] == [Decimal("0.01"), Decimal("1e-21")]
