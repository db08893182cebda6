import pytest

from defi_analytics.app.running import Running, running_at
from defi_analytics.clock import WallClock
from defi_analytics.sandbox.sandbox import Sandbox
from defi_analytics.sandbox.server import Response, serve


async def test_a_sandbox_tells_its_seed_and_block():
    async with Sandbox(7, WallClock(), hold=True, start_block=3) as sandbox:
        assert await running_at(sandbox.url, WallClock()) == Running(seed=7, block=3)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b"{}"), (200, b"<html>"), (200, b'{"seed": "7"}'), (200, b"[" * 100_000), (503, b"")],
)
async def test_whoever_else_answers_is_no_sandbox(status, body):
    async def answer(request):
        return Response(status, body)

    async with serve(answer) as server:
        assert await running_at(server.url, WallClock()) is None


async def test_where_nobody_answers_none_runs():
    # Nobody listens on port 9 of the loopback interface.
    assert await running_at("http://127.0.0.1:9", WallClock()) is None
