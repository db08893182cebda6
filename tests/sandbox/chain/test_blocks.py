from defi_analytics.sandbox.chain.abci import TxResult
from defi_analytics.sandbox.chain.blocks import Blocks, Made
from tests.fakes import NOON


def made(height, *hashes, events=None):
    return Made(height, height, NOON, tuple(TxResult(one, height=height) for one in hashes), (), events)


def test_only_blocks_with_something_in_them_are_kept():
    blocks = Blocks()
    for one in (made(1), made(2, events=(2, (), ())), made(3, events=(3, ("trade",), ())), made(4, "x")):
        blocks.add(one)
    assert [height for height in range(1, 5) if blocks.get(height)] == [3, 4]
    assert blocks.find("x").height == 4
    assert blocks.find("y") is None


def test_the_oldest_are_pruned_with_their_transactions():
    blocks = Blocks()
    for height in range(20_001):
        blocks.add(made(height, f"x{height}"))
    assert (blocks.get(0), blocks.find("x0")) == (None, None)
    assert blocks.find("x1").height == 1
