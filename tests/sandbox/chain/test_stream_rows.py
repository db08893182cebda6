from decimal import Decimal

from defi_analytics.sandbox.chain.stream_rows import derivative_trade, order_update, position, spot_trade
from defi_analytics.sandbox.ledger.records import (
    Execution,
    LiveOrder,
    OrderRecord,
    OrderState,
    OrderType,
    Position,
    PositionDelta,
    Request,
    Stage,
)
from tests.sandbox.chain.test_block_events import SUBACCOUNT, trade

ONE = "1.000000000000000000"
HASH = "0x" + "ab" * 32


def order(margin=None, trigger=None, stage=Stage.RESTING, state=OrderState.BOOKED):
    terms = (Decimal(12), Decimal(1), "c", OrderType.BUY, margin, trigger, 9)
    request = Request("0xm", SUBACCOUNT, "inj1a", "", *terms)
    live = LiveOrder(1, HASH, request, stage, Decimal(1), Decimal(1), Decimal(12), "usdt", 1)
    return OrderRecord(live, state, Decimal(0), 1)


def test_a_spot_order_tells_its_terms():
    told = order_update(order())
    assert (told["status"], told["cid"], told["order_hash"]) == ("Booked", "c", HASH)
    row = told["order"]["order"]
    assert (row["fillable"], row["order_type"], row["expiration_block"]) == (ONE, "BUY", "9")
    assert row["order_info"]["fee_recipient"] == "inj1a"
    assert (row["trigger_price"], "margin" in row) == ("", False)


def test_a_derivative_order_tells_its_margin_and_trigger_too():
    told = order_update(order(Decimal(1), Decimal(1), Stage.CONDITIONAL_MARKET, OrderState.CANCELED))
    assert (told["status"], told["order"]["is_market"]) == ("Cancelled", True)
    assert (told["order"]["order"]["margin"], told["order"]["order"]["trigger_price"]) == (ONE, ONE)


def test_each_state_has_its_status_but_for_a_trigger_which_is_not_told():
    found = {state: order_update(order(state=state)) for state in OrderState}
    assert found.pop(OrderState.TRIGGERED) is None
    assert {state.value: told["status"] for state, told in found.items()} == {
        "booked": "Booked",
        "partial_filled": "Matched",
        "filled": "Matched",
        "canceled": "Cancelled",
    }


def test_a_trade_is_told_in_human_units():
    told = spot_trade(trade(2))
    assert (told["price"], told["quantity"], told["notional"]) == (
        "12.500000000000000000",
        "2.000000000000000000",
        "25.000000000000000000",
    )
    delta = PositionDelta(False, Decimal(1), Decimal(0), Decimal(1))
    told = derivative_trade(trade(1, position_delta=delta, execution=Execution.LIQUIDATION))
    assert (told["is_liquidation"], told["position_delta"]["execution_price"]) == (True, ONE)


def test_a_position_that_is_gone_has_no_quantity():
    held = Position(SUBACCOUNT, "0xm", True, Decimal(1), Decimal(1), Decimal(1), Decimal(0))
    assert (position(trade(1), held)["isLong"], position(trade(1), held)["margin"]) == (True, ONE)
    assert Decimal(position(trade(1), None)["quantity"]) == 0
