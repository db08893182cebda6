import pytest

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.chain.gas import ante_gas, gas_used
from defi_analytics.sandbox.chain.transaction import decode
from tests.sandbox.chain.signing import Wallet, needs_sdk, pack

pytestmark = needs_sdk


def message(name, **fields):
    found = protobufs.new(f"injective.exchange.v2.{name}")
    found.sender = Wallet().address
    for field, value in fields.items():
        setattr(found.order, field, value)
    return found


def cost(*messages):
    transaction = decode(Wallet().sign(*messages))
    return gas_used(transaction) - ante_gas(transaction)


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("MsgCreateSpotMarketOrder", {}, 50_000),
        ("MsgCreateSpotLimitOrder", {"order_type": 1}, 100_000),
        ("MsgCreateSpotLimitOrder", {"order_type": 7}, 120_000),
        ("MsgCreateSpotLimitOrder", {"order_type": 1, "expiration_block": 9}, 110_000),
        ("MsgCreateDerivativeLimitOrder", {"order_type": 2}, 120_000),
        ("MsgCreateDerivativeLimitOrder", {"order_type": 8}, 140_000),
        ("MsgCancelSpotOrder", {}, 65_000),
        ("MsgRewardsOptOut", {}, 25_000),
    ],
)
def test_each_kind_of_order_has_its_fixed_price(name, fields, expected):
    assert cost(message(name, **fields)) == expected


def test_a_batch_costs_what_its_orders_cost():
    batch = message("MsgBatchUpdateOrders")
    batch.spot_orders_to_create.add(order_type=1)
    batch.spot_orders_to_create.add(order_type=7)
    batch.derivative_orders_to_create.add(order_type=1)
    batch.spot_market_orders_to_create.add(order_type=1)
    batch.spot_orders_to_cancel.add()
    assert cost(batch) == 100_000 + 120_000 + 120_000 + 50_000 + 65_000
    assert cost(message("MsgBatchUpdateOrders")) == 25_000


def test_a_granted_message_costs_what_it_costs_alone():
    granted = protobufs.new("cosmos.authz.v1beta1.MsgExec")
    granted.grantee = Wallet().address
    pack(granted.msgs.add(), message("MsgCancelSpotOrder"))
    pack(granted.msgs.add(), message("MsgCreateSpotMarketOrder"))
    assert cost(granted) == 115_000


def test_one_signature_costs_about_as_much_as_the_sdk_reckons():
    transaction = decode(Wallet().sign(message("MsgCreateSpotMarketOrder")))
    assert 85_000 < ante_gas(transaction) <= 105_000
