"""What the chain's node tells of itself: blocks, versions, the base fee.

Source: the queries of cosmos.base.tendermint.v1beta1 and injective.txfees.v1beta1.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from defi_analytics.sandbox.gateway import Code, Refused, Route
from defi_analytics.sandbox.moment import FIRST_HEIGHT, Moment
from defi_analytics.sandbox.prices import Noise
from defi_analytics.sandbox.server import Request

CHAIN_ID = "injective-777"
"""Not mainnet's, although its markets are: what is signed for the sandbox must be worthless elsewhere."""

_LEAST_GAS_PRICE = 160_000_000


def block_header(chain_id: str, height: int, time: str) -> dict[str, Any]:
    return {
        "version": {"block": "11", "app": "0"},
        "chain_id": chain_id,
        "height": str(height),
        "time": time,
        "app_hash": block_hash(height),
    }


def block_hash(height: int) -> str:
    """32 bytes in base64, invented but always the same."""
    words = (Noise(height).bits(n).to_bytes(8, "big") for n in range(4))
    return base64.b64encode(b"".join(words)).decode()


def timestamp(moment: Moment, block: float) -> str:
    return time_text(moment.time_of(block))


def time_text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def block(height: int, chain_id: str, time: str, txs: Sequence[bytes] = ()) -> dict[str, Any]:
    header = block_header(chain_id, height, time)
    content: dict[str, Any] = {
        "header": header,
        "data": {"txs": [base64.b64encode(raw).decode() for raw in txs]},
        "evidence": {"evidence": []},
        "last_commit": None,
    }
    return {
        "block_id": {
            "hash": block_hash(height),
            "part_set_header": {"total": 1, "hash": block_hash(-height)},
        },
        "block": content,
        "sdk_block": content,
    }


def latest_block(moment: Moment, request: Request | None = None) -> dict[str, Any]:
    return _block(moment, moment.height)


def _block_at(moment: Moment, request: Request, height: str) -> Any:
    if not height.isdecimal() or not FIRST_HEIGHT - 100_000 <= int(height) <= moment.height:
        raise Refused(Code.INVALID_ARGUMENT, "requested block height is not available")
    return _block(moment, int(height))


def _block(moment: Moment, height: int) -> dict[str, Any]:
    made = moment.chain.blocks.get(height) if moment.chain is not None else None
    time = timestamp(moment, height - FIRST_HEIGHT) if made is None else time_text(made.at)
    return block(height, CHAIN_ID, time, () if made is None else made.raw_txs)


def _node_info(moment: Moment, request: Request) -> Any:
    return {
        "default_node_info": {"network": CHAIN_ID, "version": "1.0.1", "moniker": "sandbox"},
        "application_version": {"name": "injective", "app_name": "injectived", "version": "v1.20.0"},
    }


def _base_fee(moment: Moment, request: Request) -> Any:
    price = _LEAST_GAS_PRICE if moment.chain is None else moment.chain.gas_price
    return {"base_fee": {"base_fee": f"{price}.000000000000000000"}}


ROUTES = (
    Route("GET /cosmos/base/tendermint/v1beta1/blocks/latest", latest_block),
    Route("GET /cosmos/base/tendermint/v1beta1/blocks/{height}", _block_at),
    Route("GET /cosmos/base/tendermint/v1beta1/node_info", _node_info),
    Route("GET /injective/txfees/v1beta1/cur_eip_base_fee", _base_fee),
)
