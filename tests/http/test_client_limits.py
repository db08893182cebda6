"""Deadlines, rates, waits and the breaker, with real sockets and real processes."""

import asyncio
import fcntl
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.errors import (
    Malformed,
    NotFound,
    RateLimited,
    TimedOut,
    Unavailable,
)
from defi_analytics.http.client import Http
from defi_analytics.http.policy import Policy
from tests.faults import FaultServer
from tests.shared_data import ROOT

GOOD = {"/book": b'{"bids":[["1.5","2"]],"asks":[["1.6","2"]]}'}
QUICK = Policy(deadline_s=2.0, rate_per_s=1000, first_pause_s=0.01, breaker_failures=100)


def http(policy=QUICK, **more):
    return Http(WallClock(), policy, **more)


def get(client, server, **more):
    return client.get("venue", f"{server.url}/book", **more)


async def test_the_deadline_covers_everything_and_names_itself():
    async with FaultServer(GOOD, "drip_body") as server, http(Policy(deadline_s=0.5)) as client:
        start = time.monotonic()
        with pytest.raises(TimedOut, match=r"within 0\.5 s"):
            await get(client, server)
        assert time.monotonic() - start < 2.0
        assert server.count == 1


async def test_a_turn_that_comes_after_the_deadline_is_not_waited_for():
    async with FaultServer(GOOD, "ok") as server, http(Policy(deadline_s=0.5, rate_per_s=1)) as client:
        await get(client, server)
        start = time.monotonic()
        with pytest.raises(TimedOut):
            await get(client, server)
        assert time.monotonic() - start < 0.45
        assert server.count == 1


async def test_retry_after_within_the_deadline_is_waited_for():
    policy = Policy(deadline_s=4.0, first_pause_s=0.01)
    async with FaultServer(GOOD, "s503") as server, http(policy) as client:
        asking = asyncio.create_task(get(client, server))
        await server.asked(1)
        server.kind = "ok"
        assert await asking == GOOD["/book"]
        assert server.arrivals[1] - server.arrivals[0] >= 1.0


@pytest.mark.parametrize("kind", ["s429_ra3600", "s429_date", "s418"])
async def test_a_wait_beyond_the_deadline_ends_the_call_at_once_and_is_remembered(kind):
    async with FaultServer(GOOD, kind) as server, http() as client:
        start = time.monotonic()
        for _ in range(3):
            with pytest.raises(RateLimited) as caught:
                await get(client, server)
            assert caught.value.retry_after_s > 100
        assert time.monotonic() - start < 1.8
        assert server.count == 1


async def test_a_429_without_a_time_is_tried_again_after_a_second():
    async with FaultServer(GOOD, "s429_bad") as server, http() as client:
        with pytest.raises(RateLimited):
            await get(client, server)
        assert server.count == 2
        assert server.arrivals[1] - server.arrivals[0] >= 1.0


CHILD = """
import asyncio, sys, time
from pathlib import Path
from defi_analytics.clock import WallClock
from defi_analytics.errors import DefiError
from defi_analytics.http.client import Http
from defi_analytics.http.policy import Policy

async def main(url, state, seconds):
    async with Http(WallClock(), Policy(rate_per_s=20), Path(state)) as client:
        end, codes = time.monotonic() + float(seconds), set()
        while True:
            try:
                await client.get("venue", url)
                codes.add("OK")
            except DefiError as error:
                codes.add(error.code)
            if time.monotonic() >= end:
                print(*codes)
                return

asyncio.run(main(*sys.argv[1:]))
"""


async def children(count, url, state, seconds):
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, url, str(state), str(seconds), cwd=ROOT, stdout=subprocess.PIPE
        )
        for _ in range(count)
    ]
    outputs = [(await child.communicate())[0].decode().strip() for child in started]
    assert [child.returncode for child in started] == [0] * count
    return outputs


async def test_after_a_long_retry_after_no_client_or_process_asks_again(tmp_path):
    async with FaultServer(GOOD, "s429_ra3600") as server:
        for _ in range(20):
            async with http(state_dir=tmp_path) as client:
                with pytest.raises(RateLimited):
                    await get(client, server)
        assert await children(8, f"{server.url}/book", tmp_path, 0.0) == ["RATE_LIMITED"] * 8
        assert server.count == 1


async def test_eight_processes_together_stay_within_the_rate_in_every_second_and_use_it(tmp_path):
    """Told by arrivals, which a busy machine delays and then bunches: one undisturbed try of three is proof."""
    for attempt in range(3):
        async with FaultServer(GOOD, "ok") as server:
            assert await children(8, f"{server.url}/book", tmp_path / str(attempt), 4.0) == ["OK"] * 8
        arrivals = server.arrivals
        nearest = min(later - earlier for earlier, later in zip(arrivals, arrivals[20:], strict=False))
        used = len(arrivals) / (arrivals[-1] - arrivals[0])
        if nearest >= 1.0 and used > 0.8 * 20 / 1.1:
            return
    pytest.fail(f"in the last of three tries 21 requests came within {nearest:.3f} s, {used:.1f} a second")


