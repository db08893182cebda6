import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.transaction import Block
from defi_analytics.errors import Malformed, Unavailable
from defi_analytics.venues.injective.blocks import SHARED_S, SKEW, BlockTime, block_time, dated, parse_block
from defi_analytics.venues.injective.networks import MAINNET
from tests.fakes import NOON, FakeClock, FakeHttp
from tests.venues.injective.payloads import block, body


class GatedHttp(FakeHttp):
    """Answers only once `gate` is set."""

    def __init__(self, answer):
        super().__init__({"": answer})
        self.gate, self.cancelled = asyncio.Event(), 0

    async def get(self, *request):
        self.requests.append(request)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self._answer("GET", {})


def reader(http):
    clock = FakeClock()
    return BlockTime(http, clock, MAINNET), clock


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("2026-01-02T12:00:00Z", NOON),
        ("2026-01-02T12:00:00.123456499Z", NOON + timedelta(microseconds=123_456)),
        ("2026-01-02T14:00:00.5+02:00", NOON + timedelta(seconds=0.5)),
    ],
)
def test_a_time_is_rfc_3339_with_up_to_nanoseconds(time, told):
    read = parse_block("injective", block(time)).at
    assert (read, read.tzinfo) == (told, UTC)


def test_either_name_of_the_block_is_read():
    header = {"header": {"time": "2026-01-02T12:00:00Z", "height": "7", "chain_id": "injective-1"}}
    for answer in ({"block": header}, {"sdk_block": header}, {"block": None, "sdk_block": header}):
        assert parse_block("injective", body(answer)) == Block(7, NOON, "injective-1")


@pytest.mark.parametrize(
    "time",
    [
        "", "now", "2026-01-02", "2026-01-02T12:00:00", "2026-02-30T12:00:00Z", "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00", "2019-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z",
        "1767355200", 1767355200, 1e99, None, [], {}, "2026-01-02T12:00:00Z\x00", "٢026-01-02T12:00:00Z",
    ],
)  # fmt: skip
def test_what_is_no_time_is_malformed(time):
    with pytest.raises(Malformed):
        parse_block("injective", block(time))


@pytest.mark.parametrize("change", [{"height": "0"}, {"height": "1e3"}, {"height": 7}, {"chain_id": ""}])
def test_a_block_without_height_or_chain_is_malformed(change):
    header = {"time": "2026-01-02T12:00:00Z", "height": "7", "chain_id": "injective-1"} | change
    with pytest.raises(Malformed):
        parse_block("injective", body({"block": {"header": header}}))


def test_a_time_is_one_of_this_century():
    assert block_time(datetime(2026, 1, 1, tzinfo=UTC)).year == 2026
    with pytest.raises(ValueError, match="time"):
        block_time(datetime(1, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "answer", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"block":null}', b'{"block":{}}', b'{"block":7}']
)
def test_an_answer_without_a_block_is_malformed(answer):
    with pytest.raises(Malformed, match="injective: block"):
        parse_block("injective", answer)


@given(st.binary() | st.text().map(block))
def test_no_answer_raises_anything_else(answer):
    try:
        assert parse_block("injective", answer).at.tzinfo is UTC
    except Malformed as error:
        assert error.source == "injective"  # noqa: PT017  either outcome is allowed, each with its duty


@given(st.timedeltas(timedelta(days=-9), timedelta(days=9)))
def test_only_a_small_lead_of_the_chains_clock_is_taken_for_none(lead):
    at = dated(NOON + lead, NOON)
    assert at == (NOON if timedelta(0) < lead < SKEW else NOON + lead)


async def test_one_answer_serves_for_a_second_and_the_next_asks_again():
    http = FakeHttp({"": block()})
    blocks, clock = reader(http)
    assert [await blocks.read() for _ in range(3)] == [NOON] * 3
    clock.advance(SHARED_S - 0.01)
    await blocks.read()
    assert len(http.requests) == 1
    clock.advance(0.01)
    http.answers[""] = block("2026-01-02T12:00:01Z")
    assert await blocks.read() == NOON + timedelta(seconds=1)
    assert len(http.requests) == 2


async def test_whoever_asks_while_it_is_asked_for_waits_for_the_same_answer():
    http = GatedHttp(block())
    blocks, clock = reader(http)
    first = asyncio.create_task(blocks.read())
    await turns()
    clock.advance(3 * SHARED_S)
    second = asyncio.create_task(blocks.read())
    await turns()
    http.gate.set()
    assert await asyncio.gather(first, second) == [NOON, NOON]
    assert sum(isinstance(request, tuple) for request in http.requests) == 1


async def test_a_failure_is_told_to_all_who_waited_and_to_nobody_later():
    error = Unavailable("injective", "503")
    http = GatedHttp(error)
    blocks, _ = reader(http)
    waiting = [asyncio.create_task(blocks.read()) for _ in range(3)]
    await turns()
    http.gate.set()
    assert await asyncio.gather(*waiting, return_exceptions=True) == [error] * 3
    http.answers[""] = block()
    assert await blocks.read() == NOON


async def test_one_reader_that_gives_up_does_not_take_the_answer_from_the_others():
    http = GatedHttp(block())
    blocks, _ = reader(http)
    impatient, patient = (asyncio.create_task(blocks.read()) for _ in range(2))
    await turns()
    impatient.cancel()
    await turns()
    assert http.cancelled == 0
    http.gate.set()
    assert await patient == NOON
    assert impatient.cancelled()


async def test_no_request_is_left_running_when_every_reader_gave_up():
    http = GatedHttp(block())
    blocks, _ = reader(http)
    readers = [asyncio.create_task(blocks.read()) for _ in range(2)]
    await turns()
    for each in readers:
        each.cancel()
    await turns()
    assert http.cancelled == 1
    http.gate.set()
    assert await blocks.read() == NOON


def test_the_answer_of_an_event_loop_that_ended_is_no_trap():
    http = FakeHttp({"": block()})
    blocks, clock = reader(http)
    assert asyncio.run(blocks.read()) == asyncio.run(blocks.read()) == NOON
    clock.advance(SHARED_S)
    assert asyncio.run(blocks.read()) == NOON
