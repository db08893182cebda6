import json
from collections.abc import Mapping
from typing import Any

import pytest

from defi_analytics.errors import Malformed
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from tests.venues.injective.chain.kit import (
    OTHER_SUBACCOUNT,
    PERP_ID,
    SPOT_ID,
)
from tests.venues.injective.chain.kit_history import (
    World,
    fills,
    row,
    trade,
)


async def test_many_pages_are_read_and_a_row_that_shifts_into_the_next_counts_once():
    many = [trade(1000 + n // 30, order=f"0x{n:064x}") for n in range(250)]

    class Shifting(World):
        def _page(self, path: str, query: Mapping[str, str]) -> bytes:
            skip = max(0, int(query["skip"]) - 3)
            return super()._page(path, {**query, "skip": str(skip)})

    for world in (World(*many), Shifting(*many)):
        found = await fills(world, 1000, 1010, policy=ChainPolicy(node_blocks=1))
        assert len(found) == 250


async def test_pages_without_an_end_are_malformed():
    class Endless(World):
        def _page(self, path: str, query: Mapping[str, str]) -> bytes:
            rows = [row(trade(), n) for n in range(100)] if query["marketId"] == SPOT_ID else []
            return json.dumps({"trades": rows}).encode()

    with pytest.raises(Malformed, match="end"):
        await fills(Endless(), 1000, 1010, policy=ChainPolicy(node_blocks=1))


@pytest.mark.parametrize(
    "change",
    [
        {"tradeId": "5_1"},
        {"tradeId": "x"},
        {"tradeDirection": "up"},
        {"marketId": PERP_ID},
        {"subaccountId": OTHER_SUBACCOUNT},
        {"fee": "NaN"},
        {"fee": "1e9"},
        {"executedAt": "soon"},
        {"price": {"price": "-", "quantity": "1"}},
        {"price": {"price": "1", "quantity": "-1"}},
    ],
)
async def test_a_trade_that_makes_no_sense_is_malformed(change: dict[str, Any]):
    class Odd(World):
        def _page(self, path: str, query: Mapping[str, str]) -> bytes:
            rows = [row(trade(1005), 0) | change] if query["marketId"] == SPOT_ID else []
            return json.dumps({"trades": rows}).encode()

    with pytest.raises(Malformed):
        await fills(Odd(), 1000, 1010, policy=ChainPolicy(node_blocks=1))


async def test_the_block_before_and_the_block_after_are_not_in_the_span():
    world = World(trade(999), trade(1000, order="0x" + "0c" * 32), trade(1003), trade(1010))
    found = await fills(world, 1000, 1009, policy=ChainPolicy(node_blocks=7))
    assert [one.height for one in found] == [1000, 1003]
