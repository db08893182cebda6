import asyncio
import gzip
import random
import socket
import struct
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import formatdate
from functools import cache
from http import HTTPStatus
from typing import Self

from tests.faults.bodies import BODY_KINDS, broken

Good = Mapping[str, bytes] | Callable[[str, bytes], bytes]

BOMB_BYTES = 128 * 1024 * 1024
DRIP_S = 0.2

# status, further headers, body
STATUSES: dict[str, tuple[int, str, bytes]] = {
    "s204": (204, "", b""),
    "s206": (206, "Content-Range: bytes 0-1/9\r\n", b"{}"),
    "s301_away": (301, "Location: https://evil.invalid/\r\n", b""),
    "s302_home": (302, "Location: /\r\n", b""),
    "s307_file": (307, "Location: file:///etc/passwd\r\n", b""),
    "s308_metadata": (308, "Location: http://169.254.169.254/latest/\r\n", b""),
    "s400": (400, "", b'{"code":3,"message":"bad \\u001b[2J"}'),
    "s401": (401, 'WWW-Authenticate: Basic realm="x"\r\n', b""),
    "s403": (403, "", b"<html>blocked</html>"),
    "s404": (404, "", b'{"code":5,"message":"no such \\u001b[2Jthing"}'),
    "s408": (408, "", b""),
    "s418": (418, "", b""),
    "s429": (429, "", b""),
    "s429_ra3600": (429, "Retry-After: 3600\r\n", b""),
    "s429_date": (429, "Retry-After: {later}\r\n", b""),
    "s429_bad": (429, "Retry-After: -5, soon\r\n", b""),
    "s500": (500, "", b'{"code":13,"message":"panic"}'),
    "s501": (501, "", b'{"code":12,"message":"Not Implemented"}'),
    "s503": (503, "Retry-After: 1\r\n", b""),
    "s999": (999, "", b"{}"),
}
STATUS_KINDS = tuple(STATUSES)
ENCODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip_bomb": ("gzip", lambda good: _bomb()),
    "gzip_cut": ("gzip", lambda good: gzip.compress(good)[:-9]),
    "gzip_false": ("gzip", lambda good: good),
    "gzip_twice": ("gzip, gzip", lambda good: gzip.compress(gzip.compress(good))),
    "brotli": ("br", lambda good: b"\x0b\x02\x80{}\x03"),
    "zstd": ("zstd", lambda good: b"\x28\xb5\x2f\xfd\x20\x02\x11\x00\x00{}"),
    "utf16": ("identity", lambda good: good.decode().encode("utf-16")),
}
ENCODING_KINDS = tuple(ENCODINGS)
TRANSPORT_KINDS = (
    "rst_at_once",
    "rst_before_head",
    "rst_in_body",
    "closed_at_once",
    "silent",
    "drip_head",
    "drip_body",
    "stall",
    "cut_length",
    "cut_eof",
    "cut_chunk",
    "bad_chunk",
    "garbage",
    "endless_head",
    "endless_body",
)
KINDS = STATUS_KINDS + ENCODING_KINDS + BODY_KINDS + TRANSPORT_KINDS


