"""httpx, tamed: one exchange in, a whole answer or a DataError out."""

import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import httpx

from defi_analytics.errors import DataError, Malformed, TimedOut, Unavailable
from defi_analytics.http.answer import WHOLE, Answer
from defi_analytics.http.body import NotWhole, decoded

LONGEST_REASON = 160
CONNECTED = "connection.connect_tcp.complete"
READY_TO_SEND = "http11.send_request_headers.started"
"""Source: httpcore's documentation, "Extensions", trace."""

_EXPLAINED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR})

Departing = Callable[[], Awaitable[None]]


class Wire:
    """Connections, kept open per host. The transport alone: no proxies, cookies, redirects or decoding.

    Contexts for TLS and for plain sockets are made on first use: reading the root certificates takes 20 ms.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._transports: dict[str, httpx.AsyncHTTPTransport] = {}

    async def aclose(self) -> None:
        while self._transports:
            await self._transports.popitem()[1].aclose()

    async def exchange(
        self, source: str, place: str, request: httpx.Request, connect_s: float, departing: Departing
    ) -> Answer:
        """The answer; its body only for 2xx (whole, decoded) and what explains itself (empty if not whole).

        That is a 404, and a 400 or 500 to a POST, where a gateway says why it refuses what was sent.

        The one boundary to httpx. Raises Unavailable or TimedOut for the network, Malformed for a body, and
        what `departing` raises. That is awaited on the open connection, with the request's first byte next.
        """
        opening: list[Any] = []

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            if event == CONNECTED:
                opening.append(info["return_value"])
            elif event == READY_TO_SEND:
                opening.clear()
                await departing()

        request.extensions.update(timeout={"connect": connect_s}, trace=trace)
        try:
            return await self._exchange(request)
        except NotWhole as error:
            raise Malformed(source, f"{place} sent {error}") from None
        except httpx.TimeoutException:
            raise _unsent(TimedOut(source, f"{place} did not let us connect in time")) from None
        # ValueError: h11 and idna have their own ideas of what cannot happen.
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as error:
            raise _broken(source, place, error) from None
        finally:
            # httpcore 1.0.9 forgets the socket of a TLS handshake that times out or is cancelled.
            for stream in opening:
                await stream.aclose()

    async def _exchange(self, request: httpx.Request) -> Answer:
        response = await self._transport(request.url.scheme).handle_async_request(request)
        try:
            return await self._read(response, may_explain=request.method == "POST")
        finally:
            await response.aclose()

    async def _read(self, response: httpx.Response, *, may_explain: bool) -> Answer:
        status, headers = response.status_code, response.headers
        if status == HTTPStatus.NOT_FOUND or (may_explain and status in _EXPLAINED):
            try:
                return Answer(status, headers, await self._body(response))
            except NotWhole:
                return Answer(status, headers)
        if status not in WHOLE:
            return Answer(status, headers)
        framed = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()
        if not framed and status != HTTPStatus.NO_CONTENT:
            raise NotWhole("a body of no stated length, which nobody can tell from a part of it")
        return Answer(status, headers, await self._body(response))

    async def _body(self, response: httpx.Response) -> bytes:
        parts = bytearray()
        async for part in response.aiter_raw():
            parts += part
            if len(parts) > self._max_body_bytes:
                raise NotWhole(f"more than {self._max_body_bytes} bytes")
        return decoded(bytes(parts), response.headers.get("content-encoding", ""), self._max_body_bytes)

    def _transport(self, scheme: str) -> httpx.AsyncHTTPTransport:
        transport = self._transports.get(scheme)
        if transport is None:
            # Its debug records hold what the host sent, cookies included.
            logging.getLogger("httpcore").setLevel(logging.WARNING)
            tls = scheme == "https"
            context = (
                httpx.create_ssl_context(trust_env=False) if tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            )
            # Unlimited here, because the limits per host are kept before a request counts as sent.
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=30.0)
            transport = httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=limits)
            self._transports[scheme] = transport
        return transport


def _broken(source: str, place: str, error: Exception) -> DataError:
    if isinstance(error, httpx.ConnectError):
        return _unsent(Unavailable(source, f"{place} cannot be reached: {_why(error)}"))
    if isinstance(error, httpx.RemoteProtocolError):
        # Its text quotes the host, which may quote us.
        reason = "did not speak HTTP, or stopped in the middle"
    else:
        reason = "broke the connection"
    return Unavailable(source, f"{place} {reason}")


def _unsent(error: DataError) -> DataError:
    error.unsent = True
    return error


def _why(error: Exception) -> str:
    """What the system said, or in plain words that a name means nothing: mostly that there is no network."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "its name could not be looked up; is there a network?"
        cause = cause.__cause__ or cause.__context__
    return f"{str(error)[:LONGEST_REASON]!a}"
