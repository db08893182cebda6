"""A transaction's result as the gateway tells it."""

import json
from typing import Any

from defi_analytics.venues.injective.chain.protos import protos
from tests.venues.injective.chain.kit import HEIGHT, FakeNode, a_chain

HASH = "AB" * 32


ONE, TWO = "0x" + "1a" * 32, "0x" + "2b" * 32


def outcome(data: bytes = b"", events: Any = (), **changes: Any) -> bytes:
    response = {
        "height": str(HEIGHT),
        "txhash": HASH,
        "codespace": "",
        "code": 0,
        "data": data.hex().upper(),
        "raw_log": "",
        "logs": [],
        "gas_wanted": "300000",
        "gas_used": "123456",
        "tx": None,
        "timestamp": "2026-01-02T12:00:00Z",
        "events": list(events),
    }
    return json.dumps({"tx": {}, "tx_response": response | changes}).encode()


def batch(**fields: Any) -> Any:
    return protos().exchange.MsgBatchUpdateOrdersResponse(**fields)


def order_fail(flags: str, cids: str) -> dict[str, Any]:
    pairs = {"account": '"aW5q"', "hashes": "[]", "flags": flags, "cids": cids, "msg_index": "0"}
    return {
        "type": "injective.exchange.v2.EventOrderFail",
        "attributes": [{"key": key, "value": value, "index": True} for key, value in pairs.items()],
    }


async def found(body: bytes) -> Any:
    return await a_chain(FakeNode(**{"/txs/": body})).find(HASH)
