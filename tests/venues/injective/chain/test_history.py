from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.errors import AuthError, DataError, Malformed, Unavailable
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from tests.venues.injective.chain.kit import (
    OTHER_SUBACCOUNT,
    PERP_ID,
    SPOT_ID,
    SUBACCOUNT,
    FakeNode,
    a_chain,
    refusal,
)
from tests.venues.injective.chain.kit_history import (
    MAKER,
    MARKETS,
    ORDER,
    STATUS,
    TAKER,
    Trade,
    World,
    at,
    event,
    fills,
    header,
    results,
    trade,
)


async def test_a_time_of_another_block_is_malformed():
    node = FakeNode(
        **{"/status": STATUS, "block_results": results(1000, event(trade())), "/blocks/": header(999)}
    )
    with pytest.raises(Malformed, match="was given 999"):
        await fills(node)


async def test_the_rpc_of_another_chain_is_not_believed():
    other = b'{"result":{"node_info":{"network":"injective-1"}}}'
    with pytest.raises(AuthError, match="injective-1, not of injective-888"):
        await fills(FakeNode(**{"/status": other}))


async def test_a_block_that_is_pruned_or_still_to_come_is_an_error_and_not_a_block_without_fills():
    for error in (Unavailable("injective", "pruned"), refusal(500, -32603, "height")):
        with pytest.raises(DataError):
            await fills(FakeNode(**{"/status": STATUS, "block_results": error}))


async def test_the_indexer_is_asked_only_for_what_lies_far_back():
    world = World(trade(1000), trade(1005))
    near = await fills(world, 1000, 1005, policy=ChainPolicy(node_blocks=6))
    assert not [request for request in world.requests if "/trades" in request]
    far = await fills(world, 1000, 1005, policy=ChainPolicy(node_blocks=2))
    assert sum("block_results" in request for request in world.requests) == 6 + 2
    assert near == far


