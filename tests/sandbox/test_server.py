import asyncio
import logging
import socket

import httpx
import pytest

from defi_analytics.errors import UsageError, WrongState
from defi_analytics.sandbox.server import Fate, Request, Response, Server, serve
from tests.fakes import FakeClock


async def echo(request: Request) -> Response:
    text = f"{request.method} {request.path} {request.query} {request.body!r}"
    return Response(201, text.encode(), "text/plain", (("x-sort", "echo"),))


async def boom(request: Request) -> Response:
    raise RuntimeError("no")


async def connect(server: Server):
    host, port = server.url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


async def raw(server: Server, data: bytes) -> bytes:
    reader, writer = await connect(server)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    await asyncio.sleep(0.01)  # the server notices that we left
    return answer


async def test_a_request_reaches_the_handler_decoded_and_its_answer_comes_back():
    async with serve(echo) as server, httpx.AsyncClient(base_url=server.url) as client:
        answer = await client.post("/a%2Fb/c?x=1&x=2&y=", content=b"hi")
    assert answer.status_code == 201
    assert answer.text == "POST /a/b/c (('x', '1'), ('x', '2'), ('y', '')) b'hi'"
    assert answer.headers["x-sort"] == "echo"
    assert answer.headers["content-type"] == "text/plain"


async def test_many_requests_share_one_connection_and_are_counted_by_path():
    async with serve(echo) as server, httpx.AsyncClient(base_url=server.url) as client:
        for path in ("/a", "/a?q=1", "/b"):
            await client.get(path)
    assert server.requests == {"/a": 2, "/b": 1}
    assert server.connections == 1


def test_query_values_are_found_by_name():
    request = Request("GET", "/", (("a", "1"), ("b", "2"), ("a", "3")), (), b"")
    assert request.first("a") == "1"
    assert request.first("z", "none") == "none"
    assert request.every("a") == ("1", "3")


async def test_a_head_request_gets_no_body():
    async with serve(echo) as server, httpx.AsyncClient(base_url=server.url) as client:
        answer = await client.head("/a")
        again = await client.get("/a")
    assert answer.content == b""
    assert again.status_code == 201


@pytest.mark.parametrize(
    "junk",
    [b"\x00\x01nonsense\r\n\r\n", b"GET //[ HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"],
)
async def test_a_bad_request_is_answered_with_400_and_closed(junk):
    async with serve(echo) as server:
        answer = await raw(server, junk)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer.lower()
    assert not server.requests


async def test_a_body_of_over_one_mebibyte_is_refused_with_413():
    async with serve(echo) as server, httpx.AsyncClient(base_url=server.url) as client:
        assert (await client.post("/", content=b"x" * (1 << 20))).status_code == 201
        answer = await client.post("/", content=b"x" * (1 << 20) + b"y")
    assert answer.status_code == 413


async def test_a_head_that_never_ends_is_refused_with_431():
    async with serve(echo) as server:
        answer = await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\nx: " + b"y" * (1 << 17))
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_failing_handler_is_a_logged_500_and_the_server_lives_on(caplog):
    async with serve(boom) as server, httpx.AsyncClient(base_url=server.url) as client:
        with caplog.at_level(logging.ERROR):
            answers = [(await client.get("/x")).status_code for _ in range(2)]
    assert answers == [500, 500]
    assert "GET /x failed" in caplog.text


async def test_latency_is_slept_on_the_clock_that_was_given():
    clock = FakeClock()
    async with serve(echo, latency_s=0.25, clock=clock) as server, httpx.AsyncClient() as client:
        await client.get(server.url)
    assert clock.slept == [0.25]


async def test_latency_without_a_clock_is_refused():
    with pytest.raises(UsageError):
        async with serve(echo, latency_s=1):
            pass


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])
async def test_only_loopback_addresses_are_listened_on(host):
    with pytest.raises(UsageError):
        async with serve(echo, host):
            pass


async def test_a_taken_port_is_named_in_the_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(WrongState, match=str(port)):
            async with serve(echo, port=port):
                pass


async def test_it_speaks_ipv6_loopback_too():
    try:
        async with serve(echo, "::1") as server, httpx.AsyncClient() as client:
            assert (await client.get(server.url)).status_code == 201
    except WrongState:
        pytest.skip("no IPv6 loopback here")


async def test_closing_ends_idle_connections_and_finishes_the_request_in_flight():
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        inside.set()
        await go_on.wait()
        return Response(200, b"done")

    async with httpx.AsyncClient() as client:
        async with serve(slow) as server:
            asked = asyncio.create_task(client.get(server.url))
            await inside.wait()
            asyncio.get_running_loop().call_soon(go_on.set)
        assert (await asked).text == "done"
        with pytest.raises(httpx.ConnectError):
            await client.get(server.url)


async def test_closing_does_not_wait_for_ever_for_a_stuck_handler(monkeypatch):
    monkeypatch.setattr("defi_analytics.sandbox.server._CLOSE_GRACE_S", 0.01)
    inside = asyncio.Event()

    async def stuck(request: Request) -> Response:
        inside.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with httpx.AsyncClient() as client:
        async with serve(stuck) as server:
            asked = asyncio.create_task(client.get(server.url))
            await inside.wait()
        with pytest.raises(httpx.RemoteProtocolError):
            await asked


async def test_a_client_that_asks_before_sending_its_body_is_told_to_go_on():
    async with serve(echo) as server:
        reader, writer = await connect(server)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        writer.write(b"ok")
        assert b"b'ok'" in await reader.readuntil(b"b'ok'")
        writer.close()


async def flood(writer):
    for _ in range(10_000):
        writer.write(b"x" * (1 << 16))
        await writer.drain()


async def test_a_client_that_floods_is_cut_off():
    async with serve(echo) as server:
        _, writer = await connect(server)
        writer.write(b"junk\r\n\r\n")
        with pytest.raises(ConnectionError):
            await flood(writer)
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"junk\r\n\r\n"])
async def test_a_client_that_leaves_does_not_disturb_the_others(sent):
    async with serve(echo) as server, httpx.AsyncClient() as client:
        _, writer = await connect(server)
        writer.write(sent)
        writer.close()
        await writer.wait_closed()
        for _ in range(3):
            assert (await client.get(server.url)).status_code == 201


async def test_connection_close_is_honoured():
    async with serve(echo) as server:
        answer = await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 201")


async def reset(request: Request) -> Response:
    return Response(fate=Fate.RESET)


async def silent(request: Request) -> Response:
    return Response(fate=Fate.SILENCE)


async def test_an_answer_that_is_reset_is_a_reset_connection_and_not_an_end_of_file():
    async with serve(reset) as server:
        reader, writer = await connect(server)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_silence_lasts_until_the_server_closes_which_it_does_at_once():
    async with serve(silent) as server:
        reader, writer = await connect(server)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(), 0.1)
    assert await asyncio.wait_for(reader.read(), 0.5) == b""
    writer.close()
