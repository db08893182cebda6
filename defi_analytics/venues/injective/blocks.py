"""When the chain made its latest block: the only time by which a gateway's answers can be dated.

Source: cosmos.base.tendermint.v1beta1.Service GetLatestBlock and GetBlockByHeight through the gRPC gateway;
times are RFC 3339 with nanoseconds.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from defi_analytics.domain.transaction import Block
from defi_analytics.ports import Clock, HttpClient
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.injective.networks import Network
from defi_analytics.venues.wire import reading

SHARED_S = 1.0
"""For so long one answer dates every book that is asked for."""
SKEW = timedelta(seconds=5)
"""Clocks may differ by less; a block from further ahead is left there, for whoever decides to refuse."""
_FIRST, _LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

Time = Annotated[datetime, msgspec.Meta(tz=True)]


class _Header(msgspec.Struct, gc=False):
    height: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}\Z")]
    time: Time
    chain_id: Annotated[str, msgspec.Meta(min_length=1, max_length=50)]


class _Block(msgspec.Struct, gc=False):
    header: _Header


class _BlockAnswer(msgspec.Struct, gc=False):
    block: _Block | None = None
    sdk_block: _Block | None = None


_BLOCK = msgspec.json.Decoder(_BlockAnswer)


@dataclass(slots=True)
class BlockTime:
    """The time of the latest block, asked for once by all who want it within `SHARED_S`.

    A failure is told to those who were waiting; whoever comes later asks again.
    """

    http: HttpClient
    clock: Clock
    network: Network
    _asked_at: float = field(default=0.0, init=False)
    _asking: "asyncio.Task[Block] | None" = field(default=None, init=False)
    _waiting: int = field(default=0, init=False)

    async def read(self) -> datetime:
        """UTC, as the chain tells it. Raises DataError."""
        return (await self.latest()).at

    async def latest(self) -> Block:
        """The block itself. Raises DataError."""
        task = self._current()
        self._waiting += 1
        try:
            # Shielded, because one reader that gives up must not take the answer from the others.
            return await asyncio.shield(task)
        finally:
            if task is self._asking:
                self._leave(task)

    def _current(self) -> "asyncio.Task[Block]":
        now, task = self.clock.monotonic(), self._asking
        if task is None or (task.done() and now - self._asked_at >= SHARED_S):
            task = asyncio.ensure_future(latest_block(self.http, self.network))
            self._asking, self._asked_at, self._waiting = task, now, 0
        return task

    def _leave(self, task: "asyncio.Task[Block]") -> None:
        self._waiting -= 1
        unwanted = not (task.done() or self._waiting)
        if unwanted:
            task.cancel()
        if unwanted or (task.done() and (task.cancelled() or task.exception())):
            self._asking = None


async def latest_block(http: HttpClient, network: Network) -> Block:
    """The block the chain made last. Raises DataError."""
    url = f"{network.lcd_url}/cosmos/base/tendermint/v1beta1/blocks/latest"
    return parse_block(VENUE, await http.get(VENUE, url))


def parse_block(source: str, body: bytes) -> Block:
    """The block in `blocks/latest` or `blocks/{height}`. Raises Malformed."""
    with reading(source, "block"):
        answer = _BLOCK.decode(body)
        block = answer.block or answer.sdk_block
        if block is None:
            raise ValueError("neither block nor sdk_block")
        header = block.header
        height = int(header.height)
        if height < 1:
            raise ValueError("no height")
        return Block(height, block_time(header.time), header.chain_id)


def block_time(at: datetime) -> datetime:
    """UTC. Raises ValueError for a time that is none."""
    if not _FIRST <= at < _LAST:
        raise ValueError("a time that is none")
    return at.astimezone(UTC)


def dated(block_time: datetime, received: datetime) -> datetime:
    """The time of what came with a block: not after its receipt while clocks differ by less than `SKEW`."""
    return received if received < block_time < received + SKEW else block_time
