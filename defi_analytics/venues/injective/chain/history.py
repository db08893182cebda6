"""What was filled in a span of blocks."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.order import Fill
from defi_analytics.errors import DataError, Malformed
from defi_analytics.venues.injective.chain.executions import Execution, numbered, parse_block_results
from defi_analytics.venues.injective.chain.node import Node
from defi_analytics.venues.injective.chain.reach import Mark, Reach, reach
from defi_analytics.venues.injective.chain.together import all_of
from defi_analytics.venues.injective.chain.trader import Trader
from defi_analytics.venues.injective.chain.trades import SOURCE, IndexedTrades
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.wire import to_milliseconds

AT_ONCE = 20
"""Blocks asked for together: as many as a public node lets us ask for in a second."""
SAME_BLOCK_MS = 2_000
"""An indexer may round a block's time."""
_TOO_OLD = (
    "nodes keep blocks for days only, and the indexer does not prove that it has these: try again later; "
    "if it stays, set injective.lcd_url and tm_url to a node that has them, or move the journal aside "
    "(defi state show): a run begins one anew, which knows no halt, peak or position of the old one"
)


@dataclass(frozen=True, slots=True)
class History:
    node: Node
    trader: Trader
    near: int
    """From this block on the node is read."""

    async def read(self, markets: Sequence[Market], first_height: int, last_height: int) -> list[Fill]:
        """Oldest first, each once.

        What is near comes from the node, block by block: it is the truth and does not lag. Only what lies
        before comes from the indexer, which keeps what nodes prune, and only where it shows that it has it
        all; else the node is asked for those blocks too.
        """
        found = await self._from_node(markets, max(first_height, self.near), last_height)
        if first_height < self.near:
            found += await self._far(markets, first_height, min(last_height, self.near - 1))
        heights = sorted({one.height for one in found if one.at is None})
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

    async def _far(self, markets: Sequence[Market], first: int, last: int) -> list[Execution]:
        indexed = IndexedTrades(self.node.http, self.node.network, self.trader.subaccount_id)
        kinds = sorted({market.kind for market in markets})
        spans = await all_of(self._span(indexed, kind, first, last) for kind in kinds)
        found: list[Execution] = []
        for kind, span in zip(kinds, spans, strict=True):
            own, told = [market for market in markets if market.kind is kind], first - 1
            if span is not None:
                told = min(last, span.before.height - 1)
                reads = await all_of(indexed.executions(market, span, first, told) for market in own)
                found += [one for executions in reads for one in executions]
            if told < last:
                found += await self._from_old_node(own, told + 1, last)
        return found

    async def _from_old_node(self, markets: Sequence[Market], first: int, last: int) -> list[Execution]:
        """Raises DataError with a way out."""
        try:
            return await self._from_node(markets, first, last)
        except DataError as error:
            error.hint = error.hint or _TOO_OLD
            raise

    async def _span(self, indexed: IndexedTrades, kind: MarketKind, first: int, last: int) -> Reach | None:
        """What the indexer tells of these blocks without a doubt; None for nothing."""
        with suppress(DataError):
            latest = await self._latest(indexed, kind)
            if latest is not None and latest.height > first:
                return await reach(partial(indexed.newest, kind), latest, first, last)
        return None

    async def _latest(self, indexed: IndexedTrades, kind: MarketKind) -> Mark | None:
        """Raises Malformed for one that was not executed when this chain made its block."""
        mark = await indexed.newest(kind, to_milliseconds((await self.node.block()).at))
        if mark is None:
            return None
        made = to_milliseconds((await self.node.block(mark.height)).at)
        if abs(made - mark.at_ms) > SAME_BLOCK_MS:
            raise Malformed(SOURCE, f"a trade of block {mark.height}, which was made at another time")
        return mark
