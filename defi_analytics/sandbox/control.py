"""The sandbox's own endpoints, under /sandbox: what it is, what is true, and the next block."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from defi_analytics.errors import UsageError, WrongState
from defi_analytics.sandbox.chain.chain import Chain
from defi_analytics.sandbox.chain.faults import parse
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.sandbox.gateway import json_response
from defi_analytics.sandbox.ledger.addresses import decoded
from defi_analytics.sandbox.ledger.failed import Failed
from defi_analytics.sandbox.ledger.standstill import BLOCKS_AFTER_DOWNTIME, STATUSES
from defi_analytics.sandbox.listings import BINANCE, HYPERLIQUID, LISTINGS, SPOT
from defi_analytics.sandbox.node import CHAIN_ID, timestamp
from defi_analytics.sandbox.server import Request, Response
from defi_analytics.sandbox.truth import Planted, truth

DEFAULT_MIN_EDGE = Decimal("0.003")
"""Far above the noise between venues, and below every planted dislocation."""
_PLACES = Decimal("1e-18")


def respond(request: Request, chain: Chain) -> Response:
    answer = _ANSWERS.get((request.method, request.path.removeprefix("/sandbox/")))
    if answer is None:
        return json_response({"error": f"no {request.method} {request.path}"}, 404)
    return answer(request, chain)


def _status(chain: Chain) -> dict[str, Any]:
    moment = chain.moment()
    references = (next(iter(BINANCE.values())), next(iter(HYPERLIQUID.values())))
    return {
        "seed": moment.world.seed,
        "genesis": chain.clock.genesis,
        "block": moment.block,
        "height": moment.height,
        "time": timestamp(moment, moment.block),
        "held": chain.held,
        "block_s": moment.block_s,
        "chain_id": CHAIN_ID,
        "dev_account": DEV_ADDRESS,
        "mempool": len(chain.mempool),
        "faults": _faults(chain),
        "forecast_skill": moment.world.skill,
        "taker_fees": {reference.venue: str(reference.taker_fee) for reference in references},
    }


def _truth(request: Request, chain: Chain) -> Response:
    text = request.first("min_edge", str(DEFAULT_MIN_EDGE))
    if not re.fullmatch(r"\d{1,3}(\.\d{1,18})?", text):
        return json_response({"error": f"min_edge {text!r} is not a fraction"}, 400)
    moment = chain.moment()
    planted = truth(moment.world, moment.block, Decimal(text))
    return json_response({"block": moment.block, "planted": [_row(one) for one in planted]})


def _row(planted: Planted) -> dict[str, str]:
    """Every number as an exact decimal string, edges to 18 places."""
    row = {
        name: f"{value:f}" if isinstance(value, Decimal) else value
        for name, value in planted._asdict().items()
    }
    return {**row, "top_edge": f"{planted.top_edge.quantize(_PLACES):f}"}


def _advance(request: Request, chain: Chain) -> Response:
    text = request.first("blocks", "1")
    if not re.fullmatch(r"\d{1,9}", text):
        return json_response({"error": f"blocks {text!r} is not a number of blocks"}, 400)
    try:
        chain.advance(int(text))
    except WrongState as error:
        return json_response({"error": error.message}, 409)
    return json_response(_status(chain))


def _ledger(chain: Chain) -> Response:
    moment = chain.moment()
    return json_response({"block": moment.block, "height": moment.height, **chain.ledger.dump()})


def _faucet(request: Request, chain: Chain) -> Response:
    address, denom, amount = (request.first(name) for name in ("address", "denom", "amount"))
    if not re.fullmatch(r"[1-9]\d{0,29}", amount):
        return json_response({"error": f"amount {amount!r} is not a number of chain units"}, 400)
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9/:._-]{2,127}", denom):
        return json_response({"error": f"denom {denom!r} is not a denom"}, 400)
    try:
        decoded(address)
    except Failed as failed:
        return json_response({"error": failed.log}, 400)
    chain.fund(address, denom, int(amount))
    balance = str(chain.ledger.balance(address, denom))
    return json_response({"address": address, "denom": denom, "balance": balance})


def _market(request: Request, chain: Chain) -> Response:
    """Pauses a market, takes it down, or opens it again: by its id, or by a ticker that only one bears."""
    name, status = request.first("market"), request.first("status", "Paused")
    found = [one.market_id for one in LISTINGS.values() if name in {one.market_id, one.ticker}]
    own = [one for one in found if not LISTINGS[one].impostor] or found
    if len(own) != 1 or status not in STATUSES:
        said = f"one market, and one of {', '.join(STATUSES)}"
        return json_response({"error": f"market {name!r}, status {status!r}: it takes {said}"}, 400)
    chain.ledger.standstill.put(own[0], status, chain.moment().block)
    return json_response({"market": own[0], "status": status})


def _post_only(request: Request, chain: Chain) -> Response:
    text = request.first("blocks", str(BLOCKS_AFTER_DOWNTIME))
    if not re.fullmatch(r"\d{1,9}", text):
        return json_response({"error": f"blocks {text!r} is not a number of blocks"}, 400)
    return json_response({"until_height": chain.post_only(int(text))})


def _faults(chain: Chain) -> dict[str, Any]:
    faults = chain.faults
    return {"seed": faults.seed, "on": dict(faults.on), "happened": dict(sorted(faults.counts.items()))}


def _set_faults(request: Request, chain: Chain) -> Response:
    """A body of {"seed": N, "faults": ["KIND=VALUE@CHANCE", ...]}; an empty list ends them all."""
    try:
        told = msgspec.json.decode(request.body or b"{}", type=_Told)
        chain.set_faults([parse(text) for text in told.faults], told.seed)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return json_response({"error": str(error)}, 400)
    except UsageError as error:
        return json_response({"error": error.message}, 400)
    return json_response(_faults(chain))


class _Told(msgspec.Struct, forbid_unknown_fields=True):
    faults: list[str] = []
    seed: int = 0


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


_ANSWERS: Mapping[tuple[str, str], Callable[[Request, Chain], Response]] = {
    ("GET", "status"): lambda _, chain: json_response(_status(chain)),
    ("GET", "truth"): _truth,
    ("GET", "tokens.json"): lambda *_: json_response(_tokens()),
    ("POST", "advance"): _advance,
    ("GET", "ledger"): lambda _, chain: _ledger(chain),
    ("POST", "faucet"): _faucet,
    ("POST", "market"): _market,
    ("POST", "post_only"): _post_only,
    ("GET", "faults"): lambda _, chain: json_response(_faults(chain)),
    ("POST", "faults"): _set_faults,
}
