"""Transactions that passed CheckTx and wait for a block.

Source: CometBFT's mempool: arrival order, a cache of hashes that knows what was already seen, a limit.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from defi_analytics.sandbox.chain.transaction import Transaction
from defi_analytics.sandbox.ledger.failed import Sdk, failure

_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    tx_hash: str
    raw: bytes
    signer: str
    fee: int
    sequence: int
    earliest_block: int
    """Not included before this block."""
    transaction: Transaction | None
    """None for one that is not ours: it only takes its account's sequence."""


class Mempool:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: list[Entry] = []
        self._seen: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._waiting)

    def admit(self, tx_hash: str) -> None:
        """Raises Failed when this transaction was seen already, or nothing more fits."""
        if tx_hash in self._seen:
            raise failure(Sdk.TX_IN_MEMPOOL)
        if len(self._waiting) >= self._limit:
            raise failure(Sdk.MEMPOOL_FULL)

    def add(self, entry: Entry) -> None:
        self._waiting.append(entry)
        self._seen[entry.tx_hash] = None
        if len(self._seen) > _CACHED:
            del self._seen[next(iter(self._seen))]

    def forget(self, tx_hash: str) -> None:
        """It may come again: one that failed is not remembered."""
        self._seen.pop(tx_hash, None)

    def take(self, block: int) -> list[Entry]:
        """Removes and returns what this block includes; behind a late one, its account's others wait too."""
        late: set[str] = set()
        ready, waiting = [], []
        for entry in self._waiting:
            if entry.earliest_block > block or entry.signer in late:
                late.add(entry.signer)
                waiting.append(entry)
            else:
                ready.append(entry)
        self._waiting = waiting
        return ready

    def drop(self, entries: list[Entry]) -> None:
        dropped = {entry.tx_hash for entry in entries}
        self._waiting = [entry for entry in self._waiting if entry.tx_hash not in dropped]
        for tx_hash in dropped:
            self.forget(tx_hash)
