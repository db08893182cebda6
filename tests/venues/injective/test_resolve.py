from dataclasses import replace
from unittest.mock import AsyncMock

import pytest

from defi_analytics.domain.market import MarketKind, MarketStatus
from defi_analytics.errors import Unavailable, UnknownMarket
from defi_analytics.venues.injective.assets import assets_of
from defi_analytics.venues.injective.markets import parse_spot_markets
from defi_analytics.venues.injective.resolve import meant, resolve, resolve_many
from tests.fakes import NOON
from tests.shared_data import shared
from tests.venues.injective.payloads import INJ_USDT_ID, market, market_id

PERP, FUTURE = MarketKind.PERPETUAL, MarketKind.FUTURE
INJ = market()
INJ_PERP = market(PERP, ticker="INJ/USDT PERP", number=2 << 240)
ETH = market(base="ETH", ticker="WETH/USDT", number=3)
FAKE_INJ = market(base="", quote="", ticker="INJ/USDT ", number=4)
APP = market(base="", quote="", ticker="APP/INJ ", number=5)
BILLS = [market(base="", quote="", ticker="BILLS/INJ", number=n) for n in (6, 7)]
DATED = market(FUTURE, base="BTC", ticker="BTC/USDT-22SEP25", number=8)
MARKETS = [INJ, INJ_PERP, ETH, FAKE_INJ, APP, *BILLS, DATED]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("INJ/USDT", INJ),
        (" inj/usdt ", INJ),
        ("INJ-USDT", INJ),
        ("INJ/USDT PERP", INJ_PERP),
        ("inj/usdt-perp", INJ_PERP),
        ("INJ-USDT-PERP", INJ_PERP),
        ("ETH/USDT", ETH),
        ("WETH/USDT", ETH),
        ("app/inj", APP),
        ("BTC/USDT-22SEP25", DATED),
        (market_id(4), FAKE_INJ),
        (market_id(4).upper(), FAKE_INJ),
        (INJ_PERP.market_id[:10], INJ_PERP),
    ],
)
def test_a_market_is_found_by_any_of_its_names(text, found):
    assert resolve(text, MARKETS) is found


def test_a_verified_market_wins_over_any_number_that_borrow_its_ticker():
    copies = [market(base="", quote="", ticker="INJ/USDT", number=n) for n in range(20, 25)]
    assert resolve("INJ/USDT", [*copies, INJ]) is INJ


def test_a_verified_market_is_not_found_by_a_ticker_that_lies_about_it():
    lying = market(base="INJ", quote="USDT", ticker="BTC/USDT")
    assert resolve("INJ/USDT", [lying]) is lying
    with pytest.raises(UnknownMarket):
        resolve("BTC/USDT", [lying])
    with pytest.raises(UnknownMarket):
        resolve("ETH/USDT-22SEP25", [market(FUTURE, base="BTC", ticker="ETH/USDT-22SEP25")])


def test_several_unverified_markets_of_one_name_are_told_by_id():
    with pytest.raises(UnknownMarket) as raised:
        resolve("BILLS/INJ", MARKETS)
    assert market_id(6) in raised.value.message
    assert market_id(7) in raised.value.message


def test_two_verified_markets_of_one_name_are_told_by_id():
    twin = market(PERP, ticker="INJ/USDT PERP", number=30)
    with pytest.raises(UnknownMarket) as raised:
        resolve("INJ/USDT PERP", [INJ_PERP, twin, FAKE_INJ])
    assert twin.market_id in raised.value.message
    assert FAKE_INJ.market_id not in raised.value.message


def test_a_crowd_of_namesakes_is_counted():
    crowd = [market(base="", quote="", ticker="X/Y", number=n) for n in range(1, 9)]
    with pytest.raises(UnknownMarket, match=r"8 markets are 'X/Y'.* and 3 more"):
        resolve("X/Y", crowd)


def test_an_asset_lists_its_own_markets_before_what_only_looks_alike():
    with pytest.raises(UnknownMarket, match=r"nearest: INJ/USDT \(0x00000000\), INJ/USDT PERP \(0x"):
        resolve("inj", MARKETS)


def test_an_unknown_name_lists_the_nearest():
    with pytest.raises(UnknownMarket, match=r"no market 'INJ/USDX'; nearest: .*INJ/USDT \(0x00000000\)"):
        resolve("INJ/USDX", MARKETS)
    with pytest.raises(UnknownMarket) as raised:
        resolve("zzzzzz", MARKETS)
    assert "nearest" not in raised.value.message


@pytest.mark.parametrize("text", ["0x0000", "0x123456789", market_id(99), "0x"])
def test_an_unknown_or_too_short_id_is_not_guessed(text):
    with pytest.raises(UnknownMarket):
        resolve(text, MARKETS)


def test_an_id_prefix_of_several_markets_is_ambiguous():
    with pytest.raises(UnknownMarket, match="7 markets"):
        resolve("0x00000000", MARKETS)


def test_what_strangers_wrote_cannot_reach_the_terminal():
    hostile = market(base="", quote="", ticker="INJ/USDT\x1b[2J\u202e", number=9)
    with pytest.raises(UnknownMarket) as raised:
        resolve("INJ/USD\x1b]52;c;\x07" + "A" * 5_000, [hostile])
    assert raised.value.message.isprintable()
    assert len(raised.value.message) < 200
    with pytest.raises(UnknownMarket) as raised:
        resolve("INJ/USDT[2J", [hostile])
    assert "INJ/USDT[2J" in raised.value.message
    assert raised.value.message.isprintable()


