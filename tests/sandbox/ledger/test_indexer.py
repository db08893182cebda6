from decimal import Decimal

import pytest

from defi_analytics.sandbox.ledger.indexer import ROUTES
from tests.sandbox.ledger.asking import AT, asked, moment
from tests.sandbox.ledger.still import Still, funded_ledger
from tests.sandbox.ledger.wire import (
    ALICE,
    BOB,
    INJ_PERP,
    INJ_USDT,
    USDT,
    cancel,
    create,
    deposit,
    order,
    sub,
)

D = Decimal
BLOCK = 50
API = "/api/exchange"
MINE = sub(ALICE)
NOW_MS = int(AT.timestamp() * 1000)


@pytest.fixture
def world():
    return Still(bids=(("9.9", 50),), asks=(("10", 5), ("10.1", 5)))


@pytest.fixture
def ledger(world):
    ledger = funded_ledger(world)
    place(ledger, INJ_USDT, "BUY", 11, 2, market=True, cid="bought")
    place(ledger, INJ_PERP, "BUY", 11, 2, margin=8, market=True, cid="long")
    ledger.end_block(BLOCK)
    place(ledger, INJ_USDT, "SELL_PO", "9.95", 2, cid="rests", block=BLOCK + 1)
    place(ledger, INJ_USDT, "BUY", "9.9", 3, cid="gone", block=BLOCK + 1)
    place(ledger, INJ_PERP, "SELL", "10.5", 1, perp=True, cid="reduce", block=BLOCK + 1)
    place(ledger, INJ_PERP, "STOP_SELL", 9, 1, margin=4, trigger="9.5", cid="stop", block=BLOCK + 1)
    place(ledger, INJ_USDT, "BUY", "9.95", "0.5", cid="bob", sender=BOB, market=True, block=BLOCK + 1)
    ledger.execute(cancel(INJ_USDT, "gone"), ALICE, BLOCK + 1)
    ledger.end_block(BLOCK + 1)
    return ledger


def place(ledger, *terms, market=False, block=BLOCK, sender=ALICE, **more):
    derivative = "margin" in more or more.pop("perp", False)
    found = order(*terms, owner=sender, **more)
    return ledger.execute(create(found, sender, market=market, derivative=derivative), sender, block)


@pytest.fixture
def get(ledger):
    def get(path, expected=200, /, **query):
        return asked(ROUTES, moment(ledger, BLOCK + 1), f"{API}/{path}", expected, **query)

    return get


def test_spot_trades_newest_first_in_smallest_units(get):
    answer = get("spot/v2/trades", subaccountId=MINE)
    maker, taker = answer["trades"]
    assert answer["paging"] == {"total": 2, "from": 1, "to": 2}
    assert (maker["cid"], maker["executionSide"], maker["tradeDirection"]) == ("rests", "maker", "sell")
    assert maker["tradeExecutionType"] == "limitFill"
    assert maker["executedAt"] == NOW_MS
    assert maker["tradeId"] == "150000051_1_0"
    assert taker["orderHash"].startswith("0x")
    assert taker == {
        **taker,
        "subaccountId": MINE,
        "marketId": INJ_USDT,
        "tradeExecutionType": "market",
        "tradeDirection": "buy",
        "price": {"price": "0.00000000001", "quantity": "2000000000000000000", "timestamp": NOW_MS - 650},
        "fee": "6000",
        "executedAt": NOW_MS - 650,
        "feeRecipient": ALICE,
        "executionSide": "taker",
        "cid": "bought",
    }


def test_derivative_trades(get):
    (trade,) = get("derivative/v2/trades", accountAddress=ALICE)["trades"]
    assert trade["positionDelta"] == {
        "tradeDirection": "buy",
        "executionPrice": "10000000",
        "executionQuantity": "2",
        "executionMargin": "8000000",
    }
    assert (trade["payout"], trade["pnl"], trade["isLiquidation"]) == ("0", "0", False)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["rests", "bob", "bought"]),
        ({"marketId": INJ_USDT}, ["rests", "bob", "bought"]),
        ({"marketIds": [INJ_PERP]}, []),
        ({"subaccountIds": [sub(BOB)]}, ["bob"]),
        ({"accountAddress": BOB}, ["bob"]),
        ({"cid": "bought"}, ["bought"]),
        ({"executionSide": "maker"}, ["rests"]),
        ({"direction": "buy"}, ["bob", "bought"]),
        ({"tradeId": "150000051_0_0"}, ["bob"]),
        ({"startTime": str(NOW_MS)}, ["rests", "bob"]),
        ({"endTime": str(NOW_MS - 1)}, ["bought"]),
        ({"limit": "1"}, ["rests"]),
        ({"skip": "1", "limit": "1"}, ["bob"]),
        ({"skip": "9"}, []),
    ],
)
def test_trades_can_be_filtered(get, query, expected):
    assert [one["cid"] for one in get("spot/v2/trades", **query)["trades"]] == expected


