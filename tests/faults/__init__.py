"""A server that breaks good answers in a hundred named ways, over real sockets.

    async with FaultServer({"/book": b'{"bids": ...}'}, "rst_in_body") as server:
        ... server.url, server.count, server.requests, server.arrivals

`good` is a mapping of paths (without query) or a function of path (with query) and request body.
`kind` is one of KINDS, "ok", or "mixed": each request then draws one, 20 % of them ok, by `seed`.
"""

from tests.faults.bodies import BODY_KINDS, BOOK_KINDS, JSON_KINDS, NUMBER_KINDS, STRING_KINDS
from tests.faults.server import ENCODING_KINDS, KINDS, STATUS_KINDS, TRANSPORT_KINDS, FaultServer

__all__ = [
    "BODY_KINDS",
    "BOOK_KINDS",
    "ENCODING_KINDS",
    "JSON_KINDS",
    "KINDS",
    "NUMBER_KINDS",
    "STATUS_KINDS",
    "STRING_KINDS",
    "TRANSPORT_KINDS",
    "FaultServer",
]
