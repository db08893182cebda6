from decimal import Decimal

from defi_analytics.sandbox.listings import BINANCE, FEEDS, HYPERLIQUID, LISTINGS, PERPETUALS, SPOT
from tests.shared_data import shared_json

D = Decimal


def test_the_real_markets_carry_the_parameters_of_mainnet():
    rows = {
        row["market_id"]: row
        for row in shared_json("data/injective/mainnet_spot_market_data.json")["markets"]
    }
    real = [listing for listing in SPOT if listing.market_id in rows]
    assert len(real) == 5
    for listing in real:
        row = rows[listing.market_id]
        for ours, theirs in (
            ("ticker", "ticker"), ("base_denom", "base_denom"), ("quote_denom", "quote_denom"),
            ("base_decimals", "base_decimals"), ("quote_decimals", "quote_decimals"),
        ):  # fmt: skip
            assert getattr(listing, ours) == row[theirs]
        for ours, theirs in (
            ("price_tick", "min_price_tick_size"), ("quantity_tick", "min_quantity_tick_size"),
            ("min_notional", "min_notional"), ("maker_fee", "maker_fee_rate"), ("taker_fee", "taker_fee_rate"),
        ):  # fmt: skip
            assert getattr(listing, ours) == D(row[theirs])


def test_the_listed_perpetuals_carry_the_parameters_of_mainnet():
    rows = {
        row["marketId"]: row
        for row in shared_json("samples/injective/lists/market_derivative_mainnet.excerpt.json")
    }
    checked = [listing for listing in PERPETUALS if listing.market_id in rows]
    assert len(checked) == 3
    for listing in checked:
        row = rows[listing.market_id]
        assert listing.ticker == row["ticker"]
        assert (listing.oracle_base, listing.oracle_quote) == (row["oracleBase"], row["oracleQuote"])
        assert listing.price_tick == D(str(row["minPriceTickSize"])) / 10**6
        assert listing.quantity_tick == D(str(row["minQuantityTickSize"]))
        assert listing.initial_margin_ratio == D(row["initialMarginRatio"])
        assert listing.maintenance_margin_ratio == D(row["maintenanceMarginRatio"])
        assert listing.reduce_margin_ratio == D(row["reduceMarginRatio"])


def test_every_id_has_the_form_of_a_32_byte_hash():
    for text in (*LISTINGS, *(feed.price_id for feed in FEEDS)):
        assert len(text) == 66
        assert int(text, 16)


def test_no_two_things_share_an_id():
    assert len(LISTINGS) == len(SPOT) + len(PERPETUALS)
    for field in zip(*FEEDS, strict=True):
        assert len(set(field)) == len(FEEDS)


def test_a_market_has_a_twin_of_its_own_asset_that_no_other_has_unless_it_is_an_impostor():
    twins = [listing.reference for listing in LISTINGS.values() if not listing.impostor]
    assert len(set(twins)) == len(twins) == 8
    for listing in LISTINGS.values():
        if listing.impostor:
            assert listing.reference is None
        else:
            assert listing.reference in {*BINANCE.values(), *HYPERLIQUID.values()}
            assert (listing.reference.asset, listing.status) == (listing.asset, "Active")


def test_of_a_markets_step_and_its_twins_one_is_a_multiple_of_the_other():
    for listing in LISTINGS.values():
        if listing.reference:
            low, high = sorted((listing.quantity_tick, listing.reference.quantity_step))
            assert high % low == 0


def test_a_perpetual_is_marked_by_the_feed_of_its_asset_unless_it_is_an_impostor():
    feeds = {feed.price_id: feed.asset for feed in FEEDS}
    for perpetual in PERPETUALS:
        assert feeds[perpetual.oracle_quote] == "USDT"
        assert feeds.get(perpetual.oracle_base) == (None if perpetual.impostor else perpetual.asset)