async def test_a_failing_host_is_left_alone_then_probed_by_exactly_one_of_fifty():
    policy = Policy(deadline_s=1.5, rate_per_s=1000, attempts=1, breaker_failures=3, breaker_rest_s=0.3)
    async with FaultServer(GOOD, "s500") as server, http(policy) as client:
        for count in (1, 2, 3, 3, 3):
            with pytest.raises(Unavailable):
                await get(client, server)
            assert server.count == count
        server.kind = "silent"
        await asyncio.sleep(0.35)
        outcomes = await asyncio.gather(*(get(client, server) for _ in range(50)), return_exceptions=True)
        assert server.count + len([o for o in outcomes if "in a row" in str(o)]) == 3 + 50
        assert sum("within 1.5 s" in str(outcome) for outcome in outcomes) == 1
        server.kind = "ok"
        await asyncio.sleep(0.35)
        assert await get(client, server) == GOOD["/book"]
        assert await asyncio.gather(*(get(client, server) for _ in range(10))) == [GOOD["/book"]] * 10


async def test_an_outage_is_told_as_it_was_even_when_the_breaker_opens_in_between():
    policy = Policy(deadline_s=2.0, rate_per_s=1000, first_pause_s=0.01, breaker_failures=2)
    async with FaultServer(GOOD, "s500") as server, http(policy) as client:
        with pytest.raises(Unavailable, match="answered 500"):
            await get(client, server)
        assert server.count == 2


async def test_a_cancelled_probe_makes_room_for_the_next():
    policy = Policy(rate_per_s=1000, attempts=1, breaker_failures=1, breaker_rest_s=0.1)
    async with FaultServer(GOOD, "s500") as server, http(policy) as client:
        with pytest.raises(Unavailable):
            await get(client, server)
        await asyncio.sleep(0.15)
        server.kind = "silent"
        probe = asyncio.create_task(get(client, server))
        await server.asked(2)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        server.kind = "ok"
        assert await get(client, server) == GOOD["/book"]


async def test_a_host_that_answers_nonsense_or_no_is_alive():
    policy = Policy(deadline_s=2.0, rate_per_s=1000, breaker_failures=1)
    async with FaultServer(GOOD, "gzip_false") as server, http(policy) as client:
        for kind, error in [("gzip_false", Malformed), ("s404", NotFound), ("s401", Unavailable)]:
            server.kind = kind
            for _ in range(2):
                with pytest.raises(error):
                    await get(client, server)
        assert server.count == 6


class SteppedClock(WallClock):
    step = timedelta()

    def now(self):
        return super().now() + self.step


@pytest.mark.parametrize("hours", [-1, 1])
async def test_when_the_wall_clock_jumps_waits_and_rests_end_all_the_same(hours):
    clock = SteppedClock()
    policy = Policy(deadline_s=2.5, rate_per_s=1000, attempts=1, breaker_failures=1, breaker_rest_s=0.2)
    async with FaultServer(GOOD, "s500") as server, Http(clock, policy) as client:
        with pytest.raises(Unavailable):
            await get(client, server)
        clock.step = timedelta(hours=hours)
        with pytest.raises(Unavailable, match=r"in a row \(last: answered 500\)"):
            await get(client, server)
        await asyncio.sleep(0.25)
        server.kind = "s503"
        with pytest.raises(RateLimited):
            await get(client, server)
        clock.step = timedelta()
        server.kind = "ok"
        start = time.monotonic()
        assert await get(client, server) == GOOD["/book"]
        assert 0.7 < time.monotonic() - start < 2.4


async def test_while_another_process_holds_the_lock_we_wait_for_it(tmp_path):
    async with FaultServer(GOOD, "ok") as server, http(state_dir=tmp_path) as client:
        await get(client, server)
        with next(tmp_path.iterdir()).open() as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            asking = asyncio.create_task(get(client, server))
            await asyncio.sleep(0.05)
            assert not asking.done()
            fcntl.flock(other, fcntl.LOCK_UN)
            assert await asking == GOOD["/book"]
            fcntl.flock(other, fcntl.LOCK_EX)
            with pytest.raises(TimedOut):
                await get(client, server)


async def test_two_hundred_calls_at_once_never_hold_more_connections_than_allowed():
    policy = Policy(deadline_s=5.0, rate_per_s=1000, concurrent_per_host=7)
    async with FaultServer(GOOD, "ok") as server, http(policy) as client:
        await asyncio.gather(*(get(client, server) for _ in range(200)))
        assert (server.count, server.connections <= 7) == (200, True)
