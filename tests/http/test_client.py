import asyncio
import fcntl
import gc
import logging
import shutil
import ssl
import subprocess
import sys
import time
from datetime import timedelta

import httpx
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
from tests.fakes import FakeClock
from tests.faults import FaultServer
from tests.shared_data import ROOT

GOOD = {"/book": b'{"bids":[["1.5","2"]],"asks":[["1.6","2"]]}'}
QUICK = Policy(deadline_s=2.0, rate_per_s=1000, first_pause_s=0.01, breaker_failures=100)


def http(policy=QUICK, **more):
    return Http(WallClock(), policy, **more)


def get(client, server, **more):
    return client.get("venue", f"{server.url}/book", **more)


async def test_a_good_answer_is_handed_over_as_it_is_and_the_connection_kept():
    async with FaultServer(GOOD, "ok") as server, http() as client:
        assert [await get(client, server, params={"depth": "5"}) for _ in range(3)] == [GOOD["/book"]] * 3
        assert server.requests == ["GET /book?depth=5"] * 3
        assert server.connections == 1


async def test_a_post_sends_json_and_is_sent_once_unless_repeating_is_harmless():
    bodies = []
    async with FaultServer(lambda path, body: bodies.append(body) or b"{}", "ok") as server, http() as client:
        assert await client.post("venue", f"{server.url}/info", b'{"type":"meta"}') == b"{}"
        assert bodies == [b'{"type":"meta"}']
        assert "content-type: application/json" in server.heads[0].lower()
        server.kind = "s500"
        for idempotent, sent in [(False, 1), (True, 4)]:
            server.requests.clear()
            with pytest.raises(Unavailable):
                await client.post("venue", f"{server.url}/info", b"{}", idempotent=idempotent)
            assert server.count == sent


async def test_a_get_gets_four_attempts_and_recovers_with_the_host():
    async with FaultServer(GOOD, "s500") as server, http() as client:
        with pytest.raises(Unavailable) as caught:
            await get(client, server)
        assert (server.count, caught.value.status) == (4, 500)
        asking = asyncio.create_task(get(client, server))
        await server.asked(5)
        server.kind = "ok"
        assert await asking == GOOD["/book"]


async def test_pauses_between_attempts_grow_are_jittered_and_slept_through_the_clock():
    clock = FakeClock()
    async with FaultServer(GOOD, "s500") as server, Http(clock, Policy(rate_per_s=99)) as client:
        with pytest.raises(Unavailable):
            await get(client, server)
    assert len(clock.slept) == 3
    assert all(0.2 * 2**n <= pause <= 0.2 * 2**n + 0.2 for n, pause in enumerate(clock.slept))


async def test_a_grpc_gateways_501_is_told_apart_from_an_outage_and_not_repeated():
    async with FaultServer(GOOD, "s501") as server, http() as client:
        with pytest.raises(Unavailable) as caught:
            await get(client, server)
        assert (caught.value.status, server.count) == (501, 1)


async def test_a_404_whose_body_is_not_whole_is_still_a_404():
    async with FaultServer(GOOD, "s404") as server, http(Policy(max_body_bytes=5)) as client:
        with pytest.raises(NotFound, match=r"answered 404$"):
            await get(client, server)


async def test_no_error_repeats_a_query_a_credential_or_a_body():
    async with FaultServer(lambda path, body: b"secret", "ok") as server, http() as client:
        for kind in ("s301_away", "s400", "s401", "s404", "s429_ra3600", "s500", "gzip_false", "garbage"):
            server.kind = kind
            with pytest.raises((DataError, AuthError)) as caught:
                await get(client, server, params={"api_key": "secret"}, headers={"x-api-key": "secret"})
            assert "secret" not in repr(caught.value) + str(caught.value.__cause__)
        with pytest.raises(DataError, match="not asked: a URL that carries") as caught:
            await client.get("venue", f"http://user:secret@127.0.0.1:{server.port}/")
        assert "secret" not in str(caught.value)
        assert server.count > 0


async def test_logs_at_the_lowest_level_hold_no_query_and_no_cookie(caplog):
    caplog.set_level(logging.DEBUG)
    async with FaultServer(GOOD, "ok") as server, http() as client:
        await get(client, server, params={"api_key": "secret"})
    assert "secret" not in caplog.text
    assert "httpcore" not in caplog.text


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with FaultServer(GOOD, "ok") as server, http() as client:
        assert await get(client, server) == GOOD["/book"]


