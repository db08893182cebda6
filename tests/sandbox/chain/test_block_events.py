import base64
import json
from decimal import Decimal
from typing import NamedTuple

from defi_analytics.sandbox.chain.block_events import account_bytes, hex_bytes, of_block, order_fails
from defi_analytics.sandbox.ledger.records import Execution, OrderFailure, PositionDelta, Trade
from tests.sandbox.chain.signing import INJ_USDT

DEV = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"
SUBACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266" + "0" * 24


class Told(NamedTuple):
    trades: tuple = ()


def trade(number, **more):
    terms = {
        "trade_id": f"1_{number}",
        "block": 1,
        "market_id": INJ_USDT,
        "subaccount": SUBACCOUNT,
        "order_hash": "0x" + "ab" * 32,
        "cid": f"c{number}",
        "is_buy": True,
        "execution": Execution.MARKET,
        "price": Decimal("12.5"),
        "quantity": Decimal(number),
        "notional": Decimal("12.5") * number,
        "fee": Decimal("-0.5"),
        "fee_recipient": "",
    }
    return Trade(**{**terms, **more})


def read(event):
    return {key: value if key == "mode" else json.loads(value) for key, value in event.attributes}


def test_a_block_without_users_has_no_events():
    assert of_block(None) == of_block(Told()) == []


def test_trades_are_grouped_by_market_side_and_kind():
    trades = (trade(1), trade(2, execution=Execution.LIMIT_FILL), trade(3), trade(4, is_buy=False))
    events = [read(event) for event in of_block(Told(trades))]
    found = {(one["is_buy"], one["executionType"]): [row["cid"] for row in one["trades"]] for one in events}
    assert found == {(True, "Market"): ["c1", "c3"], (True, "LimitFill"): ["c2"], (False, "Market"): ["c4"]}
    assert all(event.kind.endswith("EventBatchSpotExecution") for event in of_block(Told(trades)))


def test_a_derivative_trade_tells_what_it_did_to_the_position():
    delta = PositionDelta(True, Decimal(3), Decimal(20), Decimal("12.5"))
    (event,) = of_block(
        Told((trade(3, position_delta=delta, payout=Decimal(1), cumulative_funding=Decimal("0.5")),))
    )
    told = read(event)
    assert event.kind == "injective.exchange.v2.EventBatchDerivativeExecution"
    assert (told["is_liquidation"], told["executionType"], told["cumulative_funding"]) == (
        False,
        "Market",
        "0.500000000000000000",
    )
    (row,) = told["trades"]
    assert row["position_delta"]["execution_margin"] == "20.000000000000000000"
    assert (row["fee"], row["payout"]) == ("-0.500000000000000000", "1.000000000000000000")


def test_a_liquidation_is_a_market_execution_that_says_so():
    delta = PositionDelta(False, Decimal(3), Decimal(0), Decimal("12.5"))
    (event,) = of_block(Told((trade(3, execution=Execution.LIQUIDATION, position_delta=delta),)))
    assert (read(event)["is_liquidation"], read(event)["executionType"]) == (True, "Market")


def test_orders_that_failed_are_told_by_account_with_their_codes():
    failures = [
        OrderFailure(DEV, INJ_USDT, "0x" + "cd" * 32, cid, code) for cid, code in (("a", 59), ("b", 16))
    ]
    (event,) = order_fails(failures, 1)
    told = dict(event.attributes)
    assert (json.loads(told["flags"]), json.loads(told["cids"]), told["msg_index"]) == (
        [59, 16],
        ["a", "b"],
        "1",
    )
    assert [base64.b64decode(one).hex() for one in json.loads(told["hashes"])] == ["cd" * 32] * 2
    assert order_fails([], 0) == []


def test_bytes_are_base64():
    assert hex_bytes("0x00ff") == "AP8="
    assert base64.b64decode(account_bytes(DEV)).hex() == SUBACCOUNT[2:42]
    assert account_bytes("") == ""
