from dataclasses import replace

import pytest

from defi_analytics.engine.absence import INDEX_BLOCKS, MARGIN_BLOCKS, beyond_timeout, overtaken
from tests.engine.fake_chain import TIMEOUT_BLOCKS, FakeChain
from tests.engine.test_execution import an_order


@pytest.mark.parametrize(("blocks", "proven"), [(0, False), (1, True), (INDEX_BLOCKS + 1, True)])
async def test_absence_is_proven_beyond_the_timeout_height_alone(blocks: int, proven: bool) -> None:
    chain = FakeChain()
    transaction = await chain.sign([an_order("c1")])
    chain.height = transaction.timeout_height + blocks
    record = await beyond_timeout(chain, transaction)
    assert (record is not None) is proven
    if record:
        assert (record.height, record.failed) == (0, True)
        assert record.reason == f"not in any block up to its timeout height {100 + TIMEOUT_BLOCKS}"


async def test_one_that_is_found_after_all_is_told_with_its_block() -> None:
    chain = FakeChain()
    transaction = await chain.sign([an_order("c1")])
    await chain.broadcast(transaction)
    chain.make_block()
    chain.height = transaction.timeout_height + MARGIN_BLOCKS
    record = await beyond_timeout(chain, transaction)
    assert record is not None
    assert (record.height, record.failed) == (101, False)


async def test_a_used_up_sequence_proves_absence_some_blocks_after_it_was_seen() -> None:
    chain, passed = FakeChain(), dict[str, int]()
    transaction = await chain.sign([an_order("c1")])
    chain.sequence += 1
    assert not await overtaken(chain, replace(transaction, height=0), 200, passed)
    told = [await overtaken(chain, transaction, height, passed) for height in (101, 102, 103, 104)]
    assert told == [False, False, False, True]
    assert passed == {transaction.tx_hash: 102}