histories = st.lists(
    st.builds(
        trade,
        st.integers(1000, 1012),
        st.sampled_from([SPOT_ID, PERP_ID]),
        side=st.sampled_from(["buy", "sell"]),
        kind=st.sampled_from([MAKER, TAKER, "Market", "LimitFill", "MarketLiquidation"]),
        price=st.decimals("0.001", "9999", places=3),
        quantity=st.decimals("0.001", "9999", places=3),
        fee=st.decimals("-1", "1", places=9),
        payout=st.decimals("-9", "999", places=9),
        cid=st.sampled_from(["", "defi-1"]),
        forced=st.booleans(),
        order=st.sampled_from([ORDER, "0x" + "0b" * 32]),
        subaccount=st.sampled_from([SUBACCOUNT, OTHER_SUBACCOUNT]),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(histories)
async def test_node_and_indexer_tell_the_same_fills_of_the_same_history(history: list[Trade]):
    own = sum(one["subaccount"] == SUBACCOUNT for one in history)
    told = [
        await fills(World(*trades), 1000, 1012, policy=ChainPolicy(node_blocks=blocks))
        for trades in (history, history[::-1])
        for blocks in (1, 5, 13)
    ]
    for one in told:
        assert one == told[0]
    assert len({fill.fill_id for fill in told[0]}) == len(told[0]) == own


async def test_the_rpc_is_checked_once_and_blocks_are_asked_for_together():
    world = World(trade(1000), trade(1049))
    chain = a_chain(world)
    for _ in range(2):
        assert len(await chain.fills(list(MARKETS.values()), 1000, 1049)) == 2
    assert sum("/status" in request for request in world.requests) == 1
    assert sum("/block_results" in request for request in world.requests) == 100


async def test_a_market_where_nobody_trades_any_more_is_told_by_the_indexer_as_well():
    """A day of blocks, read one by one, would take a public node two hours."""
    world = World(trade(1000, PERP_ID))
    found = await fills(world, 1000, 134_000)
    assert [one.height for one in found] == [1000]
    asked = [request for request in world.requests if "/trades" in request and "skip" not in request]
    assert not [request for request in asked if "marketId" in request]
    assert sum("block_results" in request for request in world.requests) == ChainPolicy().node_blocks


PRUNED = ChainPolicy(node_blocks=5)


async def later(world: World, first: int, last: int) -> list[Any]:
    """By a chain that knows its latest block."""
    chain = a_chain(world, policy=PRUNED)
    await chain.block()
    return list(await chain.fills(list(MARKETS.values()), first, last))


def away(*trades: Trade) -> World:
    """For a month; the node keeps a week."""
    world = World(*trades)
    world.height = 4_700_000
    world.lowest = world.height - 860_000
    return world


@pytest.mark.parametrize("first", [999_900, 1_000_000])
async def test_what_nodes_no_longer_keep_is_the_indexers_to_tell_alone(first: int):
    heights = [999_999, 1_000_000, 1_008_000, 1_008_001]
    world = away(*(trade(height, (SPOT_ID, PERP_ID)[n // 2]) for n, height in enumerate(heights)))
    found = await later(world, first, 1_008_000)
    assert [one.height for one in found] == [height for height in heights if first <= height <= 1_008_000]
    assert [one.at for one in found] == [at(one.height) for one in found]
    assert sum("limit': '1'" in request for request in world.requests) <= 2 * 6


async def test_blocks_that_neither_keeps_are_an_error_that_says_the_way_out():
    world = away(trade(1000))
    for indexed in (range(1001, 10**9), range(1, 1001), range(0)):
        world.indexed = indexed
        with pytest.raises(Unavailable) as error:
            await later(world, 1000, 1100)
        assert "move the journal aside" in error.value.hint


async def test_an_indexer_of_another_chain_proves_nothing():
    """It has old trades and new ones, and none of this account."""

    class Other(World):
        def _anybody(self, query: Mapping[str, str]) -> bytes:
            return super()._anybody(query).replace(b"_0", b"0_0")

        def _page(self, path: str, query: Mapping[str, str]) -> bytes:
            return b'{"trades":[]}'

    world = Other(trade(1000))
    assert len(await later(world, 1000, 1000)) == 1
    world.lowest = 1001
    with pytest.raises(Unavailable):
        await later(world, 1000, 1000)


spans = st.integers(1_000, 1_040).flatmap(lambda first: st.tuples(st.just(first), st.integers(first, 1_050)))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1_000, 1_050), st.sampled_from([SPOT_ID, PERP_ID])), unique=True),
    spans,
    st.integers(1_000, 1_060),
    st.tuples(st.integers(900, 1_060), st.integers(0, 160)),
    st.integers(1, 9),
)
async def test_whatever_is_pruned_or_not_indexed_all_fills_are_told_or_none(
    history: list[tuple[int, str]], span: tuple[int, int], lowest: int, indexed: tuple[int, int], every: int
):
    world = World(*(trade(height, market) for height, market in history))
    world.height, world.lowest = 1_060, lowest
    world.indexed = range(indexed[0], sum(indexed))
    world.every = every
    try:
        found = await later(world, *span)
    except DataError:
        assert lowest > span[0]
        return
    told = sorted((one.height, one.key.market_id) for one in found)
    assert told == sorted(one for one in history if span[0] <= one[0] <= span[1])


async def test_what_lies_far_back_from_the_chains_latest_block_is_the_indexers_however_the_span_ends():
    class Ahead(World):
        async def get(self, source: str, url: str, params: Any = None, headers: Any = None) -> bytes:
            return header(5000) if url.endswith("/latest") else await super().get(source, url, params)

    world = Ahead(trade(1000), trade(4999))
    chain = a_chain(world)
    await chain.block()
    markets = list(MARKETS.values())
    assert [one.height for one in await chain.fills(markets, 900, 1100)] == [1000]
    assert not [request for request in world.requests if "block_results" in request]
    assert [one.height for one in await chain.fills(markets, 4990, 5000)] == [4999]
    assert sum("block_results" in request for request in world.requests) == 11


async def test_an_indexer_that_is_behind_hides_no_fill():
    history = [trade(1000), trade(1003, PERP_ID, order="0x" + "0b" * 32)]
    world = World(*history)
    for height in (999, 1000, 1001, 1003, 1004):
        world.indexed, world.requests = range(1, height + 1), []
        found = await fills(world, 1000, 1010, policy=ChainPolicy(node_blocks=2))
        assert [one.height for one in found] == [1000, 1003]
        unproven = {"1000", "1001", "1002", "1003"} - {str(told) for told in range(height)}
        assert all(any(f"'{one}'" in request for request in world.requests) for one in unproven)


@pytest.mark.parametrize(
    "error",
    [Unavailable("injective-indexer", "down"), b"{", b'{"trades":[{"executedAt":"soon","tradeId":"1_1"}]}'],
)
async def test_an_indexer_that_does_not_answer_is_done_without(error: Any):
    node = FakeNode(
        **{
            "/trades": error,
            "/status": STATUS,
            "/blocks/1000": header(1000),
            "/blocks/1001": header(1001),
            "height=1000": results(1000, event(trade())),
            "height=1001": results(1001),
            "height=1002": results(1002),
        }
    )
    assert len(await fills(node, 1000, 1002, policy=ChainPolicy(node_blocks=1))) == 1
