from datetime import UTC, datetime, timedelta

import pytest

from defi_analytics.domain.market import MarketKind
from defi_analytics.errors import DataError, Malformed, NotFound, Unavailable
from defi_analytics.venues.injective.charts import Charts, parse_candles
from tests.fakes import NOON, FakeHttp
from tests.shared_data import shared_json
from tests.venues.injective.payloads import body, market, market_id

ROOTS = ("https://chart/api/chart/v1", "https://old/api/chronos/v1")
SECONDS = int(NOON.timestamp())


def history(count=3, **changes):
    columns = {
        "t": [SECONDS + 60 * i for i in range(count)],
        "o": [10.0 + i for i in range(count)],
        "h": [12.0 + i for i in range(count)],
        "l": [9.0 + i for i in range(count)],
        "c": [11.0 + i for i in range(count)],
        "v": [0.0] * count,
        "s": "ok",
    }
    return body(columns | changes)


def test_parallel_arrays_become_candles():
    candles = parse_candles("c", history())
    assert [candle.at for candle in candles] == [NOON + timedelta(minutes=i) for i in range(3)]
    first = candles[0]
    assert (first.open, first.high, first.low, first.close, first.volume) == (10, 12, 9, 11, 0)


@pytest.mark.parametrize("path", ["spot_market_history", "derivative_market_history"])
def test_the_documented_answer_counts_by_its_status_not_by_its_error_message(path):
    sample = shared_json(f"samples/injective/chronos/{path}.response.json")
    assert sample["errmsg"]
    candles = parse_candles("c", body(sample | {"s": "ok"}))
    assert [candle.close for candle in candles] == [3662.25, 3663.13, 3664.01]
    assert candles[0].at == datetime(2019, 1, 20, tzinfo=UTC)
    with pytest.raises(Unavailable):
        parse_candles("c", body(sample | {"s": "error"}))


def test_no_data_is_an_empty_answer():
    assert parse_candles("c", b'{"s":"no_data","nb":1484871000}') == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"[]",
        b'{"s":"fine"}',
        history(c=[11.0]),
        history(t=[SECONDS, SECONDS, SECONDS + 60]),
        history(t=[SECONDS, SECONDS - 60, SECONDS + 60]),
        history(t=[-1, 0, 1]),
        history(t=[10**12, 10**13, 10**14]),
        history(h=[10.5, 13.0, 14.0]),
        history(o=[0.0, 11.0, 12.0]),
        history(v=[-1.0, 0.0, 0.0]),
        history(c=[None, 12.0, 13.0]),
        history(c=["11", 12.0, 13.0]),
        history().replace(b"11.0", b"NaN"),
        history().replace(b"11.0", b"1e999"),
    ],
    ids=range(16),
)
def test_broken_candles_are_malformed(answer):
    with pytest.raises(Malformed):
        parse_candles("c", answer)


async def test_only_the_window_asked_for_is_returned():
    charts = Charts(FakeHttp({"chart": history(5)}), ROOTS)
    window = NOON + timedelta(minutes=1), NOON + timedelta(minutes=3)
    candles = await charts.candles(market(), 60, *window)
    assert (candles[0].at, candles[-1].at) == window


async def test_markets_are_asked_for_by_kind_and_id():
    http = FakeHttp({"history": history()})
    charts = Charts(http, ROOTS)
    await charts.candles(market(), 300, NOON, NOON)
    await charts.candles(market(MarketKind.PERPETUAL), 86_400, NOON, NOON)
    query = f"marketId={market_id(1)}&resolution={{}}&from={SECONDS}&to={SECONDS}"
    assert http.requests == [
        f"GET {ROOTS[0]}/spot/history?{query.format('5')}",
        f"GET {ROOTS[0]}/derivative/history?{query.format('1D')}",
    ]


async def test_the_root_that_answered_is_asked_first_from_then_on():
    http = FakeHttp({"chronos": history(), "chart": Unavailable("c", "503")})
    charts = Charts(http, ROOTS)
    for _ in range(2):
        assert await charts.candles(market(), 60, NOON, NOON)
    assert [request.split("/spot")[0] for request in http.requests] == [f"GET {ROOTS[i]}" for i in (0, 1, 1)]


@pytest.mark.parametrize("first", [b"<html>", NotFound("c", "404"), b'{"s":"error"}'])
async def test_any_failure_of_a_root_leads_to_the_next(first):
    charts = Charts(FakeHttp({"chart": first, "chronos": history()}), ROOTS)
    assert await charts.candles(market(), 60, NOON, NOON)


async def test_when_no_root_answers_the_likeliest_says_why():
    charts = Charts(FakeHttp({"chart": Unavailable("c", "503"), "chronos": NotFound("c", "404")}), ROOTS)
    with pytest.raises(Unavailable, match="503"):
        await charts.candles(market(), 60, NOON, NOON)
    with pytest.raises(Unavailable, match="no candle service"):
        await Charts(FakeHttp({}), ()).candles(market(), 60, NOON, NOON)


async def test_a_length_nobody_cuts_is_refused_without_asking():
    http = FakeHttp({})
    with pytest.raises(NotFound) as raised:
        await Charts(http, ROOTS).candles(market(), 7, NOON, NOON)
    assert isinstance(raised.value, DataError)
    assert " 60, " in raised.value.hint
    assert http.requests == []
