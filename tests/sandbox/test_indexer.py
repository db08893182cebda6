from itertools import pairwise

import pytest

from defi_analytics.sandbox.listings import PERPETUALS, SPOT
from tests.fakes import NOON

NOON_S = int(NOON.timestamp())
INJ = SPOT[0]
PERP = PERPETUALS[0].market_id


def check_candles(found):
    assert found["s"] == "ok"
    rows = list(zip(*(found[name] for name in "tohlcv"), strict=True))
    for _, opened, high, low, close, volume in rows:
        assert low <= min(opened, close) <= max(opened, close) <= high
        assert volume > 0
    return rows


@pytest.mark.parametrize("service", ["chart", "chronos"])
@pytest.mark.parametrize(("kind", "market_id"), [("spot", INJ.market_id), ("derivative", PERP)])
async def test_history_is_told_by_both_services_in_columns_oldest_first(get, clock, service, kind, market_id):
    clock.advance(30)
    path = f"/api/{service}/v1/{kind}/history"
    rows = check_candles(await get(path, marketId=market_id, resolution="1", countback="5"))
    assert [row[0] for row in rows] == [NOON_S - 240 + 60 * n for n in range(5)]
    assert all(later[1] == earlier[4] for earlier, later in pairwise(rows))


async def test_history_can_be_asked_by_time_and_by_denoms(get):
    found = await get(
        "/api/chart/v1/spot/history",
        symbol=f"{INJ.base_denom}/{INJ.quote_denom}",
        resolution="5", **{"from": NOON_S - 1800, "to": NOON_S - 600},
    )  # fmt: skip
    assert [row[0] for row in check_candles(found)] == list(range(NOON_S - 1800, NOON_S - 599, 300))


async def test_the_last_candle_closes_near_the_market_and_none_is_from_the_future(get):
    found = await get("/api/chart/v1/spot/history", marketId=INJ.market_id, resolution="60", to=NOON_S + 9999)
    top = await get(f"/injective/exchange/v2/spot/mid_price_and_tob/{INJ.market_id}")
    assert found["c"][-1] == pytest.approx(float(top["mid_price"]), rel=1e-3)
    assert found["t"][-1] == NOON_S


async def test_a_time_with_no_candles_is_no_data(get):
    found = await get(
        "/api/chart/v1/spot/history",
        marketId=INJ.market_id,
        resolution="1",
        **{"from": NOON_S + 60, "to": NOON_S + 90},
    )
    assert (found["s"], found["t"]) == ("no_data", [])


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/api/chart/v1/spot/history", {"marketId": "0x1", "resolution": "1"}),
        ("/api/chart/v1/spot/history", {"marketId": PERP, "resolution": "1"}),
        ("/api/chart/v1/spot/history", {"marketId": INJ.market_id, "resolution": "7"}),
        ("/api/exchange/derivative/v1/fundingRates", {"marketId": INJ.market_id}),
    ],
)
async def test_what_it_does_not_know_is_the_indexers_own_error(get, path, params):
    assert (await get(path, 404, **params))["name"] == "not_found"


async def test_several_markets_histories_come_in_one_answer(get):
    found = await get(
        "/api/chart/v1/market/history", marketIDs=[INJ.market_id, PERP, "0x1"], resolution="1", countback="2"
    )
    assert [row["marketID"] for row in found] == [INJ.market_id, PERP]
    assert all(len(row["c"]) == 2 for row in found)


async def test_funding_rates_are_hourly_newest_first_and_paged(get):
    path = "/api/exchange/derivative/v1/fundingRates"
    first = (await get(path, marketId=PERP, limit="3"))["fundingRates"]
    rest = (await get(path, marketId=PERP, limit="2", skip="1"))["fundingRates"]
    assert rest == first[1:]
    assert first[0]["timestamp"] - first[1]["timestamp"] == 3_600_000
    assert all(abs(float(row["rate"])) < 0.000625 for row in first)


async def test_a_path_the_indexer_lacks_is_a_501(get):
    await get("/api/exchange/none", 501)
