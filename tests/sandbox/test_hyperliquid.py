from decimal import Decimal

import pytest

from defi_analytics.sandbox.listings import HYPERLIQUID
from tests.fakes import NOON
from tests.shared_data import shared_json

D = Decimal
NOON_MS = int(NOON.timestamp() * 1000)


def names(value):
    """The members of the first row of each list, sorted: what a reader relies on."""
    if isinstance(value, dict):
        return {name: names(item) for name, item in sorted(value.items()) if name != "spread"}
    if isinstance(value, list):
        return [names(value[0])] if value else []
    return type(value).__name__


async def test_books_have_the_recorded_shape_and_twenty_levels(info):
    recorded = shared_json("samples/venues/hyperliquid/sdkcassette_l2Book_DYDX.json")["body"]
    book = await info("l2Book", coin="INJ", nSigFigs=None)
    assert names(book) == names(recorded | {"time": 0})
    assert (book["coin"], book["time"]) == ("INJ", NOON_MS)
    bids, asks = ([D(level["px"]) for level in side] for side in book["levels"])
    assert len(bids) == len(asks) == 20
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] < asks[0]


async def test_prices_have_at_most_five_figures_and_sizes_their_decimals(info):
    for coin, reference in HYPERLIQUID.items():
        for side in (await info("l2Book", coin=coin))["levels"]:
            for level in side:
                assert len(D(level["px"]).normalize().as_tuple().digits) <= 5
                assert D(level["sz"]) % reference.quantity_step == 0


async def test_an_unknown_coin_has_the_null_book_and_a_delisted_one_an_empty_book(info):
    assert await info("l2Book", coin="NOPE") is None
    assert (await info("l2Book", coin="MATIC"))["levels"] == [[], []]


async def test_contexts_line_up_with_the_universe_and_a_delisted_coin_has_nulls(info):
    universe, contexts = await info("metaAndAssetCtxs")
    assert universe == await info("meta")
    by_name = dict(zip([coin["name"] for coin in universe["universe"]], contexts, strict=True))
    assert by_name["MATIC"]["midPx"] is by_name["MATIC"]["impactPxs"] is by_name["MATIC"]["premium"] is None
    book = await info("l2Book", coin="BTC")
    tops = [D(side[0]["px"]) for side in book["levels"]]
    btc = by_name["BTC"]
    assert tops[0] < D(btc["midPx"]) < tops[1]
    assert abs(D(btc["funding"])) < D("0.001")
    assert D(btc["impactPxs"][0]) < D(btc["impactPxs"][1])


async def test_mids_are_those_of_the_books(info):
    mids = await info("allMids", dex="")
    book = await info("l2Book", coin="SOL")
    assert D(mids["SOL"]) == sum(D(side[0]["px"]) for side in book["levels"]) / 2
    assert set(HYPERLIQUID) < set(mids)


async def test_candles_have_the_recorded_shape(info):
    recorded = shared_json("samples/venues/hyperliquid/sdkcassette_candleSnapshot_kPEPE_1h.json")["body"]
    wanted = {"coin": "INJ", "interval": "1h", "startTime": NOON_MS - 3 * 3_600_000, "endTime": NOON_MS - 1}
    candles = await info("candleSnapshot", req=wanted)
    assert names(candles) == names(recorded)
    assert [candle["t"] for candle in candles] == [NOON_MS - n * 3_600_000 for n in (3, 2, 1)]
    assert all(candle["T"] == candle["t"] + 3_599_999 for candle in candles)
    assert all(D(candle["l"]) <= D(candle["c"]) <= D(candle["h"]) for candle in candles)


async def test_funding_history_is_hourly_oldest_first(info):
    recorded = shared_json("samples/venues/hyperliquid/sdkcassette_fundingHistory_BTC.json")["body"]
    history = await info("fundingHistory", coin="BTC", startTime=NOON_MS - 5 * 3_600_000)
    assert names(history) == names(recorded)
    assert [row["time"] - 76 for row in history] == [NOON_MS - n * 3_600_000 for n in range(5, -1, -1)]
    assert len(await info("fundingHistory", coin="BTC", startTime=0)) == 500


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "nope"},
        {"kind": "l2Book"},
        {"kind": "candleSnapshot", "req": {"coin": "INJ", "interval": "x", "startTime": 0}},
        {"kind": "candleSnapshot", "req": {"coin": "NOPE", "interval": "1m", "startTime": 0}},
        {"kind": "candleSnapshot", "req": None},
    ],
)
async def test_what_it_cannot_read_is_a_422_in_plain_text(info, body):
    kind = body.pop("kind")
    assert "Failed to deserialize" in await info(kind, 422, **body)


async def test_only_json_objects_are_posted(client):
    assert (await client.post("/hyperliquid/info", content=b"{")).status_code == 422
    assert (await client.post("/hyperliquid/info", content=b"[]")).status_code == 422
    assert (await client.request("GET", "/hyperliquid/info", json={"type": "meta"})).status_code == 405
