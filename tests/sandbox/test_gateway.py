"""No request, however odd, is a fault of the sandbox: what it cannot answer it refuses in the service's own way."""

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from defi_analytics.sandbox import allora, binance, control, hyperliquid, indexer, lcd
from defi_analytics.sandbox.listings import PERPETUALS, SPOT
from defi_analytics.sandbox.moment import BlockClock
from defi_analytics.sandbox.server import Request, Response
from defi_analytics.sandbox.world import World
from tests.fakes import FakeClock

CLOCK = BlockClock(World(1), FakeClock(), hold=True)
MOMENT = CLOCK.moment()
IDS = st.sampled_from(
    [SPOT[0].market_id, PERPETUALS[0].market_id, "0x1", "14", "x", "", "9" * 30, "٣", "-1", "1e9"]
)
values = st.one_of(
    IDS,
    st.text(max_size=8),
    st.sampled_from(["INJUSDT", "1m", "1", "true", "Buy", '["INJUSDT"]', "0", "1795337356"]),
)
params = st.dictionaries(
    st.sampled_from(
        ["limit", "symbol", "symbols", "interval", "marketId", "marketIDs", "resolution", "from", "to", "countback",
         "startTime", "endTime", "skip", "status", "market_ids", "price_id", "base", "quote", "oracle_type",
         "min_edge", "order_side"]
    ),
    values, max_size=6,
)  # fmt: skip
paths = st.sampled_from(
    ["/injective/exchange/v2/spot/orderbook/{}", "/injective/exchange/v2/derivative/markets/{}",
     "/injective/exchange/v2/spot/full_markets", "/injective/oracle/v1beta1/price",
     "/injective/oracle/v1beta1/pyth_price", "/cosmos/base/tendermint/v1beta1/blocks/{}",
     "/api/chart/v1/spot/history", "/api/chart/v1/derivative/history", "/api/chart/v1/market/history",
     "/api/exchange/derivative/v1/fundingRates", "/binance/api/v3/depth", "/binance/api/v3/klines",
     "/binance/api/v3/ticker/bookTicker", "/binance/api/v3/exchangeInfo",
     "/allora/emissions/v10/latest_network_inferences/{}", "/allora/emissions/v10/topics/{}",
     "/allora/emissions/v10/is_topic_active/{}", "/allora/emissions/v10/network_inferences/14/last_inference/{}",
     "/allora/cosmos/base/tendermint/v1beta1/blocks/{}", "/sandbox/truth", "/", "//"]
)  # fmt: skip
SURFACES: dict[str, Callable[..., Response]] = {
    "api": indexer.respond,
    "binance": binance.respond,
    "allora": allora.respond,
}


@given(paths, IDS, params)
def test_any_get_is_answered_or_refused(path, captured, query):
    request = Request("GET", path.format(captured), tuple(query.items()), (), b"")
    first = request.path.split("/", 2)[1]
    if first == "sandbox":
        response = control.respond(request, CLOCK)
    else:
        response = SURFACES.get(first, lcd.respond)(request, MOMENT)
    assert response.status in (200, 400, 404, 501)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["INJ", "1h", "0m", "x"])
bodies = st.fixed_dictionaries(
    {"type": st.sampled_from(["l2Book", "candleSnapshot", "fundingHistory", "meta", "allMids", "x"])},
    optional={
        "coin": scalars | st.lists(scalars, max_size=1),
        "startTime": scalars,
        "endTime": scalars,
        "req": scalars
        | st.dictionaries(st.sampled_from(["coin", "interval", "startTime", "endTime"]), scalars, max_size=4),
    },
)


@given(bodies)
@example({"type": "candleSnapshot", "req": {"coin": "INJ", "interval": "0m", "startTime": 0}})
@example({"type": "fundingHistory", "coin": "INJ", "startTime": 1e308})
def test_any_posted_body_is_answered_or_refused(body):
    response = hyperliquid.respond(
        Request("POST", "/hyperliquid/info", (), (), json.dumps(body).encode()), MOMENT
    )
    assert response.status in (200, 422)


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"type":' * 100_000])
def test_a_body_nested_beyond_reason_is_refused(deep):
    assert hyperliquid.respond(Request("POST", "/hyperliquid/info", (), (), deep), MOMENT).status == 422
