import httpx
import pytest

from defi_analytics.sandbox.sandbox import Sandbox
from tests.fakes import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def sandbox(clock):
    async with Sandbox(seed=11, clock=clock, hold=True) as sandbox:
        yield sandbox


@pytest.fixture
async def client(sandbox):
    async with httpx.AsyncClient(base_url=sandbox.url) as client:
        yield client


@pytest.fixture
def get(client):
    async def get(path, expected=200, /, **params):
        answer = await client.get(path, params=params)
        assert answer.status_code == expected, answer.text
        return answer.json()

    return get


@pytest.fixture
def info(client):
    async def info(kind, expected=200, /, **body):
        answer = await client.post("/hyperliquid/info", json={"type": kind, **body})
        assert answer.status_code == expected, answer.text
        return answer.json() if expected == 200 else answer.text

    return info
