import base64
from decimal import Decimal

import pytest

from defi_analytics.sandbox import exchange
from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.ledger.routes import ROUTES
from tests.sandbox.chain.signing import needs_sdk
from tests.sandbox.ledger.asking import asked, moment
from tests.sandbox.ledger.still import Still, funded_ledger
from tests.sandbox.ledger.wire import (
    ALICE,
    BOB,
    INJ_PERP,
    INJ_USDT,
    NOWHERE,
    USDT,
    create,
    deposit,
    order,
    sub,
)

D = Decimal
BLOCK = 50
V2 = "/injective/exchange/v2"
BANK = "/cosmos/bank/v1beta1"
MINE = sub(ALICE)


@pytest.fixture
def ledger():
    """One order of every kind, and a position."""
    ledger = funded_ledger(Still(asks=(("10", 5), ("10.1", 5))))
    place(ledger, INJ_PERP, "BUY", 11, 2, margin=8, market=True, block=BLOCK - 1)
    ledger.end_block(BLOCK - 1)
    place(ledger, INJ_USDT, "SELL_PO", "9.95", 2, cid="rests")
    place(ledger, INJ_PERP, "BUY_PO", "9.95", 3, margin=6, cid="perp")
    place(ledger, INJ_PERP, "STOP_SELL", 9, 1, margin=4, trigger="9.5", cid="stop")
    ledger.end_block(BLOCK)
    place(ledger, INJ_USDT, "BUY", "9.9", 1, cid="waits", block=BLOCK + 1)
    place(ledger, INJ_PERP, "SELL", "10.5", 1, perp=True, cid="reduce", block=BLOCK + 1)
    return ledger


def place(ledger, *terms, market=False, block=BLOCK, **more):
    derivative = "margin" in more or more.pop("perp", False)
    return ledger.execute(create(order(*terms, **more), market=market, derivative=derivative), ALICE, block)


@pytest.fixture
def get(ledger):
    def get(path, expected=200, /, **query):
        return asked((*exchange.ROUTES, *ROUTES), moment(ledger, BLOCK), path, expected, **query)

    return get


def cids(answer):
    return [one["cid"] for one in answer["orders"]]


@pytest.mark.parametrize(
    "path",
    [f"{V2}/spot/orders/{INJ_USDT}/{MINE}", f"{V2}/spot/orders/{INJ_USDT}/account/{ALICE}"],
)
def test_resting_spot_orders(get, path):
    (found,) = get(path)["orders"]
    assert found.pop("order_hash").startswith("0x")
    assert found == {
        "price": "9.950000000000000000",
        "quantity": "2.000000000000000000",
        "fillable": "2.000000000000000000",
        "isBuy": False,
        "cid": "rests",
    }


def test_resting_derivative_orders(get):
    (found,) = get(f"{V2}/derivative/orders/{INJ_PERP}/{MINE}")["orders"]
    assert (found["margin"], found["isBuy"], found["cid"]) == ("6.000000000000000000", True, "perp")
    assert cids(get(f"{V2}/derivative/orders/{INJ_PERP}/account/{ALICE}")) == ["perp"]
    assert cids(get(f"{V2}/derivative/orders/{INJ_PERP}/account/{BOB}")) == []


def test_orders_of_this_block(get):
    assert cids(get(f"{V2}/spot/transient_orders/{INJ_USDT}/{MINE}")) == ["waits"]
    assert cids(get(f"{V2}/derivative/transient_orders/{INJ_PERP}/{MINE}")) == ["reduce"]


def test_conditional_orders(get):
    (found,) = get(f"{V2}/derivative/orders/conditional/{INJ_PERP}/{MINE}")["orders"]
    assert (found["triggerPrice"], found["isBuy"], found["isLimit"]) == ("9.500000000000000000", False, True)


def test_orders_by_hash(get):
    (found,) = get(f"{V2}/spot/orders/{INJ_USDT}/{MINE}")["orders"]
    path = f"{V2}/spot/orders_by_hashes/{INJ_USDT}/{MINE}"
    assert get(path, order_hashes=[found["order_hash"], "0x1"])["orders"] == [found]
    assert get(path)["orders"] == []
    assert get(f"{V2}/derivative/orders_by_hashes/{INJ_PERP}/{MINE}", order_hashes="0x1")["orders"] == []


def test_a_subaccounts_orders_by_side(get):
    answer = get(f"{V2}/orders/{MINE}")
    (buy,), (sell,) = answer["buy_orders"], answer["sell_orders"]
    assert (buy["order"]["cid"], sell["order"]["cid"]) == ("perp", "rests")
    assert (buy["order"]["isReduceOnly"], sell["order"]["quantity"]) == (False, "2.000000000000000000")
    assert len(base64.b64decode(sell["order_hash"])) == 32
    assert get(f"{V2}/orders/{MINE}", market_id=INJ_PERP)["sell_orders"] == []


@pytest.mark.parametrize(
    "path",
    [
        f"{V2}/spot/orders/{NOWHERE}/{MINE}",
        f"{V2}/spot/orders/{INJ_PERP}/{MINE}",
        f"{V2}/derivative/orders/{INJ_USDT}/{MINE}",
        f"{V2}/spot/L3OrderBook/{NOWHERE}",
    ],
)
def test_an_unknown_market_is_not_found(get, path):
    assert get(path, 404)["code"] == 5


