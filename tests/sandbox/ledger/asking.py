"""Asking a route table as a client would, without a socket."""

from datetime import UTC, datetime

import msgspec

from defi_analytics.sandbox.gateway import answered
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Request

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def moment(ledger, block, world=None):
    return Moment(world or ledger._state.world, block, AT, ledger)


def asked(routes, now, path, expected=200, /, **query):
    pairs = tuple(
        (name, one)
        for name, value in query.items()
        for one in (value if isinstance(value, list) else [value])
    )
    response = answered(routes, Request("GET", path, pairs, (), b""), now)
    assert response.status == expected, response.body
    return msgspec.json.decode(response.body)