def test_orders_of_the_past(get):
    found = {one["cid"]: one for one in get("spot/v1/ordersHistory", subaccountId=MINE)["orders"]}
    assert {cid: one["state"] for cid, one in found.items()} == {
        "bought": "filled",
        "rests": "partial_filled",
        "gone": "canceled",
    }
    assert {cid: one["isActive"] for cid, one in found.items()} == {
        "bought": False, "rests": True, "gone": False,
    }  # fmt: skip
    rests = found["rests"]
    assert rests["orderType"] == "sell_po"
    assert rests["executionType"] == "limit"
    assert found["bought"]["executionType"] == "market"
    assert (rests["quantity"], rests["filledQuantity"]) == ("2000000000000000000", "500000000000000000")
    assert (rests["price"], rests["triggerPrice"], rests["direction"]) == ("0.00000000000995", "0", "sell")
    assert (rests["createdAt"], rests["updatedAt"]) == (NOW_MS, NOW_MS)
    assert "margin" not in rests
    assert get("spot/v1/ordersHistory", cid="gone", state="canceled")["paging"]["total"] == 1
    assert get("spot/v1/ordersHistory", cid="gone", state="filled")["orders"] == []


def test_derivative_orders_of_the_past(get):
    found = {one["cid"]: one for one in get("derivative/v1/ordersHistory", marketId=INJ_PERP)["orders"]}
    assert set(found) == {"long", "reduce", "stop"}
    assert {cid for cid, one in found.items() if one["isReduceOnly"]} == {"reduce"}
    assert {cid for cid, one in found.items() if one["isConditional"]} == {"stop"}
    assert (found["stop"]["triggerPrice"], found["stop"]["margin"]) == ("9500000", "4000000")


def test_open_orders(get):
    (spot,) = get("spot/v1/orders", subaccountId=MINE)["orders"]
    assert (spot["orderSide"], spot["unfilledQuantity"], spot["feeRecipient"]) == (
        "sell_po", "1500000000000000000", ALICE,
    )  # fmt: skip
    assert [one["cid"] for one in get("derivative/v1/orders")["orders"]] == ["reduce"]


def test_positions(get, ledger, world):
    world.mark = D("10.5")
    ledger._state.cumulative.put(INJ_PERP, D("0.25"))
    (found,) = get("derivative/v2/positions", subaccountId=MINE)["positions"]
    assert found["direction"] == "long"
    assert (found["entryPrice"], found["margin"], found["markPrice"]) == ("10000000", "8000000", "10500000")
    assert found["upnl"] == "1000000"
    # (10 - (8 - 2 * 0.25) / 2) / 0.99
    assert found["liquidationPrice"].startswith("6313131.31")
    assert get("derivative/v2/positions", marketId=INJ_USDT)["positions"] == []


def test_a_portfolio(get, ledger):
    ledger.execute(deposit(USDT, 70, sub(ALICE, 1)), ALICE, BLOCK + 2)
    found = get(f"portfolio/v2/portfolio/{ALICE}")["portfolio"]
    assert found["accountAddress"] == ALICE
    assert {one["denom"]: one["amount"] for one in found["bankBalances"]} == {
        denom: str(amount) for denom, amount in ledger.balances(ALICE).items()
    }
    deposits = {(one["subaccountId"], one["denom"]): one["deposit"] for one in found["subaccounts"]}
    assert deposits[sub(ALICE, 1), USDT] == {"totalBalance": "70", "availableBalance": "70"}
    assert deposits[MINE, "inj"] == {"totalBalance": "1500000000000000000", "availableBalance": "0"}
    (position,) = found["positionsWithUpnl"]
    assert position["unrealizedPnl"] == position["position"]["upnl"] == "0"
    assert get(f"portfolio/v2/portfolio/{BOB}")["portfolio"]["positionsWithUpnl"] == []


def test_a_liquidation_is_told_as_one(world):
    ledger = funded_ledger(world)
    place(ledger, INJ_PERP, "SELL", "9.9", 10, margin=5, market=True)
    ledger.end_block(BLOCK)
    world.mark = D(11)
    ledger.end_block(BLOCK + 1)
    found = asked(ROUTES, moment(ledger, BLOCK + 1), f"{API}/derivative/v2/trades")["trades"]
    assert [one["isLiquidation"] for one in found] == [True, False]
