"""One HTTP/1.1 connection: a request out, an answer in, and then perhaps the next.

A transport of its own, because the pool that httpx brings costs more per request than reading the answer:
it looks at every connection whenever any request starts or ends. h11 speaks the protocol, as it does there.
"""

import asyncio
import ssl
from ipaddress import ip_address
from typing import cast

import h11
import httpx

LONGEST_HEAD_BYTES = 100 * 1024
MOST_UNREAD_BYTES = 1 << 20
"""Beyond this the host has to wait until we have read."""
NEXT_ADDRESS_S = 0.25
"""How long one of a host's addresses may take before the next is tried beside it. Source: RFC 8305."""


class Connection(asyncio.Protocol):
    """What has come and not been read yet, and whether any more will come."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD_BYTES)
        self._unread = bytearray()
        self._news: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._lost: asyncio.Future[None] = loop.create_future()
        self._ended = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if len(self._unread) > MOST_UNREAD_BYTES:
            self._transport.pause_reading()
        self._tell()

    def eof_received(self) -> None:
        self._ended = True
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._error = True, exc
        self._tell()
        self._lost.set_result(None)

    def send(self, request: httpx.Request) -> None:
        """Raises h11.LocalProtocolError for what HTTP cannot say."""
        url, http = request.url, self._http
        head = h11.Request(method=request.method, target=url.raw_path, headers=request.headers.raw)
        events = (head, h11.Data(data=request.content), h11.EndOfMessage())
        self._transport.write(b"".join(http.send(event) or b"" for event in events))

    async def head(self) -> h11.Response:
        """Raises h11.RemoteProtocolError for what is no answer, OSError for what breaks the connection."""
        while isinstance(event := await self._event(), h11.InformationalResponse):
            pass
        if isinstance(event, h11.Response):
            return event
        raise h11.RemoteProtocolError("no answer")

    async def part(self) -> bytes | None:
        """Some more of the body as it was sent, None at the end that the head announced; raises as `head`."""
        event = await self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else None

    def renew(self) -> bool:
        """Ready for another request, if both sides have said all of this one and the host goes on."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        if self._http.trailing_data[0] or not self.quiet:
            return False
        self._http.start_next_cycle()
        return True

    @property
    def quiet(self) -> bool:
        """Open, and nothing has come that nobody asked for."""
        return not (self._ended or self._unread or self._transport.is_closing())

    def abort(self) -> None:
        self._transport.abort()

    async def closed(self) -> None:
        await self._lost

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._received())
        return event

    async def _received(self) -> bytes:
        """What has come; nothing once the host has said all it will. Raises the OSError that broke it off."""
        while not (self._unread or self._ended):
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        if self._error is not None and not self._unread:
            raise self._error
        data = bytes(self._unread)
        self._unread.clear()
        self._transport.resume_reading()
        return data

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


async def connected(host: str, port: int, context: ssl.SSLContext | None) -> Connection:
    """Open, and for TLS trusted by `context`. Raises OSError, which ssl.SSLError is too, and ValueError."""
    loop = asyncio.get_running_loop()
    # A race between addresses costs as much as a request, and a literal has but one.
    delay_s = None if _is_literal(host) else NEXT_ADDRESS_S
    _, connection = await loop.create_connection(
        Connection, host, port, ssl=context, happy_eyeballs_delay=delay_s
    )
    return connection


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
