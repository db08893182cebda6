import asyncio
import gc
import logging
import subprocess
import sys

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.errors import (
    AuthError,
    DataError,
    TimedOut,
    Unavailable,
)
from defi_analytics.http.client import Http
from defi_analytics.http.connection import connected
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


async def test_a_request_leaves_nothing_behind_that_only_a_collection_frees():
    async with FaultServer(GOOD, "ok") as server, http() as client:
        await get(client, server)
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            for _ in range(5):
                await get(client, server)
            gc.collect()
            left = {type(found).__module__ for found in gc.garbage}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert not {name for name in left if name.startswith(("defi_analytics", "httpx", "tenacity"))}


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


@pytest.mark.parametrize("kind", ["s401", "s403"])
async def test_a_refusal_means_the_key_where_one_was_sent_and_a_blocked_address_elsewhere(kind):
    async with FaultServer(GOOD, kind) as server, http() as client:
        with pytest.raises(AuthError):
            await get(client, server, headers={"X-Api-Key": "secret"})
        with pytest.raises(Unavailable, match="refuses us") as caught:
            await get(client, server)
        assert (caught.value.status, server.count) == (int(kind[1:]), 2)


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


async def test_a_handshake_that_never_ends_is_told_apart_from_an_answer_that_never_comes():
    async with FaultServer(GOOD, "ok") as plain, http(Policy(deadline_s=1.5, attempts=1)) as client:
        with pytest.raises(TimedOut, match="connect within"):
            await client.get("venue", f"https://127.0.0.1:{plain.port}/book")


async def test_a_connection_that_is_not_made_in_time_leaves_time_for_another(monkeypatch):
    tried = []

    async def lost(*address):
        tried.append(address)
        if len(tried) == 1:
            raise TimeoutError
        return await connected(*address)

    monkeypatch.setattr("defi_analytics.http.wire.connected", lost)
    async with FaultServer(GOOD, "ok") as server, http() as client:
        await get(client, server)
    assert tried == [("127.0.0.1", server.port, None)] * 2


def test_limits_and_gate_can_be_imported_without_the_network_stack():
    code = (
        "import defi_analytics.http.policy, defi_analytics.http.gate, sys;"
        "print([name for name in ('httpx', 'httpcore', 'tenacity', 'msgspec', 'ssl', 'anyio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_why_a_post_is_refused_is_kept_whole_but_never_shown():
    async with FaultServer(GOOD, "s500") as server, http() as client:
        for kind, said in [
            ("s500", b'{"code":13,"message":"panic"}'),
            ("s400", b'{"code":3,'),
            ("s503", b""),
        ]:
            server.kind = kind
            with pytest.raises(DataError) as caught:
                await client.post("venue", f"{server.url}/book", b"{}")
            assert caught.value.answer.startswith(said)
            assert (caught.value.answer == b"") == (said == b"")
            assert "panic" not in str(caught.value)
        server.kind = "s500"
        with pytest.raises(DataError) as caught:
            await get(client, server)
        assert caught.value.answer == b""


async def test_a_request_that_never_left_says_so_and_no_other_does():
    async with FaultServer(GOOD, "s500") as server, http(Policy(breaker_failures=2)) as client:
        url = f"{server.url}/book"
        unsent = []
        for _ in range(3):
            with pytest.raises(DataError) as caught:
                await client.post("venue", url, b"{}")
            unsent.append(caught.value.unsent)
        assert unsent == [False, False, True]
        assert server.count == 2
    for kind in ("closed_at_once", "rst_before_head", "silent", "cut_length"):
        async with FaultServer(GOOD, kind) as server, http(Policy(deadline_s=0.5)) as client:
            with pytest.raises(DataError) as caught:
                await client.post("venue", f"{server.url}/book", b"{}")
            assert not caught.value.unsent, kind
    async with http() as client:
        for url in (f"{server.url}/txs", "ftp://example.org/"):
            with pytest.raises(DataError) as caught:
                await client.post("venue", url, b"{}")
            assert caught.value.unsent


async def test_a_request_that_was_sent_once_is_not_unsent_because_its_repetition_was():
    async with FaultServer(GOOD, "s500") as server, http() as client:
        asking = asyncio.create_task(get(client, server))
        await server.asked(1)
        server._server.close()
        server.kind = "closed_at_once"
        with pytest.raises(DataError) as caught:
            await asking
        assert not caught.value.unsent
