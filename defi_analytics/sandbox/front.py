"""The chain's door: every request to the node comes through here, and meets the faults that are on."""

from http import HTTPStatus

import msgspec

from defi_analytics.ports import Clock
from defi_analytics.sandbox import lcd
from defi_analytics.sandbox.chain.chain import Chain
from defi_analytics.sandbox.chain.faults import Kind
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Fate, Request, Response

_BROADCAST = ("POST", "/cosmos/tx/v1beta1/txs")
_UNAVAILABLE = 14
_UNKNOWN = 2
_AT_HEIGHT = "x-cosmos-block-height"
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
        answer = _beyond(request, moment) or lcd.respond(request, moment)
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
        moment = self._chain.moment()
        if request.method == "GET" and self._chain.faults.happens(Kind.STALE_NODE):
            return moment._replace(block=moment.block - 1, at=moment.time_of(moment.block - 1))
        return moment


def _beyond(request: Request, moment: Moment) -> Response | None:
    """The refusal of a node that is asked for a block it does not have yet; the past it forgot is now."""
    height = next((value for name, value in request.headers if name == _AT_HEIGHT), "0")
    if not height.isdecimal() or int(height[:18]) <= moment.height:
        return None
    words = "cannot query with height in the future; please provide a valid height: invalid height"
    body = {"code": _UNKNOWN, "message": f"codespace sdk code 26: {words}", "details": []}
    return Response(HTTPStatus.INTERNAL_SERVER_ERROR, msgspec.json.encode(body))


def _unavailable() -> Response:
    body = {"code": _UNAVAILABLE, "message": "upstream connect error or disconnect", "details": []}
    return Response(HTTPStatus.SERVICE_UNAVAILABLE, msgspec.json.encode(body))
