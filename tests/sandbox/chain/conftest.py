import pytest

from defi_analytics.sandbox.chain.chain import Chain
from defi_analytics.sandbox.moment import BlockClock
from defi_analytics.sandbox.world import World
from tests.fakes import FakeClock
from tests.sandbox.chain.fakes import FakeLedger
from tests.sandbox.chain.signing import Wallet


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def ledger():
    return FakeLedger()


@pytest.fixture
def blocks(clock):
    return BlockClock(World(1), clock, hold=True)


@pytest.fixture
def chain(blocks, ledger):
    return Chain(blocks, ledger)


@pytest.fixture
def wallet(chain):
    wallet = Wallet()
    chain.fund(wallet.address, "inj", 10**18)
    return wallet


@pytest.fixture
def advance(chain, blocks):
    def advance(count=1):
        blocks.advance(count)
        return chain.moment()

    return advance
