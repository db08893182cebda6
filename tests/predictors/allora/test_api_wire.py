import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from defi_analytics.errors import Malformed, Unavailable
from defi_analytics.predictors.allora.api_wire import (
    parse_consumer,
    parse_row_inference,
    parse_signed_arguments,
    parse_topics_page,
)
from tests.predictors.allora.payloads import consumer, latest, sample, topic_row, topics_page
from tests.shared_data import shared_json


def test_the_newest_real_consumer_payload_has_no_percentiles():
    inference = parse_consumer(sample("consumer_topic69_2026-07-30.json"))
    assert inference.topic_id == 69
    assert inference.value == Decimal("64609.501828101036794984")
    assert inference.signed_at == datetime(2026, 7, 30, 21, 58, 40, tzinfo=UTC)
    assert inference.percentiles == ()


def test_the_2024_payload_has_a_textual_timestamp_and_no_normalized_value():
    inference = parse_consumer(sample("consumer_price_ETH_2024-07-01_docs.json"))
    assert inference.value == Decimal("3365.485208027959000000")
    assert inference.signed_at == datetime(2024, 7, 1, 20, 46, 17, tzinfo=UTC)


def test_percentiles_repeated_as_values_are_no_percentiles():
    assert parse_consumer(sample("consumer_price_ETH_2024-07-01_docs.json")).percentiles == ()


def test_the_same_inference_as_contract_arguments_has_its_true_percentiles():
    inference = parse_signed_arguments(sample("consumer_signed_args_2024-07-01_verifyDataExampleSimple.json"))
    assert (inference.topic_id, inference.value) == (9, Decimal("3365.485208027959"))
    assert [knot.percentile for knot in inference.percentiles] == [2.28, 15.87, 50.0, 84.13, 97.72]
    assert inference.percentiles[-1].value == pytest.approx(3278.333171848616)
    assert inference.value > inference.percentiles[-1].value


def test_the_2025_payload_cut_short_still_gives_its_value():
    cut = shared_json("samples/allora/consumer_topic47_2025-03-11_agentkit_pr110_TRUNCATED.json")
    data = cut | {"topic_id": "47", "timestamp": "1741651200"}
    body = json.dumps({"status": True, "data": {"inference_data": data}}).encode()
    inference = parse_consumer(body)
    assert inference.value == Decimal("83060.032720684358732457")
    assert inference.percentiles == ()


def test_the_sdks_own_mock_is_read_by_its_normalized_fields():
    inference = parse_consumer(sample("sdk_mock_inference_response.json"))
    assert inference.value == 1
    assert [tuple(knot) for knot in inference.percentiles] == [(0.25, 0.9), (0.75, 1.1)]


def test_the_sdks_own_page_of_topics_is_read():
    page = parse_topics_page(sample("sdk_mock_topics_response.json"))
    assert [tuple(topic.row) for topic in page.topics] == [(1, "Test Topic", 300), (2, "Test Topic", 300)]
    assert page.next_token == ""


def test_the_real_rows_of_2025_are_read():
    rows = shared_json("samples/allora/api_topics_rows_2025-03-07_agentkit_pr115.json")
    page = parse_topics_page(topics_page(rows, "next"))
    assert [(topic.row.topic_id, topic.active) for topic in page.topics] == [
        (3, True),
        (1, True),
        (44, True),
        (46, False),
    ]
    assert [parse_row_inference(topic.latest) for topic in page.topics] == [None] * 4
    assert page.next_token == "next"


def test_a_rows_latest_inference_is_in_milliseconds_and_may_be_negative():
    (topic,) = parse_topics_page(topics_page([topic_row(latest=latest("-0.0112", "-0.0113"))])).topics
    inference = parse_row_inference(topic.latest)
    assert inference is not None
    assert (inference.value, inference.naive) == (Decimal("-0.0112"), Decimal("-0.0113"))
    assert inference.made_at == datetime(2026, 1, 2, 11, 58, 31, 123000, tzinfo=UTC)


def test_a_row_may_lack_its_naive_value():
    (topic,) = parse_topics_page(topics_page([topic_row(latest=latest(naive=None))])).topics
    inference = parse_row_inference(topic.latest)
    assert inference is not None
    assert inference.naive is None


def test_one_topics_odd_value_does_not_cost_the_list():
    page = parse_topics_page(topics_page([topic_row(latest=[1, 2]), topic_row(15)]))
    assert len(page.topics) == 2
    with pytest.raises(Malformed, match="latest inference"):
        parse_row_inference(page.topics[0].latest)


@pytest.mark.parametrize("parse", [parse_consumer, parse_topics_page])
def test_a_refusal_is_unavailable_with_the_apis_words_made_safe(parse):
    body = json.dumps({"status": False, "apiResponseMessage": "no \x1b[31mmodel" + "!" * 5000}).encode()
    with pytest.raises(Unavailable, match=r"the API refused: no \[31mmodel!") as caught:
        parse(body)
    assert len(caught.value.message) < 300


def test_a_refusal_without_a_reason_says_so():
    with pytest.raises(Unavailable, match="no reason given"):
        parse_consumer(b'{"status":false,"apiResponseMessage":null,"data":null}')


@pytest.mark.parametrize("body", [b'{"status":true}', b'{"status":true,"data":null}'])
def test_success_without_data_is_malformed(body):
    with pytest.raises(Malformed, match="no data"):
        parse_consumer(body)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"network_inference": "-5"}, "whole number"),
        ({"network_inference": str(2**256)}, "whole number"),
        ({"network_inference": "1000000000000000000"}, "normalized form"),
        ({"network_inference_normalized": "1e999999"}, "not a number"),
        ({"timestamp": "soon"}, "whole number"),
        ({"timestamp": 10**12}, "whole number"),
        ({"timestamp": None}, "Expected"),
    ],
)
def test_a_signed_inference_that_does_not_add_up_is_malformed(fields, words):
    with pytest.raises(Malformed, match=words):
        parse_consumer(consumer(**fields))
