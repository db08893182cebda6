"""The sandbox's own endpoints, under /sandbox: what it is, what is true, and the next block."""

import re
from decimal import Decimal
from typing import Any

from defi_analytics.errors import WrongState
from defi_analytics.sandbox.gateway import json_response
from defi_analytics.sandbox.listings import BINANCE, HYPERLIQUID, SPOT
from defi_analytics.sandbox.moment import BlockClock
from defi_analytics.sandbox.node import CHAIN_ID, timestamp
from defi_analytics.sandbox.server import Request, Response
from defi_analytics.sandbox.truth import Planted, truth
from defi_analytics.sandbox.world import BLOCK_S

DEFAULT_MIN_EDGE = Decimal("0.003")
"""Far above the noise between venues, and below every planted dislocation."""
_PLACES = Decimal("1e-18")


def respond(request: Request, clock: BlockClock) -> Response:
    match request.method, request.path.removeprefix("/sandbox/"):
        case "GET", "status":
            return json_response(_status(clock))
        case "GET", "truth":
            return _truth(request, clock)
        case "GET", "tokens.json":
            return json_response(_tokens())
        case "POST", "advance":
            return _advance(request, clock)
        case _:
            return json_response({"error": f"no {request.method} {request.path}"}, 404)


def _status(clock: BlockClock) -> dict[str, Any]:
    moment = clock.moment()
    references = (next(iter(BINANCE.values())), next(iter(HYPERLIQUID.values())))
    return {
        "seed": moment.world.seed,
        "block": moment.block,
        "height": moment.height,
        "time": timestamp(moment, moment.block),
        "held": clock.held,
        "block_s": BLOCK_S,
        "chain_id": CHAIN_ID,
        "forecast_skill": moment.world.skill,
        "taker_fees": {reference.venue: str(reference.taker_fee) for reference in references},
    }


def _truth(request: Request, clock: BlockClock) -> Response:
    text = request.first("min_edge", str(DEFAULT_MIN_EDGE))
    if not re.fullmatch(r"\d{1,3}(\.\d{1,18})?", text):
        return json_response({"error": f"min_edge {text!r} is not a fraction"}, 400)
    moment = clock.moment()
    planted = truth(moment.world, moment.block, Decimal(text))
    return json_response({"block": moment.block, "planted": [_row(one) for one in planted]})


def _row(planted: Planted) -> dict[str, str]:
    """Every number as an exact decimal string, edges to 18 places."""
    row = {
        name: f"{value:f}" if isinstance(value, Decimal) else value
        for name, value in planted._asdict().items()
    }
    return {**row, "top_edge": f"{planted.top_edge.quantize(_PLACES):f}"}


def _advance(request: Request, clock: BlockClock) -> Response:
    text = request.first("blocks", "1")
    if not re.fullmatch(r"\d{1,9}", text):
        return json_response({"error": f"blocks {text!r} is not a number of blocks"}, 400)
    try:
        clock.advance(int(text))
    except WrongState as error:
        return json_response({"error": error.message}, 409)
    return json_response(_status(clock))


def _tokens() -> list[dict[str, Any]]:
    """In the format of the official token list, which the official SDK reads at its start."""
    tokens = {"peggy0xdAC17F958D2ee523a2206206994597C13D831ec7": ("USDT", 6)}
    for listing in SPOT:
        if not listing.impostor:
            tokens[listing.base_denom] = (listing.ticker.partition("/")[0], listing.base_decimals)
    return [
        {"name": symbol, "symbol": symbol, "denom": denom, "address": "", "decimals": decimals, "logo": ""}
        for denom, (symbol, decimals) in tokens.items()
    ]
