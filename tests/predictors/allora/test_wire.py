import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from defi_analytics.errors import Malformed
from defi_analytics.metrics.dispersion import central_interval, probability_above
from defi_analytics.predictors.allora.inference import WorkerValue
from defi_analytics.predictors.allora.wire import (
    TopicRow,
    ascending_knots,
    parse_block_time,
    parse_is_active,
    parse_network_inference,
    parse_next_topic_id,
    parse_topic,
)
from tests.predictors.allora.payloads import block, chain_topic, labelled, sample, v9, v9_of_topic_13, v10


def edited(body: bytes, **fields) -> bytes:
    payload = json.loads(body)
    payload["network_inferences"].update(fields)
    return json.dumps(payload).encode()


def test_the_v10_sample_is_read_to_the_last_digit():
    inference = parse_network_inference(sample("lcd_v10_latest_network_inferences_topic1_docs.json"))
    assert (inference.topic_id, inference.nonce) == (1, 1349577)
    assert inference.combined == inference.naive == Decimal("2605.533879185080648394998043723508")
    assert [w.value for w in inference.inferers] == [Decimal("2611.01109296"), Decimal("2661.505295679922")]
    assert inference.forecasters == (
        WorkerValue("allo1za8r9v0st4ntfyeka23qs5wvd7mvsnzhztupk0", Decimal("2610.16")),
    )
    assert inference.percentiles == ()


def test_the_historic_sample_carries_weights_and_the_chains_own_percentiles():
    inference = parse_network_inference(sample("lcd_v4_v7_latest_network_inferences_topic1_docs.json"))
    assert inference.combined == Decimal("2605.533879185080648394998043723508")
    assert inference.inferers[0].weight == Decimal("0.0002191899319465528034563075461505151")
    assert inference.forecasters[0].weight == Decimal("0.1444137067859501612197657742201029")
    assert [
        round(probability_above(x, inference.knots()), 4) for x in (2550, 2605.5339, 2611.0331, 2650)
    ] == [
        0.8104,
        0.5280,
        0.5,
        0.2406,
    ]
    assert [round(bound, 2) for bound in central_interval(0.95, inference.knots())] == [2493.01, 2682.49]


def test_the_real_v9_bundle_of_topic_13_is_4260_0589():
    inference = parse_network_inference(v9_of_topic_13())
    assert (inference.topic_id, inference.nonce) == (13, 5100955)
    assert inference.combined == Decimal("4260.058888453676459961899479786112")
    assert round(inference.combined, 4) == Decimal("4260.0589")
    assert inference.naive is not None
    assert round(inference.naive, 4) == Decimal("4261.4878")
    assert (len(inference.inferers), len(inference.forecasters)) == (6, 5)
    assert [round(knot.value, 4) for knot in inference.knots()] == [
        4255.6228,
        4256.8562,
        4258.7172,
        4266.6875,
        4268.5123,
    ]


def test_v9_and_v10_bodies_of_the_same_values_read_the_same():
    assert parse_network_inference(v9()) == parse_network_inference(v10(forecasters=()))


def test_a_negative_log_return_keeps_its_sign():
    assert parse_network_inference(v10(value="-0.01125")).combined == Decimal("-0.01125")


def test_missing_workers_and_naive_value_are_not_an_error():
    body = edited(v10(), naive_value=[], inferer_values=None, forecaster_values=None)
    inference = parse_network_inference(body)
    assert (inference.naive, inference.inferers, inference.forecasters, inference.knots()) == (
        None,
        (),
        (),
        (),
    )


def test_a_null_nonce_inside_the_bundle_leaves_the_height_outside():
    body = edited(v9(), reputer_request_nonce={"reputer_nonce": None})
    assert parse_network_inference(body).nonce == 900


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"combined_value": labelled("1") + labelled("2") + labelled("3")}, "3 labels"),
        ({"combined_value": []}, "0 labels"),
        ({"combined_value": "NaN"}, "not a number"),
        ({"combined_value": "1e999999"}, "not a number"),
        ({"combined_value": 64000.5}, "Expected"),
        ({"nonce": "901"}, "not the inference's block height 900"),
        ({"reputer_request_nonce": {"reputer_nonce": {"block_height": "1"}}}, "block height 900"),
        ({"topic_id": "-1"}, "whole number"),
        ({"inferer_values": [{"worker": "a"}]}, "no value"),
        ({"inferer_values": [{"worker": "a", "values": labelled("1") * 2}]}, "2 labels"),
    ],
)
def test_an_inference_that_does_not_add_up_is_malformed(fields, words):
    with pytest.raises(Malformed, match=words):
        parse_network_inference(edited(v10(), **fields))


def test_a_negative_weight_is_malformed():
    payload = json.loads(v9())
    payload["inferer_weights"] = [{"worker": "allo1i0", "weight": "-1"}]
    with pytest.raises(Malformed, match="negative"):
        parse_network_inference(json.dumps(payload).encode())


@pytest.mark.parametrize("key", ["sdk_block", "block"])
def test_block_time_is_read_from_either_form_of_the_header(key):
    body = block(3834581, "2025-05-14T12:08:53.93Z", key)
    assert parse_block_time(body, 3834581) == datetime(2025, 5, 14, 12, 8, 53, 930000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "neither"),
        (block(901), "asked for 900"),
        (block(time="yesterday"), "not a time"),
        (block(time="9999-12-31T23:59:59Z"), "not a time"),
    ],
)
def test_a_block_that_is_not_the_one_asked_for_is_malformed(body, words):
    with pytest.raises(Malformed, match=words):
        parse_block_time(body, 900)


def test_discovery_answers_are_read():
    assert parse_topic(chain_topic(14, "BTC/USD - Price Prediction - 8h")) == TopicRow(
        14, "BTC/USD - Price Prediction - 8h", 60
    )
    assert parse_next_topic_id(b'{"next_topic_id":"24"}') == 24
    assert parse_is_active(b'{"is_active":true}') is True


def test_a_count_of_topics_that_would_ask_forever_is_malformed():
    with pytest.raises(Malformed, match="up to 10000"):
        parse_next_topic_id(b'{"next_topic_id":"9999999999"}')


@pytest.mark.parametrize(
    ("ps", "values"),
    [
        ("2.28 50", "10"),
        ("50 2.28", "10 20"),
        ("2.28 50", "20 10"),
        ("2.28 50", "2.28 50"),
        ("-1 50", "10 20"),
        ("2.28 101", "10 20"),
    ],
)
def test_percentiles_that_are_no_distribution_are_left_out(ps, values):
    assert ascending_knots([Decimal(p) for p in ps.split()], [Decimal(v) for v in values.split()]) == ()
