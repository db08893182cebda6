"""A small HTTP/1.1 server on the loopback interface, for local stand-ins of remote services."""

import asyncio
import ipaddress
import logging
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from socket import SO_LINGER, SOL_SOCKET
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from defi_analytics.errors import UsageError, WrongState
from defi_analytics.ports import Clock

_LOG = logging.getLogger(__name__)
_MAX_BODY_BYTES = 1 << 20
_MAX_HEAD_BYTES = 64 << 10
_READ_BYTES = 64 << 10
_LINGER_READS = 256
_CLOSE_GRACE_S = 1.0
_NO_LINGER = struct.pack("ii", 1, 0)


class Request(NamedTuple):
    method: str
    path: str
    """Percent-decoded, without the query."""
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: bytes

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a repeated query parameter."""
        return tuple(value for key, value in self.query if key == name)


class Fate(Enum):
    """What becomes of an answer."""

    SENT = "sent"
    RESET = "reset"
    """The connection is reset instead."""
    SILENCE = "silence"
    """Nothing is sent, and the connection stays open."""


class Response(NamedTuple):
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    fate: Fate = Fate.SENT


Handler = Callable[[Request], Awaitable[Response]]


class _Refused(Exception):
    """A request we answer without asking the handler, and then hang up."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(slots=True)
class Server:
    """What `serve` yields: where it listens, and how often each path was asked for."""

    url: str
    requests: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    """How many were opened since the start: a client that keeps connections alive opens few."""


@asynccontextmanager
async def serve(
    handler: Handler,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    latency_s: float = 0.0,
    clock: Clock | None = None,
) -> AsyncIterator[Server]:
    """Serves `handler` while the context is open; port 0 picks a free one.

    Every answer waits `latency_s` first, by `clock`. A handler that raises becomes a logged 500.
    Raises UsageError when `host` is not a loopback address, WrongState when the port is taken.
    """
    _check_loopback(host)
    if latency_s and clock is None:
        raise UsageError("a latency needs a clock to wait by")
    server = Server("")
    listener = _Listener(handler, server, latency_s, clock)
    try:
        sockets = await asyncio.start_server(listener.connected, host, port)
    except OSError as error:
        raise WrongState(
            f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another port"
        ) from error
    server.url = _url(host, sockets.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        sockets.close()
        await listener.close()
        await sockets.wait_closed()


def _check_loopback(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise UsageError(f"{host!r} is not a loopback address", hint="use 127.0.0.1")


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@dataclass(slots=True)
class _Listener:
    handler: Handler
    server: Server
    latency_s: float
    clock: Clock | None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    idle: set[asyncio.Task[None]] = field(default_factory=set)
    """The tasks that wait for a request: nothing is lost when those are cancelled."""
    closing: bool = False

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- a coroutine always runs in a task; this tells the type checker
        self.tasks.add(task)
        self.server.connections += 1
        try:
            await self._converse(_Connection(reader, writer), task)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client left, or we are closing: either way nobody waits for an answer
        finally:
            self.tasks.discard(task)
            self.idle.discard(task)
            writer.close()

    async def close(self) -> None:
        self.closing = True
        for task in list(self.idle):
            task.cancel()
        if self.tasks:
            await asyncio.wait(list(self.tasks), timeout=_CLOSE_GRACE_S)
        for task in list(self.tasks):
            task.cancel()
        if self.tasks:
            await asyncio.wait(list(self.tasks))

    async def _converse(self, connection: "_Connection", task: asyncio.Task[None]) -> None:
        while True:
            self.idle.add(task)
            try:
                request = await connection.receive()
            except _Refused as refused:
                await connection.refuse(refused.status)
                return
            self.idle.discard(task)
            if request is None:
                return
            response = await self._answer(request)
            if response.fate is Fate.RESET:
                connection.reset()
                return
            if response.fate is Fate.SILENCE:
                self.idle.add(task)
                await asyncio.Event().wait()
            await connection.send(response)
            if self.closing or not connection.next():
                return

    async def _answer(self, request: Request) -> Response:
        self.server.requests[request.path] += 1
        if self.clock is not None and self.latency_s:
            await self.clock.sleep(self.latency_s)
        try:
            return await self.handler(request)
        except Exception:  # noqa: BLE001 -- the one boundary: a broken handler must not take the server down
            _LOG.exception("%s %s failed", request.method, request.path)
            return _problem(HTTPStatus.INTERNAL_SERVER_ERROR)


def _problem(status: HTTPStatus) -> Response:
    return Response(status, b'{"error":"%s"}' % status.phrase.encode())


class _Connection:
    """One client's socket, spoken to in whole requests and responses."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._method = ""

    async def receive(self) -> Request | None:
        """The next whole request, or None when the client hung up. Raises _Refused."""
        self._method = ""
        try:
            head = await self._event()
            if not isinstance(head, h11.Request):
                return None
            self._method = head.method.decode()
            return _request(head, await self._body())
        except h11.RemoteProtocolError as error:
            raise _Refused(HTTPStatus(error.error_status_hint)) from error
        except ValueError as error:  # a target or header that is not text
            raise _Refused(HTTPStatus.BAD_REQUEST) from error

    async def send(self, response: Response, *, close: bool = False) -> None:
        headers = [
            ("content-type", response.content_type),
            ("content-length", str(len(response.body))),
            *response.headers,
        ]
        if close:
            headers.append(("connection", "close"))
        head = h11.Response(status_code=response.status, headers=headers)
        data = self._http.send(head) or b""
        if response.body and self._method != "HEAD":
            data += self._http.send(h11.Data(data=response.body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        self._writer.write(data)
        await self._writer.drain()

    def reset(self) -> None:
        # Without lingering, closing a socket that is not read to its end sends a reset, not an end of file.
        self._writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()

    async def refuse(self, status: HTTPStatus) -> None:
        await self.send(_problem(status), close=True)
        self._writer.write_eof()
        # Closing with unread input resets the connection, and the client might never see the answer.
        for _ in range(_LINGER_READS):
            if not await self._reader.read(_READ_BYTES):
                return

    def next(self) -> bool:
        """Whether the same connection may carry another request."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                self._writer.write(
                    self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
                )
            self._http.receive_data(await self._reader.read(_READ_BYTES))

    async def _body(self) -> bytes:
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > _MAX_BODY_BYTES:
                raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return bytes(body)


def _request(head: h11.Request, body: bytes) -> Request:
    target = urlsplit(head.target.decode("ascii"))
    query = tuple(parse_qsl(target.query, keep_blank_values=True))
    headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers)
    return Request(head.method.decode("ascii"), unquote(target.path), query, headers, body)
