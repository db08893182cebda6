"""One exchange in, a whole answer or a DataError out."""

import asyncio
import errno
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple

import h11
import httpx

from defi_analytics.domain.text import safe
from defi_analytics.errors import DataError, Malformed, TimedOut, Unavailable
from defi_analytics.http.answer import WHOLE, Answer
from defi_analytics.http.body import NotWhole, decoded
from defi_analytics.http.connection import Connection, connected
from defi_analytics.http.request import PORTS

LONGEST_REASON = 160
KEPT_S = 30.0
"""How long a connection that nobody uses is kept."""

_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})
_ERRNO = re.compile(r"\[Errno ([0-9]{1,3})\]")
_NO_WAY = "there is no way to it from here; is there a network?"
_TOO_MANY = "this machine has too many connections or files open"
_SAID: Mapping[int, str] = {
    errno.ECONNREFUSED: "nobody listens at {at}",
    errno.ETIMEDOUT: "it does not answer at {at}",
    errno.ECONNRESET: "it hung up at once",
    errno.ENETUNREACH: _NO_WAY,
    errno.EHOSTUNREACH: _NO_WAY,
    errno.ENETDOWN: _NO_WAY,
    errno.EADDRNOTAVAIL: _NO_WAY,
    errno.EACCES: "this machine does not let us",
    errno.EPERM: "this machine does not let us",
    errno.EMFILE: _TOO_MANY,
    errno.ENFILE: _TOO_MANY,
    errno.ENOBUFS: _TOO_MANY,
}
"""In the order in which it tells the most."""
_EXPLAINED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR})

Departing = Callable[[], Awaitable[None]]


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int


class _Idle(NamedTuple):
    connection: Connection
    expiry: asyncio.TimerHandle


class Wire:
    """Connections, kept open per origin: no proxies, cookies, redirects, nor a limit to their number.

    The limits per host are kept before a request counts as sent. The context for TLS is made on first use:
    reading the root certificates takes 20 ms.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._open: set[Connection] = set()
        self._idle: dict[Origin, list[_Idle]] = {}
        self._context: ssl.SSLContext | None = None

    async def aclose(self) -> None:
        """Hangs up everywhere, in the middle of an exchange too."""
        for kept in self._idle.values():
            for _, expiry in kept:
                expiry.cancel()
        self._idle.clear()
        open_now = [*self._open]
        for connection in open_now:
            self._hang_up(connection)
        for connection in open_now:
            await connection.closed()

    async def exchange(
        self, source: str, place: str, request: httpx.Request, connect_s: float, departing: Departing
    ) -> Answer:
        """The answer; its body only for 2xx (whole, decoded) and what explains itself (empty if not whole).

        That is a 404, and a 400 or 500 to a POST, where a gateway says why it refuses what was sent.

        The one boundary to the network. Raises Unavailable or TimedOut for it, Malformed for a body, and
        what `departing` raises. That is awaited on the open connection, with the request's first byte next.
        """
        origin = _origin(request.url)
        connection = self._kept(origin) or await self._connected(source, place, origin, connect_s)
        try:
            await departing()
            return await self._exchanged(source, place, connection, request)
        finally:
            self._keep(origin, connection)

    async def _connected(self, source: str, place: str, origin: Origin, connect_s: float) -> Connection:
        try:
            async with asyncio.timeout(connect_s):
                # Made within the time: it takes long on a busy machine.
                context = self._trusted() if origin.scheme == "https" else None
                connection = await connected(origin.host, origin.port, context)
        except TimeoutError:
            raise _unsent(
                TimedOut(source, f"{place} did not let us connect within {connect_s:.2g} s")
            ) from None
        # ValueError: idna has its own ideas of what a name can be.
        except (OSError, ValueError) as error:
            raise _unsent(Unavailable(source, f"{place} cannot be reached: {_why(error, origin)}")) from None
        self._open.add(connection)
        return connection

    async def _exchanged(
        self, source: str, place: str, connection: Connection, request: httpx.Request
    ) -> Answer:
        try:
            connection.send(request)
            return await self._answer(connection, may_explain=request.method == "POST")
        except NotWhole as error:
            raise Malformed(source, f"{place} sent {error}") from None
        except h11.RemoteProtocolError:
            # Its text quotes the host, which may quote us.
            reason = "did not speak HTTP, or stopped in the middle"
        # ValueError: h11 has its own ideas of what cannot happen.
        except (h11.LocalProtocolError, OSError, ValueError):
            reason = "broke the connection"
        raise Unavailable(source, f"{place} {reason}")

    async def _answer(self, connection: Connection, *, may_explain: bool) -> Answer:
        head = await connection.head()
        status, headers = head.status_code, _fields(head.headers)
        if status == HTTPStatus.NOT_FOUND or (may_explain and status in _EXPLAINED):
            with suppress(NotWhole):
                return Answer(status, headers, await self._body(connection, headers))
            return Answer(status, headers)
        if status not in WHOLE:
            return Answer(status, headers)
        framed = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()
        if not framed and status != HTTPStatus.NO_CONTENT:
            raise NotWhole("a body of no stated length, which nobody can tell from a part of it")
        return Answer(status, headers, await self._body(connection, headers))

    async def _body(self, connection: Connection, headers: dict[str, str]) -> bytes:
        parts = bytearray()
        while (part := await connection.part()) is not None:
            parts += part
            if len(parts) > self._max_body_bytes:
                raise NotWhole(f"more than {self._max_body_bytes} bytes")
        return decoded(bytes(parts), headers.get("content-encoding", ""), self._max_body_bytes)

    def _kept(self, origin: Origin) -> Connection | None:
        kept = self._idle.get(origin, [])
        while kept:
            connection, expiry = kept.pop()
            expiry.cancel()
            if connection.quiet:
                return connection
            self._hang_up(connection)
        return None

    def _keep(self, origin: Origin, connection: Connection) -> None:
        if not connection.renew():
            self._hang_up(connection)
            return
        expiry = asyncio.get_running_loop().call_later(KEPT_S, self._hang_up, connection)
        self._idle.setdefault(origin, []).append(_Idle(connection, expiry))

    def _hang_up(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.abort()

    def _trusted(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = httpx.create_ssl_context(trust_env=False)
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context


def _origin(url: httpx.URL) -> Origin:
    return Origin(url.scheme, url.raw_host.decode("ascii"), url.port or PORTS[url.scheme])


def _fields(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """By name in lower case, as h11 tells them; a field that comes again continues the first."""
    fields: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("ascii"), value_bytes.decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _unsent(error: DataError) -> DataError:
    error.unsent = True
    return error


def _why(error: BaseException, origin: Origin) -> str:
    """In plain words; of what nobody foresaw, what the system said."""
    if isinstance(error, socket.gaierror):
        told_later = error.errno not in _NO_SUCH_NAME
        return f"its name {'could not be looked up' if told_later else 'is not known'}; is there a network?"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {safe(error.verify_message, LONGEST_REASON)}"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS as we do"
    # Where a host has several addresses, asyncio tells of all of them in one text.
    told = {int(number) for number in _ERRNO.findall(str(error))}
    for code, words in _SAID.items():
        if code in told:
            return words.format(at=f"{origin.host}:{origin.port}")
    return f"{str(error)[:LONGEST_REASON]!a}"
