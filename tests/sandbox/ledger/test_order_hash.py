from decimal import Decimal

from defi_analytics.sandbox.ledger.order_hash import order_hash
from defi_analytics.sandbox.ledger.records import OrderType, Request
from tests.shared_data import shared_json

UNIT = Decimal("1e-18")


def requested(order):
    info = order["order_info"]
    return Request(
        order["market_id"],
        info["subaccount_id"],
        "",
        info["fee_recipient"],
        Decimal(info["price"]) * UNIT,
        Decimal(info["quantity"]) * UNIT,
        info.get("cid", ""),
        OrderType[order["order_type"]],
        Decimal(order["margin"]) * UNIT if "margin" in order else None,
        Decimal(order["trigger_price"]) * UNIT,
        0,
    )


def vectors():
    return shared_json("samples/injective/golden/order_hashes.json")["vectors"]


def test_the_recorded_hashes_exactly():
    for vector in vectors():
        assert order_hash(requested(vector["order"]), vector["salt"]) == vector["hash"], vector["name"]


def test_a_hash_does_not_depend_on_the_client_order_id_but_on_a_missing_trigger_price():
    request = requested(vectors()[0]["order"])
    assert order_hash(request, 1) == order_hash(request._replace(cid="other"), 1)
    assert order_hash(request, 1) != order_hash(request._replace(trigger_price=None), 1)
