"""The node's own RPC: its status, and what the transactions and the ends of blocks wrote.

Source: CometBFT 0.38's RPC over GET: JSON-RPC 2.0 answers with the id -1, bytes in base64, numbers as text.
"""

import base64
import re
from http import HTTPStatus
from typing import Any

from defi_analytics.sandbox.chain import block_events
from defi_analytics.sandbox.chain.abci import Event, TxResult
from defi_analytics.sandbox.gateway import Route, json_response
from defi_analytics.sandbox.moment import FIRST_HEIGHT, Moment
from defi_analytics.sandbox.node import CHAIN_ID, block_hash, timestamp
from defi_analytics.sandbox.server import Request, Response

_INTERNAL = -32603
_OLDEST = FIRST_HEIGHT - 100_000


def _status(moment: Moment, request: Request) -> Any:
    sync = {
        "latest_block_hash": base64.b64decode(block_hash(moment.height)).hex().upper(),
        "latest_block_height": str(moment.height),
        "latest_block_time": timestamp(moment, moment.block),
        "earliest_block_height": str(_OLDEST),
        "catching_up": False,
    }
    node = {"network": CHAIN_ID, "version": "0.38.17", "moniker": "sandbox"}
    return _result({"node_info": node, "sync_info": sync})


def _block_results(moment: Moment, request: Request) -> Any:
    text = request.first("height").strip('"') or str(moment.height)
    if not re.fullmatch(r"[0-9]{1,18}", text):
        return _error(f'invalid character in height "{text[:40]}"')
    height = int(text)
    if height > moment.height:
        return _error(
            f"height {height} must be less than or equal to the current blockchain height {moment.height}"
        )
    if height < _OLDEST:
        return _error(f"height {height} is not available, lowest height is {_OLDEST}")
    made = moment.chain.blocks.get(height)
    ended = block_events.of_block(made.events) if made else []
    found = {
        "height": str(height),
        "txs_results": [_tx_result(one) for one in made.txs] if made and made.txs else None,
        "finalize_block_events": [_event(one) for one in ended],
        "validator_updates": None,
        "consensus_param_updates": None,
        "app_hash": block_hash(height),
    }
    return _result(found)


def _tx_result(result: TxResult) -> dict[str, Any]:
    return {
        "code": result.code,
        "data": base64.b64encode(result.data).decode() or None,
        "log": result.log,
        "info": "",
        "gas_wanted": str(result.gas_wanted),
        "gas_used": str(result.gas_used),
        "events": [_event(one) for one in result.events],
        "codespace": result.codespace,
    }


def _event(event: Event) -> dict[str, Any]:
    attributes = [{"key": key, "value": value, "index": True} for key, value in event.attributes]
    return {"type": event.kind, "attributes": attributes}


def _result(found: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": -1, "result": found}


def _error(data: str) -> Response:
    error = {"code": _INTERNAL, "message": "Internal error", "data": data}
    return json_response({"jsonrpc": "2.0", "id": -1, "error": error}, HTTPStatus.INTERNAL_SERVER_ERROR)


ROUTES = (
    Route("GET /status", _status),
    Route("GET /block_results", _block_results),
)
