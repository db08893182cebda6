import asyncio
import importlib.util
import os
import sys

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.sandbox.sandbox import Sandbox

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        importlib.util.find_spec("pyinjective") is None
        and (os.environ.get("CI") != "true" or sys.version_info >= (3, 13)),
        reason="the official SDK is not installed: pip install defi-analytics[injective]",
    ),
]


@pytest.fixture
async def sandbox():
    async with Sandbox(seed=3, clock=WallClock(), block_s=0.02, grpc=True) as sandbox:
        yield sandbox


async def heights(sandbox, count):
    import grpc
    from pyinjective.proto.injective.stream.v2 import query_pb2, query_pb2_grpc

    async with grpc.aio.insecure_channel(sandbox.endpoints["grpc"]) as channel:
        stream = query_pb2_grpc.StreamStub(channel).StreamV2(query_pb2.StreamRequest())
        return [(await asyncio.wait_for(stream.read(), 5)).block_height for _ in range(count)]


async def test_every_block_is_told_once_in_order_to_everyone(sandbox):
    for found in await asyncio.gather(heights(sandbox, 20), heights(sandbox, 30)):
        assert found == list(range(found[0], found[0] + len(found)))


async def test_who_leaves_is_not_told_any_more(sandbox):
    await heights(sandbox, 2)
    for _ in range(50):
        if not sandbox.chain.listeners:
            break
        await asyncio.sleep(0.05)
    assert sandbox.chain.listeners == 0
