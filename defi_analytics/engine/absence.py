"""When a transaction that nobody finds is proven to be in no block, and never to come into one."""

from collections.abc import MutableMapping

from defi_analytics.domain.transaction import SignedTransaction
from defi_analytics.engine.records import Resolved
from defi_analytics.errors import DataError
from defi_analytics.ports import Chain

MARGIN_BLOCKS = 2
"""Blocks beyond the timeout height until absence is asked for: a node's index may lag behind its blocks."""
INDEX_BLOCKS = 200
"""About two minutes: beyond, no index lags, and nodes may not keep the blocks."""


async def beyond_timeout(chain: Chain, transaction: SignedTransaction) -> Resolved | None:
    """What became of one that was not found beyond its timeout height; None while nothing is proven.

    By the index, asked again, and by the blocks themselves while the index may be behind them.
    """
    again = await chain.block()
    if again.height <= transaction.timeout_height:
        return None  # another node, which is behind: its silence proves nothing
    found = await chain.find(transaction.tx_hash)
    if found is not None:
        return Resolved.included(found)
    if await _in_blocks(chain, transaction, again.height):
        return None  # the index will tell it too
    return Resolved.never(
        transaction, f"not in any block up to its timeout height {transaction.timeout_height}"
    )


async def overtaken(
    chain: Chain, transaction: SignedTransaction, height: int, passed: MutableMapping[str, int]
) -> bool:
    """Whether its sequence is used up and no block until now holds it: then none can execute it.

    The blocks are read, for the index behind `find` may lag; and only some blocks after the account was seen
    to be beyond (`passed` keeps when), for a node that is ahead of the others may have told of the account.
    Without an answer nothing is proven: the timeout height remains.
    """
    if not transaction.height or height <= transaction.height + 1:
        return False
    try:
        if transaction.tx_hash not in passed:
            if await chain.next_sequence() > transaction.sequence:
                passed[transaction.tx_hash] = height
            return False
        if height < passed[transaction.tx_hash] + MARGIN_BLOCKS:
            return False
        return not await chain.holds(transaction.tx_hash, transaction.height + 1, height)
    except DataError:
        return False


async def _in_blocks(chain: Chain, transaction: SignedTransaction, height: int) -> bool:
    first, last = transaction.height + 1, transaction.timeout_height
    if first == 1 or height > last + INDEX_BLOCKS:
        return False
    return await chain.holds(transaction.tx_hash, first, last)
