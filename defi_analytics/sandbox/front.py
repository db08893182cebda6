"""The chain's door: every request to the node comes through here, and meets the faults that are on."""

from http import HTTPStatus

import msgspec

from defi_analytics.ports import Clock
from defi_analytics.sandbox import lcd
from defi_analytics.sandbox.chain.chain import Chain
from defi_analytics.sandbox.chain.faults import Kind
from defi_analytics.sandbox.chain.past import KEPT_BLOCKS
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Fate, Request, Response

_BROADCAST = ("POST", "/cosmos/tx/v1beta1/txs")
_UNAVAILABLE = 14
_UNKNOWN = 2
_AT_HEIGHT = "x-cosmos-block-height"
_RPC = ("/status", "/block_results")
_TRANSACTIONS = "/cosmos/tx/v1beta1/txs/"
_STATELESS = ("/cosmos/tx/", "/cosmos/base/tendermint/", *_RPC)
_TOLD_HEIGHT = f"grpc-metadata-{_AT_HEIGHT}"


class Front:
    def __init__(self, chain: Chain, clock: Clock) -> None:
        self._chain, self._clock = chain, clock

    async def respond(self, request: Request) -> Response:
        latency = self._chain.faults.happens(Kind.LATENCY)
        if latency:
            await self._clock.sleep(latency.value)
        if (request.method, request.path) == _BROADCAST:
            return self._broadcast(request)
        moment = self._moment(request)
        asked = _asked_height(request) or moment.height
        answer = _not_kept(asked, moment)
        if answer is None:
            moment = self._as_asked(request, moment, moment.height - asked)
            answer = lcd.respond(request, moment)
        return answer._replace(headers=((_TOLD_HEIGHT, str(moment.height)),))

    def _broadcast(self, request: Request) -> Response:
        faults = self._chain.faults
        if faults.happens(Kind.DROP_BEFORE):
            return Response(fate=Fate.RESET)
        if faults.happens(Kind.ERROR_BEFORE):
            return _unavailable()
        answer = lcd.respond(request, self._chain.moment())
        if faults.happens(Kind.DROP_AFTER):
            return Response(fate=Fate.RESET)
        if faults.happens(Kind.HANG_AFTER):
            return Response(fate=Fate.SILENCE)
        return _unavailable() if faults.happens(Kind.ERROR_AFTER) else answer

    def _moment(self, request: Request) -> Moment:
        moment, faults = self._chain.moment(), self._chain.faults
        behind = faults.blocks(Kind.STALE_NODE) if request.method == "GET" else 0
        behind += faults.blocks(Kind.RPC_BEHIND) if request.path in _RPC else 0
        return self._chain.as_of(moment, behind)

    def _as_asked(self, request: Request, moment: Moment, blocks: int) -> Moment:
        """State is told as of the height that is asked for; blocks and transactions are no state."""
        if request.path.startswith(_TRANSACTIONS):
            return self._chain.as_of(moment, self._chain.faults.blocks(Kind.TX_INDEX_LAG))
        if request.path.startswith(_STATELESS):
            return moment
        return self._chain.as_of(moment, blocks)


def _asked_height(request: Request) -> int:
    height = next((value for name, value in request.headers if name == _AT_HEIGHT), "0")
    return int(height[:18]) if height.isdecimal() else 0


def _not_kept(height: int, moment: Moment) -> Response | None:
    """The refusal of a node that is asked for a block it does not have yet, or no longer.

    Source: cosmos-sdk, baseapp.CreateQueryContext; cosmossdk.io/store, rootmulti.
    """
    if height > moment.height:
        words = "cannot query with height in the future; please provide a valid height: invalid height"
    elif height < moment.height - KEPT_BLOCKS:
        words = (
            f"failed to load state at height {height}; version does not exist (latest height: "
            f"{moment.height}): invalid height"
        )
    else:
        return None
    body = {"code": _UNKNOWN, "message": f"codespace sdk code 26: {words}", "details": []}
    return Response(HTTPStatus.INTERNAL_SERVER_ERROR, msgspec.json.encode(body))


def _unavailable() -> Response:
    body = {"code": _UNAVAILABLE, "message": "upstream connect error or disconnect", "details": []}
    return Response(HTTPStatus.SERVICE_UNAVAILABLE, msgspec.json.encode(body))
