import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.sandbox.chain.protojson import from_json, to_json
from tests.sandbox.chain.signing import Wallet, needs_sdk, pack

pytestmark = needs_sdk
INFO = "injective.exchange.v2.OrderInfo"


@given(st.integers(-(10**40), 10**40))
def test_a_decimal_is_an_integer_of_eighteen_places_in_protobuf(units):
    from defi_analytics.sandbox.chain import protobufs

    info = protobufs.new(INFO)
    info.price = str(units)
    told = to_json(info)
    whole, _, places = told["price"].partition(".")
    assert len(places) == 18
    assert int(whole + places) == units
    assert from_json(INFO, told) == info


def test_fewer_places_are_read_too_and_other_text_is_left_alone():
    found = from_json(INFO, {"price": "1.5", "quantity": "2", "cid": "3"})
    assert (found.price, found.quantity, found.cid) == ("1500000000000000000", "2" + "0" * 18, "3")
    assert from_json(INFO, {"price": "x.5"}).price == "x.5"
    assert to_json(from_json(INFO, {"price": ""}))["price"] == ""


def test_messages_inside_any_are_read_by_their_own_type():
    from defi_analytics.sandbox.chain import protobufs

    body = protobufs.new("cosmos.tx.v1beta1.TxBody")
    pack(body.messages.add(), Wallet().market_order(price="7"))
    told = to_json(body)
    assert told["messages"][0]["order"]["order_info"]["price"] == "7.000000000000000000"
    assert from_json("cosmos.tx.v1beta1.TxBody", told) == body


@pytest.mark.parametrize("payload", [{"nonsense": 1}, {"price": 5}, {"cid": {}}])
def test_what_does_not_fit_is_a_value_error(payload):
    with pytest.raises(ValueError, match=r".+"):
        from_json(INFO, payload)
