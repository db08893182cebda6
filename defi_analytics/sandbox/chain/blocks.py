"""The blocks that were made and held something, and their transactions by hash."""

from datetime import datetime
from typing import Any, NamedTuple

from defi_analytics.sandbox.chain.abci import TxResult

_KEPT = 20_000
"""Nodes prune too."""


class Made(NamedTuple):
    """One block."""

    block: int
    height: int
    at: datetime
    txs: tuple[TxResult, ...] = ()
    raw_txs: tuple[bytes, ...] = ()
    events: Any = None
    """What the ledger's end_block told; None when nobody's orders were there."""


class Blocks:
    def __init__(self) -> None:
        self._made: dict[int, Made] = {}
        self._by_hash: dict[str, TxResult] = {}

    def add(self, made: Made) -> None:
        """Keeps it when it holds anything."""
        if not made.txs and not (made.events and any(made.events[1:])):
            return
        self._made[made.height] = made
        for result in made.txs:
            self._by_hash[result.tx_hash] = result
        if len(self._made) > _KEPT:
            pruned = self._made.pop(next(iter(self._made)))
            for result in pruned.txs:
                self._by_hash.pop(result.tx_hash, None)

    def get(self, height: int) -> Made | None:
        """None for a block without content, or one that is not kept any more."""
        return self._made.get(height)

    def find(self, tx_hash: str) -> TxResult | None:
        return self._by_hash.get(tx_hash)