async def test_cookies_are_not_kept():
    async with FaultServer(GOOD, "ok") as server, http() as client:
        for _ in range(2):
            await get(client, server)
        assert "cookie" not in "".join(server.heads).lower()


async def test_a_host_nobody_listens_on_is_unavailable_and_says_why():
    async with FaultServer(GOOD, "ok") as server:
        url = server.url
    async with http() as client:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await client.get("venue", f"{url}/book")


@pytest.fixture
def self_signed(tmp_path):
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl makes the certificate")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


async def test_a_server_without_tls_or_a_known_certificate_is_not_trusted(self_signed):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed)
    tls = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = tls.sockets[0].getsockname()[1]
    async with FaultServer(GOOD, "ok") as plain, tls, http() as client:
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await client.get("venue", f"https://localhost:{port}/book")
        with pytest.raises(TimedOut, match="connect in time"):
            await client.get("venue", f"https://127.0.0.1:{plain.port}/book")
        handshake = asyncio.create_task(client.get("venue", f"https://127.0.0.1:{plain.port}/book"))
        await asyncio.sleep(0.2)
        handshake.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handshake
    del handshake
    # A socket left open would warn here, and warnings fail.
    gc.collect()


async def test_a_connection_that_is_not_made_in_time_leaves_time_for_another():
    async def never(request):
        raise httpx.ConnectTimeout("")

    async with FaultServer(GOOD, "ok") as server, http() as client:
        await get(client, server)
        client._wire._transports["http"].handle_async_request = never
        with pytest.raises(TimedOut, match="connect in time"):
            await get(client, server)


async def test_the_deadline_covers_everything_and_names_itself():
    async with FaultServer(GOOD, "drip_body") as server, http(Policy(deadline_s=0.5)) as client:
        start = time.monotonic()
        with pytest.raises(TimedOut, match=r"within 0\.5 s"):
            await get(client, server)
        assert time.monotonic() - start < 1.0
        assert server.count == 1


async def test_a_turn_that_comes_after_the_deadline_is_not_waited_for():
    async with FaultServer(GOOD, "ok") as server, http(Policy(deadline_s=0.5, rate_per_s=1)) as client:
        await get(client, server)
        start = time.monotonic()
        with pytest.raises(TimedOut):
            await get(client, server)
        assert time.monotonic() - start < 0.2
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
        assert time.monotonic() - start < 0.5
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
    async with FaultServer(GOOD, "ok") as server:
        assert await children(8, f"{server.url}/book", tmp_path, 4.0) == ["OK"] * 8
    arrivals = server.arrivals
    assert all(later - earlier >= 1.0 for earlier, later in zip(arrivals, arrivals[20:], strict=False))
    assert len(arrivals) / (arrivals[-1] - arrivals[0]) > 0.8 * 20 / 1.1


async def test_a_failing_host_is_left_alone_then_probed_by_exactly_one_of_fifty():
    policy = Policy(deadline_s=0.6, rate_per_s=1000, attempts=1, breaker_failures=3, breaker_rest_s=0.3)
    async with FaultServer(GOOD, "s500") as server, http(policy) as client:
        for count in (1, 2, 3, 3, 3):
            with pytest.raises(Unavailable):
                await get(client, server)
            assert server.count == count
        server.kind = "silent"
        await asyncio.sleep(0.35)
        outcomes = await asyncio.gather(*(get(client, server) for _ in range(50)), return_exceptions=True)
        assert server.count + len([o for o in outcomes if "in a row" in str(o)]) == 3 + 50
        assert sum("within 0.6 s" in str(outcome) for outcome in outcomes) == 1
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
        for kind, error in [("gzip_false", Malformed), ("s404", NotFound), ("s401", AuthError)]:
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
        with pytest.raises(Unavailable, match="in a row"):
            await get(client, server)
        await asyncio.sleep(0.25)
        server.kind = "s503"
        with pytest.raises(RateLimited):
            await get(client, server)
        clock.step = timedelta()
        server.kind = "ok"
        start = time.monotonic()
        assert await get(client, server) == GOOD["/book"]
        assert 0.7 < time.monotonic() - start < 1.5


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


def test_limits_and_gate_can_be_imported_without_the_network_stack():
    code = (
        "import defi_analytics.http.policy, defi_analytics.http.gate, sys;"
        "print([name for name in ('httpx', 'httpcore', 'tenacity', 'msgspec', 'ssl', 'anyio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
