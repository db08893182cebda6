import math
import statistics
from datetime import datetime
from decimal import Decimal

import pytest

from defi_analytics.sandbox.allora import TOPICS, forecast, latest_nonce
from defi_analytics.sandbox.world import World
from tests.fakes import NOON
from tests.shared_data import shared_json

V10 = "/allora/emissions/v10"
BLOCK = "/allora/cosmos/base/tendermint/v1beta1/blocks"


def value(labeled):
    (only,) = labeled
    assert only["label_name"] == "y"
    return Decimal(only["value"])


async def test_inferences_have_the_published_shape_and_five_to_twelve_workers(get):
    published = shared_json("samples/allora/lcd_v10_latest_network_inferences_topic1_docs.json")
    for topic in TOPICS:
        found = await get(f"{V10}/latest_network_inferences/{topic}")
        assert set(found) == set(published)
        bundle = found["network_inferences"]
        assert set(bundle) == set(published["network_inferences"])
        assert bundle["nonce"] == found["inference_block_height"]
        workers = [value(row["values"]) for row in bundle["inferer_values"]]
        assert 5 <= len(workers) <= 12
        assert float(value(bundle["naive_value"])) == pytest.approx(float(sum(workers) / len(workers)))
        assert min(workers) <= value(bundle["naive_value"]) <= max(workers)
        withheld = [row["withheld_inferer"] for row in bundle["one_out_inferer_values"]]
        assert withheld == [row["worker"] for row in bundle["inferer_values"]]
        assert await get(f"{V10}/latest_network_inferences_outlier_resistant/{topic}") == found


async def test_a_price_topic_is_near_the_market_and_a_log_return_near_zero(get):
    prices = await get("/binance/api/v3/ticker/bookTicker", symbol="BTCUSDT")
    price = (await get(f"{V10}/latest_network_inferences/14"))["network_inferences"]
    assert float(value(price["combined_value"])) == pytest.approx(float(prices["askPrice"]), rel=0.1)
    log_return = (await get(f"{V10}/latest_network_inferences/1"))["network_inferences"]
    assert abs(value(log_return["combined_value"])) < Decimal("0.1")


async def test_the_inferences_block_is_fresh_and_can_be_dated(get):
    found = await get(f"{V10}/latest_network_inferences/14")
    header = (await get(f"{BLOCK}/{found['inference_block_height']}"))["sdk_block"]["header"]
    age = (NOON - datetime.fromisoformat(header["time"])).total_seconds()
    assert 12 * 5.85 <= age < (12 + 60 + 1) * 5.85
    latest = (await get(f"{BLOCK}/latest"))["block"]["header"]
    assert 0 <= (NOON - datetime.fromisoformat(latest["time"])).total_seconds() < 5.85


async def test_topics_tell_their_epoch_and_which_are_active(get):
    row = (await get(f"{V10}/topics/14"))["topic"]
    assert row["metadata"] == "BTC/USD - Price Prediction - 8h"
    found = await get(f"{V10}/latest_network_inferences/14")
    assert row["epoch_last_ended"] == found["inference_block_height"]
    assert int((await get(f"{V10}/next_topic_id"))["next_topic_id"]) > max(TOPICS)
    active = [n for n in range(1, 24) if (await get(f"{V10}/is_topic_active/{n}"))["is_active"]]
    assert active == sorted(TOPICS)


async def test_the_listed_topics_are_those_of_mainnet():
    rows = shared_json("samples/allora/docs_topics_2026-09-05.json")["topics"]
    real = {row["id"]: row for row in rows if row["network"] == "mainnet"}
    for topic in TOPICS.values():
        assert (topic.name, topic.epoch_blocks) == (
            real[topic.topic_id]["metadata"],
            real[topic.topic_id]["epoch_length"],
        )


async def test_earlier_epochs_can_be_asked_by_nonce(get):
    latest = await get(f"{V10}/latest_network_inferences/9")
    nonce = int(latest["inference_block_height"])
    assert await get(f"{V10}/network_inferences/9/last_inference/{nonce}") == latest
    earlier = await get(f"{V10}/network_inferences/9/last_inference/{nonce - 60}")
    assert earlier["network_inferences"]["combined_value"] != latest["network_inferences"]["combined_value"]
    for wrong in (nonce - 1, nonce + 60, nonce - 60_000, "x"):
        await get(f"{V10}/network_inferences/9/last_inference/{wrong}", 404)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{V10}/latest_network_inferences/5", 404, 5),
        (f"{V10}/latest_network_inferences/x", 400, 3),
        (f"{V10}/is_topic_active/99", 404, 5),
        (f"{V10}/is_topic_active/x", 404, 5),
        ("/allora/emissions/v9/latest_network_inferences/14", 501, 12),
        (f"{BLOCK}/99999999", 400, 3),
        (f"{BLOCK}/x", 400, 3),
        (f"{BLOCK}/1", 404, 5),
    ],
)
async def test_what_it_does_not_know_is_refused_as_the_chain_refuses(get, path, status, code):
    assert (await get(path, status))["code"] == code


@pytest.mark.parametrize("skill", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("topic", [1, 14])
def test_forecasts_correlate_with_what_happens_by_exactly_the_skill_claimed(skill, topic):
    world, epochs = World(5, skill), range(0, 2_000_000, 2_000)
    made = [forecast(world, TOPICS[topic], latest_nonce(world, TOPICS[topic], block)) for block in epochs]
    said = [one.combined for one in made]
    happened = [one.actual for one in made]
    if not TOPICS[topic].log_return:
        bases = [world.prices.usd("BTC", (one.nonce - 9_000_000) * 9) for one in made]
        said = [math.log(price / base) for price, base in zip(said, bases, strict=True)]
        happened = [math.log(price / base) for price, base in zip(happened, bases, strict=True)]
    assert statistics.correlation(said, happened) == pytest.approx(skill, abs=0.12)


@pytest.mark.parametrize("block_s", [0.05, 0.65, 30.0])
def test_the_forecasts_follow_time_however_long_a_block_of_the_exchange_takes(block_s):
    world, topic = World(5, block_s=block_s), TOPICS[14]
    an_hour, epochs = round(3_600 / block_s), 3_600 / 5.85 / topic.epoch_blocks
    passed = latest_nonce(world, topic, 5 * an_hour) - latest_nonce(world, topic, 0)
    assert passed / topic.epoch_blocks == pytest.approx(5 * epochs, abs=1)


@pytest.mark.parametrize("topic", [1, 14])
def test_in_a_calm_world_no_move_is_foretold(topic):
    world, nonce = World(5, 0.95, calm=True), 9_000_000 + 60 * 75
    base = world.prices.usd("BTC", 60 * 75 * 9)
    assert forecast(world, TOPICS[topic], nonce).combined == (0.0 if TOPICS[topic].log_return else base)
