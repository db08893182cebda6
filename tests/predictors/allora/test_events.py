import json
from decimal import Decimal

import pytest

from defi_analytics.errors import Malformed
from defi_analytics.predictors.allora.events import parse_block_events
from defi_analytics.predictors.allora.wire import parse_network_inference
from tests.predictors.allora.payloads import sample, v9_of_topic_13
from tests.shared_data import shared


def event(type_, **attributes):
    return {
        "type": type_,
        "attributes": [
            *({"key": k, "value": json.dumps(v), "index": True} for k, v in attributes.items()),
            {"key": "mode", "value": "EndBlock", "index": True},
        ],
    }


def body(*events):
    return json.dumps({"height": "1", "events": events}).encode()


V10 = {
    "topic_id": "14",
    "nonce": "900",
    "outlier_resistant": False,
    "label_names": ["y"],
    "combined_value": ["-0.0112"],
    "naive_value": ["-0.0113"],
    "inferer_addresses": ["i0", "i1"],
    "inferer_values": [["-0.01"], ["1E-40"]],
    "forecaster_addresses": ["f0"],
    "forecaster_values": [["-0.02"]],
}
V10_TYPE = "emissions.v10.EventNetworkInferenceBundle"
V9_TYPE = "emissions.v9.EventNetworkInferences"


def test_the_real_v9_event_is_the_inference_the_lcd_would_have_told():
    events = sample("event_v9_NewBlockEvents_h5100967_emissions_only.json")
    assert parse_block_events(events) == (parse_network_inference(v9_of_topic_13()),)


def test_a_whole_recorded_block_of_a_subscription_holds_the_same_one():
    recorded = shared("data/allora/new_block_events_5100967.json").read_bytes()
    assert parse_block_events(recorded) == (parse_network_inference(v9_of_topic_13()),)


def test_a_v10_event_is_read_from_its_columns():
    (inference,) = parse_block_events(body(event(V10_TYPE, **V10)))
    assert (inference.topic_id, inference.nonce) == (14, 900)
    assert (inference.combined, inference.naive) == (Decimal("-0.0112"), Decimal("-0.0113"))
    assert [(w.worker, w.value) for w in inference.inferers] == [
        ("i0", Decimal("-0.01")),
        ("i1", Decimal("1e-40")),
    ]
    assert [w.value for w in inference.forecasters] == [Decimal("-0.02")]


def test_of_the_two_v10_events_of_an_epoch_the_plain_one_is_kept():
    twin = event(V10_TYPE, **V10 | {"outlier_resistant": True, "combined_value": ["9"]})
    plain = event(V10_TYPE, **V10)
    assert [i.combined for i in parse_block_events(body(twin, plain))] == [Decimal("-0.0112")]


def test_a_classification_is_left_out():
    classes = V10 | {"label_names": ["up", "flat", "down"], "combined_value": ["1", "2", "3"]}
    assert parse_block_events(body(event(V10_TYPE, **classes), event("emissions.v10.EventScoresSet"))) == ()


def test_a_late_v9_event_holds_its_bundle_in_columns():
    columns = {"combined_value": "4260.5", "inferer_addresses": ["i0"], "inferer_values": ["4261"]}
    (inference,) = parse_block_events(
        body(event(V9_TYPE, topic_id="13", nonce="900", value_bundle=None, bundle=columns))
    )
    assert (inference.combined, inference.naive, inference.forecasters) == (Decimal("4260.5"), None, ())
    assert inference.inferers[0].value == 4261


def test_block_results_name_the_list_differently():
    results = {"result": {"height": "1", "finalize_block_events": [event(V10_TYPE, **V10)]}}
    assert len(parse_block_events(json.dumps(results).encode())) == 1


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"{}", "no list"),
        (b'{"result":{}}', "no list"),
        (body(event(V10_TYPE, **{k: v for k, v in V10.items() if k != "nonce"})), "no nonce"),
        (body(event(V10_TYPE, **{k: v for k, v in V10.items() if k != "combined_value"})), "0 labels"),
        (body(event(V10_TYPE, **V10 | {"label_names": [], "combined_value": ["1", "2"]})), "2 labels"),
        (body(event(V10_TYPE, **V10 | {"inferer_addresses": ["i0"]})), "zip"),
        (body(event(V10_TYPE, **V10 | {"combined_value": ["NaN"]})), "not a number"),
        (
            body(
                event(
                    V9_TYPE,
                    topic_id="9",
                    block_height="1",
                    value_bundle={"topic_id": "8", "combined_value": "1"},
                )
            ),
            "topic 8 under topic 9",
        ),
        (
            b'{"events":[{"type":"%s","attributes":[{"key":"topic_id","value":"\\"1"}]}]}'
            % V10_TYPE.encode(),
            "block events",
        ),
    ],
)
def test_an_event_that_does_not_add_up_is_malformed(payload, words):
    with pytest.raises(Malformed, match=words):
        parse_block_events(payload)
