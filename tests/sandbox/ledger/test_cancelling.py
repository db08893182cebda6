import pytest

from defi_analytics.sandbox.ledger.cancelling import Mask
from defi_analytics.sandbox.ledger.failed import Code, Failed
from defi_analytics.sandbox.ledger.records import OrderState
from tests.sandbox.ledger.still import funded_ledger
from tests.sandbox.ledger.wire import (
    ALICE,
    BOB,
    INJ_PERP,
    INJ_USDT,
    NOWHERE,
    USDT,
    batch_cancel,
    cancel,
    create,
    data,
    order,
    sub,
)

BLOCK = 50


@pytest.fixture
def ledger():
    return funded_ledger()


def code_of(ledger, message, sender=ALICE):
    with pytest.raises(Failed) as failed:
        ledger.execute(message, sender, BLOCK)
    return failed.value.code


@pytest.mark.parametrize("side", ["BUY", "BUY_PO"])
@pytest.mark.parametrize("by", ["cid", "order_hash"])
def test_a_cancel_gives_everything_back_at_once(ledger, side, by):
    answer = ledger.execute(create(order(INJ_USDT, side, 9, 1, cid="one")), ALICE, BLOCK)
    assert answer["cid"] == "one"
    ledger.execute(cancel(INJ_USDT, **{by: answer[by]}), ALICE, BLOCK)
    assert ledger.balance(ALICE, USDT) == 10**12
    assert not ledger.resting(sub(ALICE))
    assert not ledger.transient(sub(ALICE))
    events = ledger.end_block(BLOCK)
    assert [(one.order.cid, one.state) for one in events.changes] == [("one", OrderState.CANCELED)]
    assert not events.trades


def test_a_cancel_beats_the_matching_of_its_own_block(ledger):
    ledger.execute(create(order(INJ_USDT, "BUY", 11, 1, cid="one")), ALICE, BLOCK)
    ledger.execute(cancel(INJ_USDT, "one"), ALICE, BLOCK)
    assert not ledger.end_block(BLOCK).trades


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (cancel(INJ_USDT, "nothing"), Code.ORDER_DOES_NOT_EXIST),
        (cancel(INJ_USDT, order_hash="0x" + "00" * 32), Code.ORDER_DOES_NOT_EXIST),
        (cancel(INJ_USDT), Code.ORDER_HASH_INVALID),
        (cancel(INJ_USDT, "x" * 37), Code.INVALID_CID),
        (cancel(NOWHERE, "one"), Code.SPOT_MARKET_NOT_FOUND),
        (cancel(INJ_USDT, "one", derivative=True), Code.DERIVATIVE_MARKET_NOT_FOUND),
        (cancel(INJ_USDT, "one", subaccount_id=sub(BOB)), Code.BAD_SUBACCOUNT),
        (cancel(INJ_PERP, "one", derivative=True), Code.ORDER_DOES_NOT_EXIST),
        (cancel(INJ_USDT, "one", index=1), Code.ORDER_DOES_NOT_EXIST),
    ],
)
def test_what_is_not_there_can_not_be_cancelled(ledger, message, code):
    ledger.execute(create(order(INJ_USDT, "BUY", 9, 1, cid="one")), ALICE, BLOCK)
    assert code_of(ledger, message) == code


def test_nobody_cancels_somebody_elses_order(ledger):
    placed = ledger.execute(create(order(INJ_USDT, "BUY", 9, 1, cid="one")), ALICE, BLOCK)
    message = cancel(INJ_USDT, order_hash=placed["order_hash"], owner=BOB)
    assert code_of(ledger, message, BOB) == Code.ORDER_DOES_NOT_EXIST


def test_a_market_order_can_not_be_cancelled(ledger):
    ledger.execute(create(order(INJ_USDT, "BUY", 11, 1, cid="one"), market=True), ALICE, BLOCK)
    assert code_of(ledger, cancel(INJ_USDT, "one")) == Code.ORDER_DOES_NOT_EXIST


ORDERS = {
    "buy": ({"side": "BUY", "price": 9}, {}),
    "sell": ({"side": "SELL", "price": 11}, {}),
    "stop": ({"side": "STOP_BUY", "price": 12, "trigger": 11}, {}),
    "take": ({"side": "TAKE_BUY", "price": 8, "trigger": 9}, {"market": True}),
}


@pytest.mark.parametrize(
    ("mask", "reached"),
    [
        (0, {"buy", "sell", "stop", "take"}),
        (Mask.ANY, {"buy", "sell", "stop", "take"}),
        (Mask.REGULAR, {"buy", "sell"}),
        (Mask.CONDITIONAL, {"stop", "take"}),
        (Mask.BUY_OR_HIGHER, {"buy", "stop"}),
        (Mask.SELL_OR_LOWER, {"sell", "take"}),
        (Mask.CONDITIONAL | Mask.MARKET, {"take"}),
        (Mask.CONDITIONAL | Mask.LIMIT, {"stop"}),
        (Mask.REGULAR | Mask.CONDITIONAL, {"buy", "sell", "stop", "take"}),
    ],
)
def test_a_mask_says_which_derivative_orders_are_meant(ledger, mask, reached):
    for cid, (terms, how) in ORDERS.items():
        more = {"margin": 5, "cid": cid, **terms}
        found = order(INJ_PERP, more.pop("side"), more.pop("price"), 1, **more)
        ledger.execute(create(found, derivative=True, **how), ALICE, BLOCK)
    found = [data(INJ_PERP, cid, mask=int(mask)) for cid in ORDERS]
    answer = ledger.execute(batch_cancel(found, derivative=True), ALICE, BLOCK)
    assert {cid for cid, done in zip(ORDERS, answer["success"], strict=True) if done} == reached


def test_a_batch_of_spot_cancels_tells_which_succeeded(ledger):
    ledger.execute(create(order(INJ_USDT, "BUY", 9, 1, cid="one")), ALICE, BLOCK)
    message = batch_cancel([data(INJ_USDT, "other"), data(INJ_USDT, "one")])
    assert ledger.execute(message, ALICE, BLOCK) == {"success": [False, True]}
