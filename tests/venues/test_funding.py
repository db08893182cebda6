import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from defi_analytics.domain.market import MarketKind
from defi_analytics.errors import Malformed, TimedOut
from defi_analytics.venues.binance import BinanceMarketData
from defi_analytics.venues.funding import parse_binance_funding, parse_binance_intervals, parse_okx_funding
from defi_analytics.venues.okx import OkxMarketData
from tests.builders import a_market
from tests.fakes import FakeClock, FakeHttp

PERP = a_market("binance-perp", market_id="INJUSDT", kind=MarketKind.PERPETUAL)
SWAP = a_market("okx-perp", market_id="INJ-USDT-SWAP", kind=MarketKind.PERPETUAL)
FEE = Decimal("0.0005")
HOUR_MS = 3_600_000


def premium(rate="0.0008", symbol="INJUSDT"):
    return json.dumps({"symbol": symbol, "lastFundingRate": rate}).encode()


def swap(**changes):
    row = {
        "instId": "INJ-USDT-SWAP",
        "fundingRate": "0.0008",
        "fundingTime": "1700000000000",
        "nextFundingTime": str(1_700_000_000_000 + 8 * HOUR_MS),
    }
    return [json.dumps(row | changes).encode()]


@pytest.mark.parametrize(
    ("intervals", "hourly"), [({}, 0.0001), ({"INJUSDT": 4}, 0.0002), ({"X": 1}, 0.0001)]
)
def test_binance_s_rate_is_for_its_symbol_s_interval_which_is_8_hours_unless_told(intervals, hourly):
    assert parse_binance_funding(premium(), intervals, PERP) == pytest.approx(hourly, rel=1e-12)
    assert parse_binance_funding(premium("-0.0008"), intervals, PERP) == pytest.approx(-hourly, rel=1e-12)


@pytest.mark.parametrize(
    "body", [premium("NaN"), premium("1.5"), premium("x"), premium(symbol="BTCUSDT"), b"[]", b"{}", b"{"]
)
def test_a_premium_of_another_market_or_form_is_malformed(body):
    with pytest.raises(Malformed):
        parse_binance_funding(body, {}, PERP)


def test_intervals_are_hours_by_symbol():
    rows = [{"symbol": "A", "fundingIntervalHours": 4}, {"symbol": "B", "fundingIntervalHours": 1}]
    assert parse_binance_intervals("binance-perp", json.dumps(rows).encode()) == {"A": 4, "B": 1}


@pytest.mark.parametrize("hours", [0, -8, 169, 1.5, "8", None, True])
def test_one_interval_that_is_none_makes_them_all_unusable(hours):
    rows = [{"symbol": "A", "fundingIntervalHours": 4}, {"symbol": "B", "fundingIntervalHours": hours}]
    with pytest.raises(Malformed):
        parse_binance_intervals("binance-perp", json.dumps(rows).encode())


@pytest.mark.parametrize("hours", [1, 2, 4, 8, 24])
def test_okx_s_rate_is_for_the_hours_between_its_two_fundings(hours):
    rows = swap(nextFundingTime=str(1_700_000_000_000 + hours * HOUR_MS))
    assert parse_okx_funding(rows, SWAP) == pytest.approx(0.0008 / hours, rel=1e-12)


@pytest.mark.parametrize(
    "rows",
    [
        swap(instId="BTC-USDT-SWAP"),
        swap(nextFundingTime="1700000000000"),
        swap(nextFundingTime="1600000000000"),
        swap(nextFundingTime=""),
        swap(fundingRate=""),
        swap(fundingRate="2"),
        [*swap(), *swap()],
        [],
    ],
    ids=range(8),
)
def test_a_swap_s_funding_of_another_market_interval_or_form_is_malformed(rows):
    with pytest.raises(Malformed):
        parse_okx_funding(rows, SWAP)


def binance(http, clock=None):
    return BinanceMarketData(http, clock or FakeClock(), "https://b", FEE, FEE, MarketKind.PERPETUAL)


INTERVALS = "GET https://b/fapi/v1/fundingInfo"
ANSWERS = {
    "premiumIndex?symbol=INJUSDT": premium(),
    "fundingInfo": b'[{"symbol":"INJUSDT","fundingIntervalHours":4}]',
}


async def test_binance_s_intervals_are_asked_for_once_and_again_after_an_hour():
    http, clock = FakeHttp(ANSWERS), FakeClock()
    venue = binance(http, clock)
    assert await asyncio.gather(venue.funding_hourly(PERP), venue.funding_hourly(PERP)) == [0.0002, 0.0002]
    assert http.requests.count(INTERVALS) == 1
    clock.advance(timedelta(minutes=59).total_seconds())
    await venue.funding_hourly(PERP)
    assert http.requests.count(INTERVALS) == 1
    clock.advance(60)
    await venue.funding_hourly(PERP)
    assert http.requests.count(INTERVALS) == 2


async def test_without_intervals_binance_s_rate_is_not_guessed():
    http = FakeHttp({**ANSWERS, "fundingInfo": TimedOut("binance-perp", "late")})
    with pytest.raises(TimedOut):
        await binance(http).funding_hourly(PERP)


async def test_spot_pays_no_funding_and_nobody_is_asked():
    http = FakeHttp({})
    for venue in (binance(http), OkxMarketData(http, FakeClock(), "https://o", FEE, FEE)):
        assert await venue.funding_hourly(replace(PERP, kind=MarketKind.SPOT)) is None
