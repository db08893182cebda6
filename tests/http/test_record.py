import asyncio
import logging
import re

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.errors import DefiError, Malformed, TimedOut, Unavailable
from defi_analytics.http.answer import Answer
from defi_analytics.http.client import Http
from defi_analytics.http.policy import Policy
from defi_analytics.http.record import Record
from tests.faults import FaultServer

GOOD = {"/book": b'{"bids":[["1.5","2"]],"asks":[["1.6","2"]]}'}
POLICY = Policy(deadline_s=2.0, rate_per_s=1000, first_pause_s=0.01, breaker_failures=100)


CALL, ATTEMPT = False, True


def lines(caplog, kind):
    """Of calls or of attempts, all of debug, with the port and the time taken out."""
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}
    said = [record.getMessage() for record in caplog.records if record.name == "defi.http"]
    told = [line for line in said if bool(re.search(r", attempt \d+, \d+ ms: ", line)) is kind]
    return [re.sub(r"\d+ ms", "N ms", re.sub(r"127\.0\.0\.1:\d+", "host", line)) for line in told]


async def ask(server, client, **more):
    return await client.get("injective", f"{server.url}/book", **more)


async def test_a_call_that_is_answered_is_one_line(caplog):
    caplog.set_level(logging.DEBUG, "defi.http")
    async with FaultServer(GOOD, "ok") as server, Http(WallClock(), POLICY) as client:
        await ask(server, client)
        await client.post("hyperliquid", f"{server.url}/book", b"{}")
    assert lines(caplog, CALL) == [
        "injective GET host/book 200, 43 bytes, N ms, attempt 1",
        "hyperliquid POST host/book 200, 43 bytes, N ms, attempt 1",
    ]
    assert lines(caplog, ATTEMPT) == [
        f"{source} host/book, attempt 1, N ms: 200" for source in ("injective GET", "hyperliquid POST")
    ]
    assert {record.name for record in caplog.records} == {"defi.http"}


async def test_a_call_that_fails_is_one_line_and_each_attempt_another(caplog):
    caplog.set_level(logging.DEBUG, "defi.http")
    async with FaultServer(GOOD, "s500") as server, Http(WallClock(), POLICY) as client:
        with pytest.raises(Unavailable):
            await ask(server, client)
    assert lines(caplog, ATTEMPT) == [
        f"injective GET host/book, attempt {n}, N ms: 500" for n in (1, 2, 3, 4)
    ]
    assert lines(caplog, CALL) == ["injective GET host/book UNAVAILABLE 500, N ms, attempt 4"]


async def test_an_attempt_without_an_answer_is_told_with_its_reason(caplog):
    caplog.set_level(logging.DEBUG, "defi.http")
    async with FaultServer(GOOD, "gzip_false") as server, Http(WallClock(), POLICY) as client:
        with pytest.raises(Malformed):
            await ask(server, client)
    (told,) = lines(caplog, ATTEMPT)
    assert told.endswith("injective: host/book sent a body that is not gzip")
    assert lines(caplog, CALL) == ["injective GET host/book MALFORMED, N ms, attempt 1"]


async def test_an_attempt_that_the_deadline_ends_is_counted(caplog):
    caplog.set_level(logging.DEBUG, "defi.http")
    policy = Policy(deadline_s=0.2, rate_per_s=1000)
    async with FaultServer(GOOD, "silent") as server, Http(WallClock(), policy) as client:
        with pytest.raises(TimedOut):
            await ask(server, client)
    assert lines(caplog, CALL) == ["injective GET host/book TIMED_OUT, N ms, attempt 1"]


@pytest.mark.parametrize(
    "kind", ["ok", "s301_away", "s401", "s404", "s429_ra3600", "s500", "gzip_false", "garbage"]
)
async def test_no_line_holds_a_query_a_key_or_a_body(kind, caplog):
    caplog.set_level(logging.DEBUG)
    async with (
        FaultServer(lambda path, body: b'{"message":"secret"}', kind) as server,
        Http(WallClock(), POLICY) as client,
    ):
        asking = ask(server, client, params={"api_key": "secret"}, headers={"x-api-key": "secret"})
        key = {"authorization": "secret"}
        telling = client.post("venue", f"{server.url}/info?secret", b'"secret"', key)
        outcomes = await asyncio.gather(asking, telling, return_exceptions=True)
    assert {isinstance(outcome, DefiError) for outcome in outcomes} == {kind != "ok"}
    assert len(lines(caplog, CALL)) == 2
    assert "secret" not in caplog.text


def test_no_line_can_forge_another(caplog):
    caplog.set_level(logging.DEBUG)
    record = Record("a\nb", "GET h\x1b[2J/\u202e")
    record.attempting()
    record.attempted(Unavailable("a", "c\r\nd"), 0.0)
    record.answered(b"", 0.0)
    record.failed(Unavailable("a", "e"), 0.0)
    told = [line.getMessage() for line in caplog.records]
    assert len(told) == 3
    assert all(line.isprintable() for line in told)
    assert told[1] == r"a\nb GET h\x1b[2J/\u202e 0, 0 bytes, 0 ms, attempt 1"


class Untold(str):
    """Text that must not be put into a line."""

    __slots__ = ()

    def __format__(self, form):
        raise AssertionError("formatted although nobody reads it")


def test_nothing_is_formatted_while_nobody_reads_it(caplog):
    caplog.set_level(logging.WARNING, "defi.http")
    record = Record(Untold("venue"), Untold("GET h/p"))
    record.attempting()
    record.attempted(Answer(200, {}), 0.0)
    record.answered(b"", 0.0)
    record.failed(Unavailable("venue", "no"), 0.0)
    assert (record.attempt, record.status, caplog.records) == (1, 200, [])
