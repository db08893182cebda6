"""One exchange over a real socket: no retries, turns or deadlines but that of the connection."""

import asyncio
import errno
import gc
import shutil
import socket
import ssl
import struct
import subprocess
from contextlib import suppress

import pytest

from defi_analytics.errors import Malformed, TimedOut, Unavailable
from defi_analytics.http.connection import MOST_UNREAD_BYTES
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


async def exchange(wire, url, departing=at_once, connect_s=5.0):
    return await wire.exchange("venue", "the place", built("GET", url, None, {}, b""), connect_s, departing)


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


async def test_what_a_host_says_before_its_answer_is_passed_over(wire):
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </style>\r\n\r\n"
    answer = await answers(wire, early * 2 + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert (answer.status, dict(answer.headers), answer.body) == (200, {"content-length": "2"}, b"{}")


async def test_a_host_that_changes_the_protocol_did_not_speak_http(wire):
    with pytest.raises(Unavailable, match="did not speak HTTP"):
        await answers(wire, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nxyz")


async def test_a_field_that_comes_twice_is_both(wire):
    head = b"HTTP/1.1 404 Not Found\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"
    assert (await answers(wire, head)).headers["x-a"] == "1, 2"


async def test_a_large_body_is_whole_though_the_host_is_faster_than_we_are():
    body = bytes(5 * MOST_UNREAD_BYTES)
    patient = Wire(len(body))
    async with FaultServer({"/book": body}, "ok") as server:
        assert len((await exchange(patient, f"{server.url}/book")).body) == len(body)
        await patient.aclose()


async def talking(wire, *answers):
    """Asks twice of a server that says these things; how many connections that took."""
    left, connections = list(answers), []

    async def serve(reader, writer):
        connections.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(left.pop(0))
            await writer.drain()

    async def connected(reader, writer):
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        bodies = [(await exchange(wire, url)).body]
        await asyncio.sleep(0.05)
        bodies.append((await exchange(wire, url)).body)
        await wire.aclose()
    assert bodies == [b"[1]", b"[2]"]
    return len(connections)


ONE, TWO = (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[%d]" % n for n in (1, 2))


async def test_a_connection_is_used_again_unless_more_came_than_was_asked_for(wire):
    assert await talking(wire, ONE, TWO) == 1
    # Whoever takes what is left over for an answer may get somebody else's.
    assert await talking(wire, ONE + TWO, TWO) == 2
    assert await talking(wire, ONE.replace(b"OK", b"OK\r\nConnection: close"), TWO) == 2


async def test_a_connection_that_nobody_uses_is_given_up(wire, monkeypatch):
    monkeypatch.setattr("defi_analytics.http.wire.KEPT_S", 0.01)
    assert await talking(wire, ONE, TWO) == 2


async def test_an_answer_that_came_whole_counts_though_the_connection_broke_then(wire):
    async def connected(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ONE)
        await writer.drain()
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        answer = await exchange(wire, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert answer.body == b"[1]"


async def test_closing_hangs_up_in_the_middle_of_an_exchange(wire):
    async with FaultServer(GOOD, "silent") as server:
        waiting = asyncio.create_task(exchange(wire, f"{server.url}/book"))
        await server.asked(1)
        await wire.aclose()
        with pytest.raises(Unavailable, match="stopped in the middle"):
            await waiting


async def test_a_name_is_looked_up_and_each_of_its_addresses_may_answer(wire):
    async with FaultServer(GOOD, "ok") as server:
        assert (await exchange(wire, f"http://localhost:{server.port}/book")).body == BOOK


async def test_a_body_that_ends_when_the_host_hangs_up_is_not_trusted(wire):
    with pytest.raises(Malformed, match="venue: the place sent a body of no stated length"):
        await answers(wire, b"HTTP/1.1 200 OK\r\n\r\n[1,2]")


async def test_a_broken_connection_says_how_and_repeats_nothing_of_what_came(wire):
    async with FaultServer(GOOD, "rst_in_body") as server:
        with pytest.raises(Unavailable, match=r"^venue: the place broke the connection$"):
            await exchange(wire, f"{server.url}/book")
    for raw in (b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1"):
        with pytest.raises(Unavailable, match=r"^venue: the place .*stopped in the middle$"):
            await answers(wire, raw)
    with pytest.raises(Unavailable, match=r"did not speak HTTP, or stopped in the middle$"):
        await answers(wire, b"secret\r\n\r\n")
    with pytest.raises(Unavailable, match=f"cannot be reached: nobody listens at 127.0.0.1:{server.port}$"):
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
        with pytest.raises(Unavailable, match=r"its certificate is refused: self-signed certificate$"):
            await exchange(wire, f"https://localhost:{tls.sockets[0].getsockname()[1]}/")


async def test_over_tls_too_a_connection_is_used_again_and_only_for_its_own_name(wire, self_signed):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed)
    wire._context = ssl.create_default_context(cafile=self_signed[0])
    peers = set()

    async def connected(reader, writer):
        with suppress(asyncio.IncompleteReadError, OSError):
            while await reader.readuntil(b"\r\n\r\n"):
                peers.add(writer.get_extra_info("peername"))
                writer.write(ONE)
        writer.close()

    async with await asyncio.start_server(
        connected, "localhost", 0, ssl=context, family=socket.AF_INET
    ) as tls:
        port = tls.sockets[0].getsockname()[1]
        for _ in range(2):
            assert (await exchange(wire, f"https://localhost:{port}/")).body == b"[1]"
        assert len(peers) == 1
        with pytest.raises(Unavailable, match="IP address mismatch"):
            await exchange(wire, f"https://127.0.0.1:{port}/")
        await wire.aclose()


async def test_an_exchange_that_is_cancelled_hangs_up_and_the_next_connects_anew(wire):
    async with FaultServer(GOOD, "stall") as server:
        stalled = asyncio.create_task(exchange(wire, f"{server.url}/book"))
        await server.asked(1)
        stalled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stalled
        server.kind = "ok"
        assert (await exchange(wire, f"{server.url}/book")).body == BOOK
        assert server.connections == 2


async def test_a_handshake_that_times_out_or_is_cancelled_leaves_no_socket_open(wire):
    async with FaultServer(GOOD, "ok") as plain:
        url = f"https://127.0.0.1:{plain.port}/book"
        async with asyncio.timeout(5):
            with pytest.raises(TimedOut, match=r"the place did not let us connect within 0\.3 s"):
                await exchange(wire, url, connect_s=0.3)
        handshake = asyncio.create_task(exchange(wire, url))
        await asyncio.sleep(0.1)
        handshake.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handshake
    del handshake


REFUSED = OSError(
    "Multiple exceptions: [Errno 101] no route, [Errno 111] Connect call failed ('127.0.0.1', 443)"
)


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), "its name is not known; is there a network?"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "its name could not be looked up; is there a network?"),
        (REFUSED, "nobody listens at nowhere.invalid:443"),
        (OSError(errno.ENETUNREACH, "x"), "there is no way to it from here; is there a network?"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "it hung up at once"),
        (OSError(errno.EMFILE, "x"), "this machine has too many connections or files open"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] x"), "it does not speak TLS as we do"),
        (ssl.SSLCertVerificationError(1, "x"), "its certificate is refused: ?"),
        (OSError("something\x1b new"), r"'something\x1b new'"),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_why_a_host_cannot_be_reached_is_told_in_plain_words(wire, monkeypatch, raised, words):
    if isinstance(raised, ssl.SSLCertVerificationError):
        raised.verify_message = ""

    async def fail(*args, **kwargs):
        raise raised

    monkeypatch.setattr("defi_analytics.http.wire.connected", fail)
    with pytest.raises(Unavailable) as seen:
        await exchange(wire, "https://nowhere.invalid/")
    assert seen.value.message == f"venue: the place cannot be reached: {words}"
