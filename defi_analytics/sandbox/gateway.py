"""Routing and the wire conventions of a Cosmos chain's REST gateway.

Source: grpc-gateway's runtime as cosmos-sdk configures it: proto field names, defaults emitted, 64-bit
integers and decimals as strings, errors as {code, message, details}.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Request, Response


class Code(IntEnum):
    """gRPC status codes."""

    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    UNIMPLEMENTED = 12
    UNAVAILABLE = 14


_STATUS = {
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.NOT_FOUND: 404,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
}


class Refused(Exception):
    """A request that the service answers with an error of its own."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


Answer = Callable[..., Any]
"""Takes the moment, the request and what the pattern captured; returns a response, or what becomes the JSON
body of one."""


class Route(NamedTuple):
    """`pattern` is "METHOD /path/{captured}/..."."""

    pattern: str
    answer: Answer

    def match(self, request: Request) -> tuple[str, ...] | None:
        found = _compiled(self.pattern).fullmatch(f"{request.method} {request.path}")
        return found.groups() if found else None


_PATTERNS: dict[str, re.Pattern[str]] = {}


def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern not in _PATTERNS:
        _PATTERNS[pattern] = re.compile(re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(pattern)))
    return _PATTERNS[pattern]


def answered(routes: Sequence[Route], request: Request, moment: Moment) -> Response:
    """The first route's answer as JSON; 501 like the gateway's own where there is none."""
    try:
        answer = _first(routes, request, moment)
        return answer if isinstance(answer, Response) else json_response(answer)
    except Refused as refused:
        body = {"code": int(refused.code), "message": str(refused), "details": []}
        return json_response(body, _STATUS[refused.code])


def _first(routes: Sequence[Route], request: Request, moment: Moment) -> Any:
    for route in routes:
        captured = route.match(request)
        if captured is not None:
            return route.answer(moment, request, *captured)
    raise Refused(Code.UNIMPLEMENTED, "Not Implemented")


def json_response(payload: Any, status: int = 200) -> Response:
    return Response(status, msgspec.json.encode(payload))


def dec(value: Decimal) -> str:
    """As the chain writes decimals: 18 places."""
    return f"{value:.18f}"


def whole(request: Request, name: str, default: int) -> int:
    """An unsigned query parameter; an empty one is the default."""
    text = request.first(name)
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Refused(
            Code.INVALID_ARGUMENT,
            f'type mismatch, parameter: {name}, error: strconv.ParseUint: parsing "{text}": invalid syntax',
        )
    return int(text)
