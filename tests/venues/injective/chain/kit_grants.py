"""What an account has granted, as the gateway tells it."""

import json
from importlib import import_module
from typing import Any

from defi_analytics.venues.injective.chain import grants
from tests.venues.injective.chain.kit import OTHER_SUBACCOUNT, PERP_ID, SPOT_ID, opened


def row(
    kind: str = grants.AUTHORIZATION, expiration: str | None = "2026-02-01T12:00:00Z", **fields: Any
) -> dict[str, Any]:
    return {"authorization": {"@type": kind, **fields}, "expiration": expiration}


def trading(**changes: Any) -> dict[str, Any]:
    own = {"subaccount_id": OTHER_SUBACCOUNT, "spot_markets": [SPOT_ID], "derivative_markets": [PERP_ID]}
    return row(**{**own, **changes})


def answer(*rows: Any, key: str | None = None) -> bytes:
    return json.dumps({"grants": list(rows), "pagination": {"next_key": key, "total": "0"}}).encode()


def message_of(document: dict[str, Any]) -> Any:
    """Of an unsigned transaction, as whatever signs it understands it."""
    from google.protobuf import any_pb2, json_format

    for name in ("injective.exchange.v2.authz_pb2", "cosmos.authz.v1beta1.tx_pb2"):
        import_module(f"pyinjective.proto.{name}")
    (content,) = document["body"]["messages"]
    return opened(json_format.ParseDict(content, any_pb2.Any()))
