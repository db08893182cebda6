from decimal import Decimal

import pytest

from defi_analytics.sandbox.ledger.failed import Code, Failed
from defi_analytics.sandbox.ledger.records import OrderType
from defi_analytics.sandbox.ledger.requests import decimal, request
from tests.sandbox.ledger.wire import ALICE, BOB, INJ_PERP, INJ_USDT, RELAYER, order, sub


def asked(market=False, derivative=False, **changes):
    found = order(INJ_PERP if derivative else INJ_USDT, changes.pop("side", "BUY"), 10, 2, **changes)
    return request(found, ALICE, market=market, derivative=derivative)


def test_an_order_is_read_with_its_decimals_in_human_units():
    found = asked(cid="one", fee_recipient=RELAYER, expiration=7, index=3)
    assert (found.price, found.quantity, found.cid) == (10, 2, "one")
    assert (found.margin, found.trigger_price, found.expiration_height) == (None, None, 7)
    assert (found.subaccount, found.kind) == (sub(ALICE, 3), OrderType.BUY)
    assert (found.sender, found.fee_recipient, found.reduce_only) == (ALICE, RELAYER, False)


def test_a_derivative_without_margin_is_reduce_only():
    assert asked(derivative=True).reduce_only
    assert asked(derivative=True, margin=3).margin == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": "STOP_BUY", "trigger": 9}, Code.UNRECOGNIZED_ORDER_TYPE),
        ({"side": "BUY_ATOMIC"}, Code.ORDER_TYPE_FOR_MESSAGE),
        ({"side": "BUY_ATOMIC", "market": True}, Code.ACCESS_LEVEL),
        ({"side": "SELL_PO", "market": True}, Code.ORDER_TYPE_FOR_MESSAGE),
        ({"side": "STOP_SELL", "derivative": True}, Code.INVALID_TRIGGER_PRICE),
        ({"side": "STOP_SELL", "derivative": True, "trigger": 0}, Code.INVALID_TRIGGER_PRICE),
        ({"trigger": -1}, Code.INVALID_TRIGGER_PRICE),
        ({"owner": BOB}, Code.BAD_SUBACCOUNT),
        ({"cid": "x" * 37}, Code.INVALID_CID),
        ({"expiration": -1}, Code.INVALID_EXPIRATION),
        ({"derivative": True, "margin": -1}, Code.INSUFFICIENT_MARGIN),
    ],
)
def test_what_no_state_could_make_valid_is_refused(changes, code):
    with pytest.raises(Failed) as failed:
        asked(**changes)
    assert (failed.value.codespace, failed.value.code) == ("exchange", code)


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("price", "", Code.INVALID_PRICE),
        ("price", "0", Code.INVALID_PRICE),
        ("price", "-1", Code.INVALID_PRICE),
        ("price", "9" * 60, Code.INVALID_PRICE),
        ("quantity", "0", Code.INVALID_QUANTITY),
    ],
)
def test_prices_and_quantities_are_positive_and_bounded(field, text, code):
    found = order(INJ_USDT, "BUY", 10, 2)
    setattr(found.order_info, field, text)
    with pytest.raises(Failed) as failed:
        request(found, ALICE, market=False, derivative=False)
    assert failed.value.code == code


@pytest.mark.parametrize("value", [0, 99])
def test_an_unknown_order_type_is_refused(value):
    found = order(INJ_USDT, "BUY", 10, 2)
    found.order_type = value
    with pytest.raises(Failed) as failed:
        request(found, ALICE, market=False, derivative=False)
    assert failed.value.code == Code.UNRECOGNIZED_ORDER_TYPE


def test_a_market_that_is_no_id_is_refused():
    found = order("INJ/USDT", "BUY", 10, 2)
    with pytest.raises(Failed) as failed:
        request(found, ALICE, market=False, derivative=False)
    assert failed.value.code == Code.MARKET_INVALID


def test_a_fee_recipient_is_an_address():
    with pytest.raises(Failed) as failed:
        asked(fee_recipient="inj1nobody")
    assert (failed.value.codespace, failed.value.code) == ("sdk", 7)


@pytest.mark.parametrize("text", ["1.5", "1e3", " 1", "NaN", "1" * 95, "５"])  # noqa: RUF001 -- a full-width digit
def test_only_integers_are_decimals_of_the_wire(text):
    with pytest.raises(Failed) as failed:
        decimal(text)
    assert (failed.value.codespace, failed.value.code) == ("sdk", 2)
    assert decimal("-5") == Decimal("-5e-18")