def test_users_orders_are_in_every_view_of_the_book(get, ledger):
    book = get(f"{V2}/spot/orderbook/{INJ_USDT}")
    assert book["sells_price_level"][0] == {"p": "9.950000000000000000", "q": "2.000000000000000000"}
    assert get(f"{V2}/spot/mid_price_and_tob/{INJ_USDT}")["best_sell_price"] == "9.950000000000000000"
    full = get(f"{V2}/spot/L3OrderBook/{INJ_USDT}")
    mine, *makers = full["Asks"]
    assert mine["subaccount_id"] == MINE
    assert mine["order_hash"] == ledger.resting(MINE)[0].order_hash
    hashes = [one["order_hash"] for one in (*full["Bids"], *full["Asks"])]
    assert len(set(hashes)) == len(hashes)
    assert {one["subaccount_id"] for one in (*full["Bids"], *makers)}.isdisjoint({MINE})
    assert get(f"{V2}/derivative/L3OrderBook/{INJ_PERP}")["Bids"][0]["subaccount_id"] == MINE


def test_positions(get):
    (found,) = get(f"{V2}/positions")["state"]
    assert found == {
        "subaccount_id": MINE,
        "market_id": INJ_PERP,
        "position": {
            "isLong": True,
            "quantity": "2.000000000000000000",
            "entry_price": "10.000000000000000000",
            "margin": "8.000000000000000000",
            "cumulative_funding_entry": "0.000000000000000000",
        },
    }
    assert get(f"{V2}/positions_in_market/{INJ_PERP}")["state"] == [found]
    assert get(f"{V2}/subaccount_positions/{MINE}")["state"] == [found]
    assert get(f"{V2}/subaccount_positions/{sub(BOB)}")["state"] == []
    assert get(f"{V2}/positions/{MINE}/{INJ_PERP}")["state"] == found["position"]
    assert get(f"{V2}/positions/{sub(BOB)}/{INJ_PERP}")["state"] is None


def test_an_effective_position_has_its_funding_settled(get, ledger):
    ledger._state.cumulative.put(INJ_PERP, D("0.5"))
    state = get(f"{V2}/effective_positions/{MINE}/{INJ_PERP}")["state"]
    assert state["effective_margin"] == "7.000000000000000000"
    assert get(f"{V2}/effective_positions/{sub(BOB)}/{INJ_PERP}")["state"] is None
    funding = get(f"{V2}/perpetual_market_funding/{INJ_PERP}")["state"]
    assert funding["cumulative_funding"] == "0.500000000000000000"
    told = get(f"{V2}/derivative/markets/{INJ_PERP}")["market"]["perpetual_info"]["funding_info"]
    assert funding == told | {"cumulative_funding": "0.500000000000000000"}


def test_deposits_and_nonces(get, ledger):
    other = sub(ALICE, 1)
    ledger.execute(deposit(USDT, 70, other), ALICE, BLOCK + 1)
    path = f"{V2}/exchange"
    expected = {"available_balance": "70.000000000000000000", "total_balance": "70.000000000000000000"}
    assert get(f"{path}/subaccountDeposits", subaccount_id=other)["deposits"] == {USDT: expected}
    assert get(f"{path}/subaccountDeposit", subaccount_id=other, denom=USDT)["deposits"] == expected
    nothing = get(f"{path}/subaccountDeposit", subaccount_id=other, denom="x")["deposits"]
    assert nothing["total_balance"] == "0.000000000000000000"
    assert get(f"{path}/{MINE}") == {"nonce": 6}
    assert get(f"{path}/{other}") == {"nonce": 0}


def test_bank_balances(get, ledger):
    for kind in ("balances", "spendable_balances"):
        answer = get(f"{BANK}/{kind}/{BOB}")
        assert answer["balances"] == [
            {"denom": "inj", "amount": str(10**24)},
            {"denom": USDT, "amount": str(10**12)},
        ]
        assert answer["pagination"]["total"] == "2"
        one = get(f"{BANK}/{kind}/{ALICE}/by_denom", denom=USDT)["balance"]
        assert one == {"denom": USDT, "amount": str(ledger.balance(ALICE, USDT))}
    assert get(f"{BANK}/balances/{sub(ALICE)}")["balances"] == []


def test_without_a_ledger_nothing_is_told_of_users(ledger):
    now = moment(None, BLOCK, ledger._state.world)
    assert asked(ROUTES, now, f"{V2}/positions", 501)["code"] == 12


@needs_sdk
def test_grants(get, ledger):
    path = "/cosmos/authz/v1beta1/grants"
    found = protobufs.new("cosmos.authz.v1beta1.MsgGrant")
    found.granter, found.grantee = ALICE, BOB
    typed = protobufs.new("injective.exchange.v2.CreateSpotLimitOrderAuthz")
    typed.subaccount_id = MINE
    typed.market_ids.append(INJ_USDT)
    found.grant.authorization.type_url = f"/{typed.DESCRIPTOR.full_name}"
    found.grant.authorization.value = typed.SerializeToString()
    ledger.execute(found, ALICE, BLOCK)
    generic = protobufs.new("cosmos.authz.v1beta1.GenericAuthorization")
    generic.msg = "/cosmos.bank.v1beta1.MsgSend"
    found.grant.authorization.type_url = f"/{generic.DESCRIPTOR.full_name}"
    found.grant.authorization.value = generic.SerializeToString()
    found.grant.expiration.seconds = 1_800_000_000
    ledger.execute(found, ALICE, BLOCK)
    first, second = get(path, granter=ALICE, grantee=BOB)["grants"]
    assert first["authorization"] == {
        "@type": "/cosmos.authz.v1beta1.GenericAuthorization",
        "msg": generic.msg,
    }
    assert first["expiration"] == "2027-01-15T08:00:00Z"
    assert second["authorization"]["market_ids"] == [INJ_USDT]
    assert second["expiration"] is None
    assert get(path, granter=ALICE, grantee=BOB, msg_type_url=generic.msg)["grants"] == [first]
    assert get(path, granter=BOB, grantee=ALICE)["grants"] == []
