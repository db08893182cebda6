import json
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.edge import Side
from defi_analytics.errors import Malformed, Unavailable
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from tests.venues.injective.chain.kit import (
    OTHER_SUBACCOUNT,
    PERP_ID,
    SPOT_ID,
    FakeNode,
)
from tests.venues.injective.chain.kit_history import (
    MAKER,
    ORDER,
    STATUS,
    TAKER,
    World,
    at,
    dec,
    event,
    fills,
    header,
    results,
    trade,
)


def _attributes(**changes: str) -> dict[str, Any]:
    one = event(trade())
    pairs = {row["key"]: row["value"] for row in one["attributes"]} | changes
    return {"type": one["type"], "attributes": [{"key": key, "value": value} for key, value in pairs.items()]}


def _trade(**changes: Any) -> dict[str, Any]:
    inner = json.loads(next(row["value"] for row in event(trade())["attributes"] if row["key"] == "trades"))[
        0
    ]
    return _attributes(trades=json.dumps([inner | changes]))


async def test_a_fill_is_what_the_block_did_to_an_order_of_ours():
    (one,) = await fills(World(trade()))
    assert one.fill_id == f"{SPOT_ID}:1000:{ORDER}:0"
    assert (one.key.market_id, one.order_hash, one.client_order_id) == (SPOT_ID, ORDER, "defi-1")
    assert (one.side, one.price, one.quantity, one.fee, one.maker) == (
        Side.BUY,
        Decimal("5.123"),
        Decimal("1.5"),
        Decimal("0.003842"),
        False,
    )
    assert (one.at, one.height) == (at(1000), 1000)


async def test_rebates_shorts_and_liquidations_are_fills_too():
    rebate, short, taken = await fills(
        World(
            trade(kind=MAKER, fee=Decimal("-0.0002")),
            trade(1001, PERP_ID, side="sell", order="0x" + "0b" * 32),
            trade(1002, PERP_ID, side="sell", kind="MarketLiquidation", cid="", order="0x" + "00" * 32),
        ),
        last=1002,
    )
    assert (rebate.maker, rebate.fee) == (True, Decimal("-0.0002"))
    assert (short.side, short.maker, taken.client_order_id) == (Side.SELL, False, "")


FORCED: dict[str, Any] = {"market": PERP_ID, "side": "sell", "kind": "Market", "cid": "", "forced": True}


@pytest.mark.parametrize("kind", ["Market", "MarketLiquidation"])
@pytest.mark.parametrize(("payout", "fee"), [("99.5", "99.503842"), ("0", "0.003842"), ("-3", "0.003842")])
@pytest.mark.parametrize("node_blocks", [1, 5])
async def test_a_liquidation_is_told_as_such_and_costs_what_it_left_of_the_margin(
    kind: str, payout: str, fee: str, node_blocks: int
):
    """By the node and by the indexer; what is missing was taken as the price tells."""
    taken = trade(1000, **FORCED | {"kind": kind, "payout": Decimal(payout), "forced": kind == "Market"})
    (one,) = await fills(World(taken), 1000, 1004, policy=ChainPolicy(node_blocks=node_blocks))
    assert (one.liquidation, one.fee) == (True, Decimal(fee))


@pytest.mark.parametrize(
    "change", [{"kind": MAKER}, {"cid": "defi-1"}, {"forced": False}, {"market": SPOT_ID, "forced": False}]
)
@pytest.mark.parametrize("node_blocks", [1, 5])
async def test_who_only_met_a_liquidation_was_not_liquidated(change: dict[str, Any], node_blocks: int):
    met = trade(1000, **FORCED | {"payout": Decimal(5)} | change)
    (one,) = await fills(World(met), 1000, 1004, policy=ChainPolicy(node_blocks=node_blocks))
    assert (one.liquidation, one.fee) == (False, Decimal("0.003842"))


