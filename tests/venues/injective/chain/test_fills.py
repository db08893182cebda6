import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.edge import Side
from defi_analytics.errors import AuthError, DataError, Malformed, Unavailable
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from tests.venues.injective.chain.kit import (
    OTHER_SUBACCOUNT,
    PERP_ID,
    SPOT_ID,
    SUBACCOUNT,
    FakeNode,
    a_chain,
    perp,
    refusal,
    spot,
)

ORDER = "0x" + "0a" * 32
MARKETS = {SPOT_ID: spot(), PERP_ID: perp()}
START = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
MAKER, TAKER = "LimitMatchRestingOrder", "LimitMatchNewOrder"


def dec(value: Decimal | str) -> str:
    return f"{Decimal(value):.18f}"


def b64(text: str) -> str:
    return b64encode(bytes.fromhex(text[2:])).decode()


class Trade(dict[str, Any]):
    """height, market, side, kind, price, quantity, fee, order, cid, subaccount."""


def trade(height: int = 1000, market: str = SPOT_ID, **changes: Any) -> Trade:
    usual = {
        "side": "buy",
        "kind": TAKER,
        "price": Decimal("5.123"),
        "quantity": Decimal("1.5"),
        "fee": Decimal("0.003842"),
        "order": ORDER,
        "cid": "defi-1",
        "subaccount": SUBACCOUNT,
    }
    return Trade({"height": height, "market": market, **usual, **changes})


def event(one: Trade) -> dict[str, Any]:
    common = {
        "subaccount_id": b64(one["subaccount"]),
        "fee": dec(one["fee"]),
        "order_hash": b64(one["order"]),
        "fee_recipient_address": "",
        "cid": one["cid"],
    }
    fields: dict[str, Any] = {
        "market_id": one["market"],
        "executionType": one["kind"],
        "is_buy": one["side"] == "buy",
    }
    if one["market"] == SPOT_ID:
        kind = "EventBatchSpotExecution"
        fields["trades"] = [{**common, "quantity": dec(one["quantity"]), "price": dec(one["price"])}]
    else:
        kind = "EventBatchDerivativeExecution"
        delta = {
            "is_long": one["side"] == "buy",
            "execution_quantity": dec(one["quantity"]),
            "execution_margin": dec("0"),
            "execution_price": dec(one["price"]),
        }
        fields["trades"] = [{**common, "position_delta": delta, "payout": dec("0"), "pnl": dec("0")}]
    attributes = [{"key": key, "value": json.dumps(value), "index": True} for key, value in fields.items()]
    return {"type": f"injective.exchange.v2.{kind}", "attributes": attributes}


def results(height: int, *events: dict[str, Any], **more: Any) -> bytes:
    result = {"height": str(height), "txs_results": None, "finalize_block_events": list(events)}
    return json.dumps({"jsonrpc": "2.0", "id": -1, "result": result | more}).encode()


def at(height: int) -> datetime:
    """Blocks every 0.7 s, to the millisecond."""
    return datetime.fromtimestamp(START.timestamp() + 0.7 * (height - 1000), UTC)


def header(height: int) -> bytes:
    time = f"{at(height):%Y-%m-%dT%H:%M:%S.%f}Z"
    return json.dumps(
        {"block": {"header": {"height": str(height), "time": time, "chain_id": "injective-888"}}}
    ).encode()


def plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def row(one: Trade, number: int) -> dict[str, Any]:
    is_spot = one["market"] == SPOT_ID
    units = 6 - 18 if is_spot else 6
    price, quantity = plain(one["price"].scaleb(units)), plain(one["quantity"].scaleb(18 if is_spot else 0))
    own: dict[str, Any] = {
        "orderHash": one["order"],
        "subaccountId": one["subaccount"],
        "marketId": one["market"],
        "tradeExecutionType": one["kind"][0].lower() + one["kind"][1:],
        "fee": plain(one["fee"].scaleb(6)),
        "executedAt": int(at(one["height"]).timestamp() * 1000),
        "tradeId": f"{one['height']}_{number}",
        "executionSide": "maker" if one["kind"] == MAKER else "taker",
        "cid": one["cid"],
    }
    if is_spot:
        return own | {
            "tradeDirection": one["side"],
            "price": {"price": price, "quantity": quantity, "timestamp": 0},
        }
    delta = {
        "tradeDirection": one["side"],
        "executionPrice": price,
        "executionQuantity": quantity,
        "executionMargin": "0",
    }
    return own | {"positionDelta": delta}


class World:
    """One history, told by a node and by an indexer."""

    def __init__(self, *trades: Trade) -> None:
        self.trades = trades
        self.requests: list[str] = []

    async def get(self, source: str, url: str, params: Any = None, headers: Any = None) -> bytes:
        path, query = urlsplit(url).path, dict(params or {})
        self.requests.append(f"{path}?{query}")
        if path.endswith("/status"):
            return b'{"result":{"node_info":{"network":"injective-888"}}}'
        if path.endswith("/block_results"):
            height = int(query["height"])
            return results(height, *(event(one) for one in self.trades if one["height"] == height))
        if "/blocks/" in path:
            return header(int(path.rpartition("/")[2]))
        return self._page(path, query)

    def _page(self, path: str, query: Mapping[str, str]) -> bytes:
        start, end, skip = int(query["startTime"]), int(query["endTime"]), int(query["skip"])
        rows = [row(one, n) for n, one in enumerate(self.trades) if one["market"] == query["marketId"]]
        rows = [
            one
            for one in rows
            if start <= one["executedAt"] <= end and one["subaccountId"] == query["subaccountId"]
        ]
        return json.dumps({"trades": rows[::-1][skip : skip + int(query["limit"])], "paging": {}}).encode()


async def fills(world: Any, first: int = 1000, last: int = 1000, **more: Any) -> list[Any]:
    return list(await a_chain(world, **more).fills(list(MARKETS.values()), first, last))


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


STATUS = b'{"result":{"node_info":{"network":"injective-888"}}}'


async def test_older_nodes_call_the_events_by_another_name():
    body = results(1000, finalize_block_events=None, end_block_events=[event(trade())])
    node = FakeNode(**{"/status": STATUS, "block_results": body, "/blocks/": header(1000)})
    assert len(await fills(node)) == 1


def _attributes(**changes: str) -> dict[str, Any]:
    one = event(trade())
    pairs = {row["key"]: row["value"] for row in one["attributes"]} | changes
    return {"type": one["type"], "attributes": [{"key": key, "value": value} for key, value in pairs.items()]}


def _trade(**changes: Any) -> dict[str, Any]:
    inner = json.loads(next(row["value"] for row in event(trade())["attributes"] if row["key"] == "trades"))[
        0
    ]
    return _attributes(trades=json.dumps([inner | changes]))


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"Internal error","data":"height 5 is not available"}}',
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
    assert all(one == told[0] for one in told)
    assert len({fill.fill_id for fill in told[0]}) == len(told[0]) == own


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
