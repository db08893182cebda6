"""Small bodies in the chain's and the API's own shapes."""

import json

from tests.shared_data import shared, shared_json

LCD = "https://allora-api.mainnet.allora.network"
V9_BUNDLE = "samples/allora/event_v9_EventNetworkInferences_topic13_value_bundle_decoded.json"


def sample(name: str) -> bytes:
    return shared(f"samples/allora/{name}").read_bytes()


def labelled(value: str) -> list[dict]:
    return [{"label_id": 1, "label_name": "y", "value": value}]


def v10(topic_id=14, value="64000.5", nonce=900, workers=("63900", "64000", "64100"), forecasters=("64050",)):
    return json.dumps(
        {
            "network_inferences": {
                "topic_id": str(topic_id),
                "nonce": str(nonce),
                "combined_value": labelled(value),
                "inferer_values": [
                    {"worker": f"allo1i{i}", "values": labelled(v)} for i, v in enumerate(workers)
                ],
                "forecaster_values": [
                    {"worker": f"allo1f{i}", "values": labelled(v)} for i, v in enumerate(forecasters)
                ],
                "naive_value": labelled(value),
            },
            "inference_block_height": str(nonce),
        }
    ).encode()


def v9(topic_id=14, value="64000.5", nonce=900, workers=("63900", "64000", "64100")):
    return json.dumps(
        {
            "network_inferences": {
                "topic_id": str(topic_id),
                "reputer_request_nonce": {"reputer_nonce": {"block_height": str(nonce)}},
                "extra_data": None,
                "combined_value": value,
                "naive_value": value,
                "inferer_values": [{"worker": f"allo1i{i}", "value": v} for i, v in enumerate(workers)],
                "forecaster_values": [],
            },
            "inference_block_height": str(nonce),
        }
    ).encode()


def v9_of_topic_13() -> bytes:
    bundle = shared_json(V9_BUNDLE)
    return json.dumps({"network_inferences": bundle, "inference_block_height": "5100955"}).encode()


def block(height=900, time="2026-01-02T11:58:31.123456789Z", key="sdk_block"):
    return json.dumps({key: {"header": {"height": str(height), "time": time}}}).encode()


def chain_topic(topic_id, name, epoch=60):
    return json.dumps(
        {"topic": {"id": str(topic_id), "metadata": name, "epoch_length": str(epoch)}, "weight": "0"}
    ).encode()


def topics_page(rows, token=None):
    return json.dumps(
        {"request_id": "r", "status": True, "data": {"topics": rows, "continuation_token": token}}
    ).encode()


def topic_row(topic_id=14, name="BTC/USD - Price Prediction - 8h", active=True, latest=None):
    row = {"topic_id": topic_id, "topic_name": name, "epoch_length": 60, "is_active": active}
    return row if latest is None else row | {"latest_network_inference": latest}


def latest(value="64000.5", naive="64001", millis=1767355111123):
    """1767355111123 is 2026-01-02T11:58:31.123Z."""
    return {"combined_value": value, "naive_value": naive, "timestamp": millis}


def consumer(topic_id=42, value="64000.5", timestamp=1767355200, **extra):
    scaled = str(int(float(value) * 10**6) * 10**12)
    data = {
        "network_inference": scaled,
        "network_inference_normalized": value,
        "topic_id": str(topic_id),
        "timestamp": timestamp,
        "extra_data": "0x",
    } | extra
    return json.dumps(
        {"request_id": "r", "status": True, "data": {"token_decimals": 18, "inference_data": data}}
    ).encode()
