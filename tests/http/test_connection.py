"""What no host can be made to do at will; all else is tested over real sockets in test_wire."""

import asyncio

import h11
import pytest

from defi_analytics.http.connection import MOST_UNREAD_BYTES, Connection


class Transport(asyncio.Transport):
    def __init__(self):
        super().__init__()
        self.paused = False

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False


async def test_whoever_sends_faster_than_we_read_has_to_wait():
    connection, transport = Connection(), Transport()
    connection.connection_made(transport)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"
    connection.data_received(head + bytes(MOST_UNREAD_BYTES - len(head)))
    assert not transport.paused
    connection.data_received(b"0")
    assert transport.paused
    assert (await connection.head()).status_code == 200
    assert not transport.paused


async def test_a_connection_that_ended_before_anything_was_asked_gives_no_answer():
    connection = Connection()
    connection.connection_made(Transport())
    connection.connection_lost(None)
    with pytest.raises(h11.RemoteProtocolError, match="no answer"):
        await connection.head()
