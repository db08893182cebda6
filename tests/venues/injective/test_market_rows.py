from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from defi_analytics.domain.market import MarketKind, MarketStatus
from defi_analytics.venues.injective.assets import assets_of
from defi_analytics.venues.injective.market_rows import (
    DerivativeRow,
    IndexerDerivativeRow,
    IndexerSpotRow,
    SpotRow,
    derivative_market,
    market_status,
    spot_market,
)
from tests.venues.injective.payloads import (
    BTC_FEED,
    FEED,
    INJ_USDT_ID,
    USDT,
    USDT_FEED,
    market_id,
    perp,
    spot,
)

ASSETS = assets_of("injective-1")
INDEXED = {
    "quoteDenom": USDT,
    "quoteTokenMeta": {"decimals": 6},
    "takerFeeRate": "0.0005",
    "marketStatus": "active",
    "minNotional": "1000000",
}
INDEXED_SPOT = INDEXED | {
    "ticker": "INJ/USDT",
    "baseDenom": "inj",
    "baseTokenMeta": {"decimals": 18},
    "makerFeeRate": "-0.00005",
    "marketId": INJ_USDT_ID,
    "minPriceTickSize": "0.000000000000001",
    "minQuantityTickSize": "10000000000000000",
}
INDEXED_PERP = INDEXED | {
    "ticker": "BTC/USDT PERP",
    "oracleBase": BTC_FEED,
    "oracleQuote": USDT_FEED,
    "oracleType": "Pyth",
    "oracleScaleFactor": 6,
    "makerFeeRate": "0.0001",
    "marketId": market_id(7),
    "minPriceTickSize": "1000000",
    "minQuantityTickSize": "0.0001",
    "isPerpetual": True,
}


def chain_spot(**changes):
    return spot_market(msgspec.convert(spot(**changes), SpotRow), ASSETS)


def chain_perp(**changes):
    return derivative_market(msgspec.convert(perp(**changes), DerivativeRow), ASSETS)


def indexed_perp(**changes):
    return derivative_market(msgspec.convert(INDEXED_PERP | changes, IndexerDerivativeRow), ASSETS)


def test_the_chain_and_the_indexer_tell_the_same_market_each_in_its_own_units():
    assert spot_market(msgspec.convert(INDEXED_SPOT, IndexerSpotRow), ASSETS) == chain_spot()
    assert indexed_perp() == chain_perp()
    assert (chain_spot().base, chain_perp().base, chain_perp().oracle) == ("INJ", "BTC", FEED)
    assert (chain_spot().base_denom, chain_spot().base_decimals) == ("inj", 18)


def test_a_price_scaled_apart_from_its_oracles_proves_no_asset_on_either_surface():
    for told in (chain_perp(oracle_scale_factor=6), indexed_perp(oracleScaleFactor=12)):
        assert told == replace(chain_perp(), base="", quote="")
    assert not indexed_perp(oracleScaleFactor=0).verified


def test_a_derivative_that_is_not_perpetual_is_a_future():
    assert chain_perp(isPerpetual=False) == indexed_perp(isPerpetual=False)
    assert chain_perp(isPerpetual=False).kind is MarketKind.FUTURE


def test_an_unknown_denomination_is_unverified_whatever_the_ticker():
    market = chain_spot(base_denom="factory/inj1evil/inj")
    assert (market.ticker, market.base, market.quote, market.verified) == ("INJ/USDT", "", "", False)


def test_ids_are_lower_case_and_tickers_kept_raw():
    shouted = chain_spot(market_id=INJ_USDT_ID.upper().replace("0X", "0x"), ticker="APP/INJ ")
    assert (shouted.market_id, shouted.ticker) == (INJ_USDT_ID, "APP/INJ ")
    assert chain_perp(market_id="0x" + "A" * 64).market_id == "0x" + "a" * 64


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("Active", MarketStatus.ACTIVE),
        ("Paused", MarketStatus.PAUSED),
        ("ForcePaused", MarketStatus.PAUSED),
        ("force_paused", MarketStatus.PAUSED),
        ("Demolished", MarketStatus.CLOSED),
        ("Expired", MarketStatus.CLOSED),
    ],
)
def test_a_status_is_known_in_each_spelling(told, status):
    assert market_status(told) is chain_spot(status=told).status is status


def test_an_unknown_status_is_refused_without_repeating_it():
    with pytest.raises(ValueError, match=r"^unknown market status$"):
        market_status("\x1b[2JActive")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"min_price_tick_size": "0"}, "tick size"),
        ({"min_quantity_tick_size": "0"}, "tick size"),
        ({"min_notional": "-0.000000000000000001"}, "negative minimum"),
        ({"maker_fee_rate": "-1"}, "fee of the whole"),
        ({"taker_fee_rate": "1"}, "fee of the whole"),
        ({"market_id": "0x" + "g" * 64}, "32 bytes"),
        ({"market_id": INJ_USDT_ID + "\n"}, "32 bytes"),
    ],
)
def test_what_no_market_has_is_refused_by_name(change, reason):
    for market in (chain_spot, chain_perp):
        with pytest.raises(ValueError, match=reason):
            market(**change)


def test_margins_are_read_from_both_surfaces_and_unknown_where_nobody_tells():
    told = chain_perp(initial_margin_ratio="0.095000000000000000", maintenance_margin_ratio="0.05")
    assert (told.initial_margin_ratio, told.maintenance_margin_ratio) == (Decimal("0.095"), Decimal("0.05"))
    assert indexed_perp(initialMarginRatio="0.095", maintenanceMarginRatio="0.05") == told
    for untold in (chain_perp(), indexed_perp(), chain_spot(maintenance_margin_ratio="0.05")):
        assert untold.initial_margin_ratio is untold.maintenance_margin_ratio is None


@pytest.mark.parametrize(
    ("initial", "maintenance", "reason"),
    [
        ("0.1", "0", "no fraction"),
        ("1", "0.05", "no fraction"),
        ("-0.1", "0.05", "no fraction"),
        (None, "1.5", "no fraction"),
        ("0.05", "0.050001", "below the maintenance"),
        ("0.1", "NaN", "not a plain decimal"),
    ],
)
def test_margins_that_nobody_could_keep_are_refused(initial, maintenance, reason):
    ratios = {"maintenance_margin_ratio": maintenance}
    if initial is not None:
        ratios["initial_margin_ratio"] = initial
    with pytest.raises(ValueError, match=reason):
        chain_perp(**ratios)


def test_the_extremes_that_a_market_may_have_are_accepted():
    market = chain_spot(min_notional="0", maker_fee_rate="-0.999999", taker_fee_rate="0.999999")
    assert (market.min_notional, market.taker_fee) == (0, Decimal("0.999999"))