class FaultServer:
    """Serves on 127.0.0.1. `kind` may be changed at any time."""

    def __init__(self, good: Good, kind: str, seed: int = 0) -> None:
        assert kind in {*KINDS, "ok", "mixed"}, kind
        self.good, self.kind, self.seed = good, kind, seed
        self.requests: list[str] = []
        """ "METHOD path?query" of each."""
        self.heads: list[str] = []
        self.arrivals: list[float] = []
        """time.monotonic of each."""
        self.connections = 0
        self._chance = random.Random(seed)
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        return len(self.requests)

    async def asked(self, count: int, within_s: float = 5.0) -> None:
        """Wait until `count` requests have come."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(lambda: self.count >= count)

    async def __aenter__(self) -> Self:
        if self.kind in {"gzip_bomb", "mixed"}:
            _bomb()  # now, not while a client waits
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        # Cancellation must not escape: asyncio.start_server would report the task as failed.
        with suppress(
            OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError
        ):
            await self._serve(reader, writer)
        writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.kind == "rst_at_once":
            return _reset(writer)
        if self.kind == "closed_at_once":
            return None
        while True:
            path, body = await self._request(reader)
            kind = self._drawn() if self.kind == "mixed" else self.kind
            if not await self._answer(writer, kind, self._payload(path, body)):
                return await _closed(writer)

    def _drawn(self) -> str:
        return self._chance.choice(KINDS) if self._chance.random() < 0.8 else "ok"

    async def _request(self, reader: asyncio.StreamReader) -> tuple[str, bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.arrivals.append(time.monotonic())
        self.heads.append(head)
        method, path, _ = head.split(" ", 2)
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(fields.get("content-length", "0")))
        self.requests.append(f"{method} {path}")
        async with self._news:
            self._news.notify_all()
        return path, body

    def _payload(self, path: str, body: bytes) -> bytes | None:
        if isinstance(self.good, Mapping):
            return self.good.get(path.partition("?")[0])
        return self.good(path, body)

    async def _answer(self, writer: asyncio.StreamWriter, kind: str, good: bytes | None) -> bool:
        """Whether the connection can serve another request."""
        if good is None:
            status, fields, body = STATUSES["s404"]
            writer.write(_head(status, len(body), fields) + body)
        elif kind in STATUSES:
            status, fields, body = STATUSES[kind]
            later = formatdate(time.time() + 3600, usegmt=True)
            writer.write(_head(status, len(body), fields.format(later=later)) + body)
        elif kind in ENCODINGS:
            coding, encoded = ENCODINGS[kind]
            body = encoded(good)
            writer.write(_head(200, len(body), f"Content-Encoding: {coding}\r\n") + body)
        elif kind in BODY_KINDS or kind == "ok":
            body = good if kind == "ok" else broken(kind, good, self._chance)
            writer.write(_head(200, len(body)) + body)
        else:
            await getattr(self, f"_{kind}", self._cut)(writer, kind, good)
            return False
        await writer.drain()
        return True

    async def _rst_before_head(self, writer: asyncio.StreamWriter, kind: str, good: bytes) -> None:
        _reset(writer)

    # In "mixed" these two can only strike after the request.
    _rst_at_once = _closed_at_once = _rst_before_head

    async def _rst_in_body(self, writer: asyncio.StreamWriter, kind: str, good: bytes) -> None:
        writer.write(_head(200, len(good)) + good[: len(good) // 2])
        await writer.drain()
        await asyncio.sleep(0.02)
        _reset(writer)

    async def _silent(self, writer: asyncio.StreamWriter, kind: str, good: bytes) -> None:
        await asyncio.sleep(3600)

    async def _stall(self, writer: asyncio.StreamWriter, kind: str, good: bytes) -> None:
        writer.write(_head(200, len(good)) + good[: len(good) // 2])
        await asyncio.sleep(3600)

    async def _drip_head(self, writer: asyncio.StreamWriter, kind: str, good: bytes) -> None:
        await _drip(writer, _head(200, len(good)) * 100)

    async def _drip_body(self, writer: asyncio.StreamWriter, kind: str, good: bytes) -> None:
        writer.write(_head(200, 3600))
        await _drip(writer, b" " * 3600)

    async def _endless_head(self, writer: asyncio.StreamWriter, kind: str, good: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await _endless(writer, b"X-Filler: " + b"a" * 8000 + b"\r\n")

    async def _endless_body(self, writer: asyncio.StreamWriter, kind: str, good: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await _endless(writer, b"2000\r\n" + b" " * 8192 + b"\r\n")

    async def _cut(self, writer: asyncio.StreamWriter, kind: str, good: bytes) -> None:
        half = good[: len(good) // 2]
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(
            {
                "cut_length": _head(200, len(good)) + half,
                "cut_eof": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + half,
                "cut_chunk": chunked + f"{len(half):x}\r\n".encode() + half + b"\r\n",
                "bad_chunk": chunked + b"-5\r\n" + half + b"\r\n0\r\n\r\n",
                "garbage": self._chance.randbytes(2_000) + b"\r\n\r\n",
            }[kind]
        )


def _head(status: int, length: int, fields: str = "") -> bytes:
    reason = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Odd"
    size = "" if status == HTTPStatus.NO_CONTENT else f"Content-Length: {length}\r\n"
    return f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n{size}{fields}\r\n".encode()


@cache
def _bomb() -> bytes:
    """BOMB_BYTES of zeros, made without having them."""
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = bytes(1024 * 1024)
    return b"".join(packer.compress(block) for _ in range(BOMB_BYTES // len(block))) + packer.flush()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def _drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    for byte in data:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(DRIP_S)


async def _endless(writer: asyncio.StreamWriter, block: bytes) -> None:
    while True:
        writer.write(block)
        await writer.drain()