USDC = market(quote="USDC", ticker="INJ/USDC", number=12)


@pytest.mark.parametrize(
    ("asset", "found"), [("INJ", (INJ, USDC, INJ_PERP)), (" inj ", (INJ, USDC, INJ_PERP)), ("weth", (ETH,))]
)
def test_an_asset_is_every_verified_market_of_it_the_plainest_first(asset, found):
    assert resolve_many([asset], [INJ_PERP, USDC, *MARKETS]) == found


def test_a_market_of_an_asset_is_taken_once():
    assert resolve_many(["INJ/USDT PERP", "INJ"], MARKETS) == (INJ_PERP, INJ)


@pytest.mark.parametrize("asset", ["BILLS", "APP", "USDT", "IN"])
def test_what_no_verified_market_trades_is_no_asset(asset):
    with pytest.raises(UnknownMarket):
        resolve_many([asset], MARKETS)


@pytest.mark.parametrize("typed", ["injj", "INK", "IJN/USDT", "inj"])
def test_a_mistyped_asset_proposes_its_own_markets_before_any_strangers(typed):
    strangers = [
        market(base="", quote="", ticker=f"{name}/INJ", number=n) for n, name in enumerate(["IJ", "INK2"], 40)
    ]
    with pytest.raises(UnknownMarket, match=r"nearest: INJ/USDT \(0x00000000\), INJ/USDT PERP \(0x"):
        resolve(typed, [*strangers, *MARKETS])


def test_patterns_find_all_that_fit_each_once():
    assert resolve_many(["INJ/*"], MARKETS) == (INJ, INJ_PERP, FAKE_INJ)
    assert resolve_many(["*perp"], MARKETS) == (INJ_PERP,)
    assert resolve_many(["ETH-USD?", "INJ/USDT", "inj-usdt*"], MARKETS) == (ETH, INJ, INJ_PERP, FAKE_INJ)
    assert resolve_many([], MARKETS) == ()


def test_a_pattern_is_only_stars_and_question_marks():
    odd = market(base="", quote="", ticker="A[B]/USDT", number=11)
    assert resolve_many(["a[b]*"], [odd, INJ]) == (odd,)


@pytest.mark.parametrize("pattern", ["DOGE/*", "DOGE/USDT", "0x99999999"])
def test_a_pattern_or_name_that_finds_nothing_is_an_error(pattern):
    with pytest.raises(UnknownMarket):
        resolve_many(["INJ/USDT", pattern], MARKETS)


PAUSED_ETH = replace(ETH, status=MarketStatus.PAUSED)
CLOSED_APP = replace(APP, status=MarketStatus.CLOSED)
CLOSED_BILLS = market(base="", quote="", ticker="BILLS/INJ", number=9)


@pytest.mark.parametrize(
    ("name", "listed", "found", "asked"),
    [
        ("INJ/USDT", MARKETS, INJ, 0),
        (market_id(4), MARKETS, FAKE_INJ, 0),
        ("APP/INJ", MARKETS, APP, 1),
        ("ETH/USDT", [INJ], PAUSED_ETH, 1),
        ("ETH/USDT", [replace(FAKE_INJ, ticker="ETH/USDT")], PAUSED_ETH, 1),
        ("ETH/USDT", [replace(one, ticker="ETH/USDT") for one in BILLS], PAUSED_ETH, 1),
        ("APP/INJ", [INJ], CLOSED_APP, 1),
        (market_id(3), [INJ], PAUSED_ETH, 1),
    ],
)
@pytest.mark.parametrize("single", [True, False])
async def test_a_name_means_what_is_listed_or_else_what_is_paused(name, listed, found, asked, single):
    inactive = AsyncMock(return_value=[PAUSED_ETH, CLOSED_APP, CLOSED_BILLS])
    assert await meant([name, name], listed, inactive, single=single) == (found,)
    assert inactive.await_count == asked


@pytest.mark.parametrize("single", [True, False])
async def test_of_several_strangers_none_is_picked_though_a_closed_one_bears_the_name_too(single):
    inactive = AsyncMock(return_value=[CLOSED_BILLS])
    with pytest.raises(UnknownMarket, match="2 markets are 'BILLS/INJ'"):
        await meant(["BILLS/INJ"], MARKETS, inactive, single=single)


async def test_an_asset_is_no_market_where_one_is_meant():
    nothing = AsyncMock(return_value=[])
    assert await meant(["INJ"], MARKETS, nothing) == (INJ, INJ_PERP)
    with pytest.raises(UnknownMarket, match="nearest: INJ/USDT"):
        await meant(["INJ"], MARKETS, nothing, single=True)


async def test_what_cannot_be_asked_is_not_guessed():
    silent = AsyncMock(side_effect=Unavailable("injective", "no answer"))
    for name in ("APP/INJ", "ETH/USDT"):
        with pytest.raises(Unavailable):
            await meant([name], [INJ, APP], silent)


def test_the_recorded_mainnet_list_resolves_by_ticker_or_says_why_not():
    recorded = shared("data/injective/mainnet_spot_market_data.json").read_bytes()
    listed = parse_spot_markets("injective", recorded, assets_of("injective-1"), NOON).markets.values()
    assert resolve("INJ/USDT", listed).market_id == INJ_USDT_ID
    tickers = [one.ticker for one in listed]
    for one in listed:
        assert resolve(one.market_id, listed) is one
        if tickers.count(one.ticker) == 1:
            assert resolve(one.ticker, listed) is one
    with pytest.raises(UnknownMarket, match="3 markets"):
        resolve("BILLS/INJ", listed)
