"""One exchange over a real socket: no retries, turns or deadlines but that of the connection."""

import asyncio
import gc
import shutil
import socket
import ssl
import subprocess

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.errors import Malformed, TimedOut, Unavailable
from defi_analytics.http.client import Http
from defi_analytics.http.policy import Policy
from defi_analytics.http.request import built
from defi_analytics.http.wire import Wire
from tests.faults import FaultServer

BOOK = b'{"bids":[["1.5","2"]],"asks":[["1.6","2"]]}'
GOOD = {"/book": BOOK}


@pytest.fixture
async def wire():
    wire = Wire(max_body_bytes=1_000)
    yield wire
    await wire.aclose()
    # A socket left open would warn here, and warnings fail.
    gc.collect()


async def at_once():
    pass


async def exchange(wire, url, departing=at_once):
    return await wire.exchange("venue", "the place", built("GET", url, None, {}, b""), 0.3, departing)


async def test_departing_is_awaited_on_the_open_connection_before_a_byte_is_sent(wire):
    seen = []

    async def departing():
        await asyncio.sleep(0.05)
        seen.append((server.connections, server.count))

    async with FaultServer(GOOD, "ok") as server:
        for _ in range(2):
            assert (await exchange(wire, f"{server.url}/book", departing)).body == BOOK
    assert seen == [(1, 0), (1, 1)]


async def test_what_departing_raises_passes_unchanged_and_nothing_is_sent(wire):
    refusal = KeyError("not now")

    async def departing():
        raise refusal

    async with FaultServer(GOOD, "ok") as server:
        with pytest.raises(KeyError) as caught:
            await exchange(wire, f"{server.url}/book", departing)
        assert (caught.value, server.count) == (refusal, 0)
        assert (await exchange(wire, f"{server.url}/book")).body == BOOK


@pytest.mark.parametrize("kind", ["s206", "s302_home", "s400", "s403", "s500"])
async def test_of_an_answer_that_is_no_success_only_the_head_is_told(wire, kind):
    async with FaultServer(GOOD, kind) as server:
        answer = await exchange(wire, f"{server.url}/book")
    assert (answer.status, answer.body) == (int(kind[1:4]), b"")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("limit", "body"), [(1_000, b'{"code":5,"message":"no such'), (5, b"")])
async def test_a_404_keeps_its_body_only_if_that_is_whole(limit, body):
    small = Wire(limit)
    async with FaultServer(GOOD, "s404") as server:
        answer = await exchange(small, f"{server.url}/book")
        await small.aclose()
    assert (answer.status, answer.body[:28]) == (404, body)


async def answers(wire, raw):
    """What becomes of these bytes, after which the server hangs up."""

    async def connected(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        return await exchange(wire, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def test_chunks_make_one_body(wire):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await answers(wire, head + b"2\r\n[1\r\n3\r\n,2]\r\n0\r\n\r\n")).body == b"[1,2]"


async def test_a_body_that_ends_when_the_host_hangs_up_is_not_trusted(wire):
    with pytest.raises(Malformed, match="venue: the place sent a body of no stated length"):
        await answers(wire, b"HTTP/1.1 200 OK\r\n\r\n[1,2]")


async def test_a_broken_connection_says_how_and_repeats_nothing_of_what_came(wire):
    for kind, reason in (
        ("rst_in_body", "broke the connection"),
        ("closed_at_once", "stopped in the middle"),
    ):
        async with FaultServer(GOOD, kind) as server:
            with pytest.raises(Unavailable, match=f"^venue: the place .*{reason}$"):
                await exchange(wire, f"{server.url}/book")
    with pytest.raises(Unavailable, match=r"did not speak HTTP, or stopped in the middle$"):
        await answers(wire, b"secret\r\n\r\n")
    with pytest.raises(Unavailable, match="cannot be reached: "):
        await exchange(wire, f"{server.url}/book")


async def test_closing_hangs_up_and_what_is_asked_afterwards_connects_anew(wire):
    async with FaultServer(GOOD, "ok") as server:
        await exchange(wire, f"{server.url}/book")
        await wire.aclose()
        assert (await exchange(wire, f"{server.url}/book")).body == BOOK
        assert server.connections == 2


@pytest.fixture
def self_signed(tmp_path):
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl makes the certificate")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = [openssl, "req", *made, *subject, "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


async def test_a_server_without_a_known_certificate_is_not_trusted(wire, self_signed):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed)
    tls = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with tls:
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await exchange(wire, f"https://localhost:{tls.sockets[0].getsockname()[1]}/")


async def test_a_handshake_that_times_out_or_is_cancelled_leaves_no_socket_open(wire):
    async with FaultServer(GOOD, "ok") as plain:
        url = f"https://127.0.0.1:{plain.port}/book"
        async with asyncio.timeout(5):
            with pytest.raises(TimedOut, match="the place did not let us connect in time"):
                await exchange(wire, url)
        handshake = asyncio.create_task(exchange(wire, url))
        await asyncio.sleep(0.1)
        handshake.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handshake
    del handshake


async def test_a_name_that_means_nothing_is_told_in_plain_words(monkeypatch):
    async def fail(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("asyncio.BaseEventLoop.getaddrinfo", fail)
    async with Http(WallClock(), Policy(attempts=1)) as http:
        with pytest.raises(Unavailable, match="could not be looked up; is there a network"):
            await http.get("nowhere", "https://nowhere.invalid/")
