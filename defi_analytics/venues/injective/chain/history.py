"""What was filled in a span of blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

from defi_analytics.domain.market import Market
from defi_analytics.domain.order import Fill
from defi_analytics.venues.injective.chain.executions import Execution, numbered, parse_block_results
from defi_analytics.venues.injective.chain.node import Node
from defi_analytics.venues.injective.chain.together import all_of
from defi_analytics.venues.injective.chain.trader import Trader
from defi_analytics.venues.injective.chain.trades import IndexedTrades
from defi_analytics.venues.injective.market_rows import VENUE

AT_ONCE = 20
"""Blocks asked for together: as many as a public node lets us ask for in a second."""


@dataclass(frozen=True, slots=True)
class History:
    node: Node
    trader: Trader
    near: int
    """From this block on the node is read."""

    async def read(self, markets: Sequence[Market], first_height: int, last_height: int) -> list[Fill]:
        """Oldest first, each once.

        What is near comes from the node, block by block: it is the truth and does not lag. Only what lies
        before comes from the indexer, which keeps what nodes prune, and only where it shows that it is not
        behind; else the node is asked for those blocks too.
        """
        found = await self._from_node(markets, max(first_height, self.near), last_height)
        if first_height < self.near:
            found += await self._from_indexer(markets, first_height, min(last_height, self.near - 1))
        heights = sorted({one.height for one in found})
        blocks = await all_of(self.node.block(height) for height in heights)
        return numbered(found, {block.height: block.at for block in blocks})

    async def _from_node(self, markets: Sequence[Market], first: int, last: int) -> list[Execution]:
        by_id = {market.market_id: market for market in markets}
        await self.node.check_rpc()
        found: list[Execution] = []
        for start in range(first, last + 1, AT_ONCE):
            heights = range(start, min(start + AT_ONCE, last + 1))
            bodies = await all_of(self.node.block_results(height) for height in heights)
            for height, body in zip(heights, bodies, strict=True):
                found += parse_block_results(VENUE, body, height, by_id, self.trader.subaccount_id)
        return found

    async def _from_indexer(self, markets: Sequence[Market], first: int, last: int) -> list[Execution]:
        start, end = await all_of((self.node.block(first), self.node.block(last)))
        indexed = IndexedTrades(self.node.http, self.node.network, self.trader.subaccount_id)
        kinds = sorted({market.kind for market in markets})
        told = await all_of(indexed.tells_beyond(kind, end) for kind in kinds)
        proven = {kind for kind, passed in zip(kinds, told, strict=True) if passed}
        per_market = await all_of(
            indexed.executions(market, start, end) for market in markets if market.kind in proven
        )
        found = [one for own in per_market for one in own]
        unproven = [market for market in markets if market.kind not in proven]
        return found + (await self._from_node(unproven, first, last) if unproven else [])