@pytest.mark.parametrize("told", ["7", '"yes"'])
async def test_an_impossible_word_on_a_liquidation_is_malformed(told: str):
    body = results(1000, _attributes(is_liquidation=told))
    with pytest.raises(Malformed):
        await fills(FakeNode(**{"/status": STATUS, "block_results": body, "/blocks/": header(1000)}))


async def test_a_liquidation_that_does_not_tell_what_it_left_is_malformed():
    told = event(trade(1000, **FORCED))
    for pair in told["attributes"]:
        pair["value"] = pair["value"].replace('"payout"', '"paid"')
    node = FakeNode(**{"/status": STATUS, "block_results": results(1000, told), "/blocks/": header(1000)})
    with pytest.raises(Malformed):
        await fills(node)


async def test_others_fills_and_other_markets_are_not_ours():
    elsewhere = trade(market=f"0x{9:064x}")
    assert not await fills(World(trade(subaccount=OTHER_SUBACCOUNT), elsewhere))


async def test_an_order_filled_twice_in_a_block_has_two_fills():
    ids = [
        one.fill_id[-2:]
        for one in await fills(World(trade(kind=MAKER), trade(kind=TAKER), trade(kind=TAKER)))
    ]
    assert ids == [":0", ":1", ":2"]


async def test_events_of_transactions_count_only_where_the_transaction_succeeded():
    def body(height: int, code: int) -> bytes:
        return results(height, txs_results=[{"code": code, "events": [event(trade())]}, {"code": 0}])

    for code, expected in ((0, 1), (5, 0)):
        node = FakeNode(**{"/status": STATUS, "block_results": body(1000, code), "/blocks/": header(1000)})
        assert len(await fills(node)) == expected


async def test_older_nodes_call_the_events_by_another_name():
    body = results(1000, finalize_block_events=None, end_block_events=[event(trade())])
    node = FakeNode(**{"/status": STATUS, "block_results": body, "/blocks/": header(1000)})
    assert len(await fills(node)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"jsonrpc":"2.0","id":-1,"result":null}',
        results(999),
        results(1000, {"type": "injective.exchange.v2.EventBatchSpotExecution", "attributes": []}),
        results(1000, _attributes(market_id="7")),
        results(1000, _attributes(trades="{")),
        results(1000, _attributes(executionType="3")),
        results(1000, _attributes(is_buy="maybe")),
        results(1000, _trade(price="5123000000000000000")),
        results(1000, _trade(price="NaN")),
        results(1000, _trade(price=dec("-1"))),
        results(1000, _trade(fee="1e5")),
        results(1000, _trade(order_hash="*")),
        results(1000, _trade(subaccount_id=7)),
    ],
)
async def test_a_block_that_makes_no_sense_is_malformed(body: bytes):
    node = FakeNode(**{"/status": STATUS, "block_results": body, "/blocks/": header(1000)})
    with pytest.raises(Malformed):
        await fills(node)


async def test_a_block_that_the_node_does_not_have_is_not_a_block_without_fills():
    told = {"code": -32603, "message": "Internal error", "data": "height 5 is not \x1b[2Javailable"}
    body = json.dumps({"jsonrpc": "2.0", "id": -1, "error": told}).encode()
    with pytest.raises(Unavailable, match="block 1000 is not told: height 5") as caught:
        await fills(FakeNode(**{"/status": STATUS, "block_results": body}))
    assert str(caught.value).isprintable()


async def test_the_fill_of_a_perpetual_tells_the_index_its_funding_was_settled_by():
    (one,) = await fills(World(trade(market=PERP_ID, index="-1.500000000000000001")))
    assert one.funding_index == Decimal("-1.500000000000000001")
    (spot,) = await fills(World(trade()))
    assert spot.funding_index is None


@pytest.mark.parametrize("index", [1, "NaN", "1e9", []])
async def test_an_impossible_funding_index_is_malformed(index):
    with pytest.raises(Malformed):
        await fills(World(trade(market=PERP_ID, index=index)))
