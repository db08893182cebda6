"""Every kind of fault, over real sockets, against the one client."""

import json
import resource
import sys
import time

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.errors import (
    AuthError,
    DataError,
    Malformed,
    NotFound,
    RateLimited,
    TimedOut,
    Unavailable,
)
from defi_analytics.http.client import Http
from defi_analytics.http.policy import Policy
from tests.faults import BODY_KINDS, ENCODING_KINDS, KINDS, STATUS_KINDS, TRANSPORT_KINDS, FaultServer

DEADLINE_S = 1.0
GROWTH_BYTES = 60 * 1024 * 1024
POLICY = Policy(deadline_s=DEADLINE_S, rate_per_s=1000, first_pause_s=0.01, breaker_failures=1000)
BOOK = {
    "market": {"marketId": "0xabc", "ticker": "INJ/USDT", "sequence": 7, "timestamp": 1767355200000},
    "buys": [{"price": "1.5", "quantity": "2"}, {"price": "1.4", "quantity": "3"}],
    "sells": [{"price": "1.6", "quantity": "2"}, {"price": "1.7", "quantity": "3"}],
    "levels": [[{"px": "1.5", "sz": "2"}], [{"px": "1.6", "sz": "2"}]],
    "at": {"createdAt": "2026-01-02T12:00:00Z", "n": 3, "open": True},
}
GOOD = {"/book": json.dumps(BOOK).encode()}

# What a person is told; the kinds not listed are of the transport.
EXPECTED = {
    "s401": Unavailable,
    "s403": Unavailable,
    "s404": NotFound,
    "s408": Unavailable,
    "s418": RateLimited,
    "s429": RateLimited,
    "s429_ra3600": RateLimited,
    "s429_date": RateLimited,
    "s429_bad": RateLimited,
    "s500": Unavailable,
    "s501": Unavailable,
    "s503": RateLimited,
    "silent": TimedOut,
    "stall": TimedOut,
    "drip_head": TimedOut,
    "drip_body": TimedOut,
    "cut_eof": Malformed,
    "endless_body": Malformed,
}


def expected(kind):
    if kind in EXPECTED:
        return EXPECTED[kind]
    return Unavailable if kind in TRANSPORT_KINDS else Malformed


def peak_bytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


@pytest.mark.parametrize(
    "kind", sorted({*STATUS_KINDS, *ENCODING_KINDS, *TRANSPORT_KINDS} - {"s204", "utf16"})
)
async def test_a_fault_becomes_the_error_that_names_it_in_time_and_in_little_memory(kind):
    async with FaultServer(GOOD, kind) as server, Http(WallClock(), POLICY) as client:
        before, start = peak_bytes(), time.monotonic()
        with pytest.raises((DataError, AuthError)) as caught:
            await client.get("venue", f"{server.url}/book", {"key": "secret"})
        assert time.monotonic() - start <= DEADLINE_S + 1.0
        assert peak_bytes() - before <= GROWTH_BYTES
    assert type(caught.value) is expected(kind)
    assert caught.value.message.isprintable()
    assert "secret" not in caught.value.message
    assert server.count <= 4


@pytest.mark.parametrize("kind", sorted({*BODY_KINDS, "utf16"}))
async def test_a_body_that_arrived_whole_is_handed_over_however_odd(kind):
    async with FaultServer(GOOD, kind) as server, Http(WallClock(), POLICY) as client:
        body = await client.get("venue", f"{server.url}/book")
    assert body != GOOD["/book"]
    assert len(body) <= POLICY.max_body_bytes


async def test_an_answer_without_content_is_empty():
    async with FaultServer(GOOD, "s204") as server, Http(WallClock(), POLICY) as client:
        assert await client.get("venue", f"{server.url}/book") == b""


async def test_a_path_the_server_does_not_know_is_not_found():
    async with FaultServer(GOOD, "ok") as server, Http(WallClock(), POLICY) as client:
        with pytest.raises(NotFound):
            await client.get("venue", f"{server.url}/other")


async def test_mixed_faults_repeat_with_their_seed():
    async def kinds(seed):
        async with FaultServer(GOOD, "mixed", seed) as server:
            return [server._drawn() for _ in range(200)]

    first = await kinds(1)
    assert first == await kinds(1)
    assert first != await kinds(2)
    assert 20 <= first.count("ok") <= 60


async def test_a_hundred_mixed_answers_are_each_a_body_or_a_named_error():
    policy = Policy(deadline_s=0.3, rate_per_s=1000, attempts=1, breaker_failures=1000, longest_wait_s=0.001)
    outcomes = set()
    async with FaultServer(GOOD, "mixed", seed=3) as server, Http(WallClock(), policy) as client:
        for _ in range(100):
            try:
                outcomes.add(type(await client.get("venue", f"{server.url}/book")))
            except (DataError, AuthError) as error:
                outcomes.add(type(error))
    assert {bytes, Malformed, Unavailable} <= outcomes


def test_there_are_a_hundred_kinds():
    assert len(KINDS) == len(set(KINDS)) == 100
