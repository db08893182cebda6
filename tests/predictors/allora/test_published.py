import json
from datetime import UTC, datetime

import pytest

from defi_analytics.errors import Malformed
from defi_analytics.predictors.allora.published import (
    parse_atlas_candles,
    parse_atlas_datasets,
    parse_published_networks,
    parse_published_topics,
)
from tests.predictors.allora.payloads import sample


def test_the_published_list_holds_58_topics_of_which_two_are_playgrounds():
    topics = parse_published_topics(sample("docs_topics_2026-09-05.json"))
    assert len(topics) == 58
    assert [(t.network, t.row.topic_id) for t in topics if t.sandbox] == [("testnet", 69), ("testnet", 77)]


def test_the_published_endpoints_are_read_without_their_trailing_slash():
    networks = parse_published_networks(sample("docs_networks_2026-07-31.json"))
    assert networks["mainnet"].lcd_url == "https://allora-api.mainnet.allora.network"
    assert {name: network.emissions for name, network in networks.items()} == {
        "testnet": "v10",
        "mainnet": "v9",
    }


def test_one_minute_candles_hold_their_prices_in_values():
    (candle,) = parse_atlas_candles(sample("atlas_rows_raw_2026-07-30.json"))
    assert candle.at == datetime(2026, 7, 30, 21, 59, tzinfo=UTC)
    assert (candle.open, candle.close, candle.volume) == (64693.15622176585, 64688.67038416061, 0.72766832)


def test_hourly_candles_hold_them_beside_the_time():
    (candle,) = parse_atlas_candles(sample("atlas_rows_1h_2026-07-30.json"))
    assert (candle.high, candle.low) == (64844.579994222186, 64639.41675187879)


def test_candles_come_oldest_first():
    row = {"open": 1, "high": 1, "low": 1, "close": 1, "volume": 0}
    rows = [{"timestamp": f"2026-07-30T{hour}:00:00Z"} | row for hour in ("19", "18")]
    candles = parse_atlas_candles(json.dumps({"results": rows}).encode())
    assert [candle.at.hour for candle in candles] == [18, 19]


@pytest.mark.parametrize("odd", [{"close": None}, {"close": -1}, {"timestamp": "today"}])
def test_a_candle_that_is_not_whole_is_malformed(odd):
    row = {"timestamp": "2026-07-30T19:00:00Z", "open": 1, "high": 1, "low": 1, "close": 1, "volume": 0} | odd
    with pytest.raises(Malformed, match="candles"):
        parse_atlas_candles(json.dumps({"results": [row]}).encode())


def test_the_dataset_of_btc_has_the_known_name():
    assert parse_atlas_datasets(sample("atlas_datasets_btcusd_2026-07-30.json")) == ("tiingo_btcusd_1min",)
