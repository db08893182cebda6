"""Grants, with the official SDK's own messages."""

import pytest

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.ledger.failed import Failed
from tests.sandbox.chain.signing import needs_sdk
from tests.sandbox.ledger.still import funded_ledger
from tests.sandbox.ledger.wire import (
    ALICE,
    ATOM_USDT,
    BOB,
    INJ_PERP,
    INJ_USDT,
    USDT,
    sub,
    wei,
)

pytestmark = needs_sdk
BLOCK = 50
EXCHANGE = "injective.exchange.v2."
AUTHZ = "cosmos.authz.v1beta1."
MINE = sub(ALICE)


@pytest.fixture
def ledger():
    return funded_ledger()


def new(name, **fields):
    found = protobufs.new(name)
    for field, value in fields.items():
        target = getattr(found, field)
        if hasattr(target, "extend"):
            target.extend(value)
        elif hasattr(target, "CopyFrom"):
            target.CopyFrom(value)
        else:
            setattr(found, field, value)
    return found


def packed(found):
    anything = new("google.protobuf.Any")
    anything.type_url, anything.value = f"/{found.DESCRIPTOR.full_name}", found.SerializeToString()
    return anything


def spot(market_id=INJ_USDT, subaccount_id=MINE, price=9, cid="x"):
    info = new(
        f"{EXCHANGE}OrderInfo", subaccount_id=subaccount_id, price=wei(price), quantity=wei(1), cid=cid
    )
    return new(f"{EXCHANGE}SpotOrder", market_id=market_id, order_info=info, order_type=1)


def perp(market_id=INJ_PERP, subaccount_id=MINE):
    info = new(f"{EXCHANGE}OrderInfo", subaccount_id=subaccount_id, price=wei(9), quantity=wei(1))
    return new(
        f"{EXCHANGE}DerivativeOrder", market_id=market_id, order_info=info, order_type=1, margin=wei(5)
    )


def limit(**changes):
    return new(f"{EXCHANGE}MsgCreateSpotLimitOrder", sender=ALICE, order=spot(**changes))


def authz(name, markets=(INJ_USDT,), subaccount_id=MINE):
    return new(f"{EXCHANGE}{name}Authz", subaccount_id=subaccount_id, market_ids=markets)


def grant(ledger, authorization, expires_s=0, at_s=0.0, grantee=BOB):
    found = new(f"{AUTHZ}MsgGrant", granter=ALICE, grantee=grantee)
    found.grant.authorization.CopyFrom(packed(authorization))
    if expires_s:
        found.grant.expiration.seconds = expires_s
    return ledger.execute(found, ALICE, BLOCK, at_s)


def exec_(ledger, *messages, grantee=BOB, at_s=0.0):
    found = new(f"{AUTHZ}MsgExec", grantee=grantee, msgs=[packed(one) for one in messages])
    return ledger.execute(found, grantee, BLOCK, at_s)


def failure(call, *given, **named):
    with pytest.raises(Failed) as failed:
        call(*given, **named)
    return failed.value.codespace, failed.value.code


def test_a_granted_order_is_placed_in_the_granters_name(ledger):
    grant(ledger, authz("CreateSpotLimitOrder"))
    ((name, fields),) = exec_(ledger, limit(cid="one"))["results"]
    assert name == f"{EXCHANGE}MsgCreateSpotLimitOrderResponse"
    assert fields["cid"] == "one"
    (order,) = ledger.transient(MINE)
    assert (order.order_hash, order.fee_recipient) == (fields["order_hash"], ALICE)
    assert ledger.balance(BOB, USDT) == 10**12


@pytest.mark.parametrize(
    "changes", [{"market_id": ATOM_USDT}, {"subaccount_id": sub(ALICE, 1)}, {"subaccount_id": ""}]
)
def test_a_grant_names_its_markets_and_its_subaccount_exactly(ledger, changes):
    grant(ledger, authz("CreateSpotLimitOrder"))
    assert failure(exec_, ledger, limit(**changes)) == ("sdk", 4)


def test_without_a_grant_for_it_nothing_is_executed(ledger):
    grant(ledger, authz("CreateSpotLimitOrder"))
    amount = new("cosmos.base.v1beta1.Coin", denom=USDT, amount="5")
    send = new("cosmos.bank.v1beta1.MsgSend", from_address=ALICE, to_address=BOB, amount=[amount])
    withdraw = new(f"{EXCHANGE}MsgWithdraw", sender=ALICE, subaccount_id=MINE, amount=amount)
    for found in (send, withdraw, new(f"{EXCHANGE}MsgCreateSpotMarketOrder", sender=ALICE, order=spot())):
        assert failure(exec_, ledger, found) == ("authz", 2)


def test_a_generic_grant_is_for_its_message_alone(ledger):
    generic = new(f"{AUTHZ}GenericAuthorization", msg="/cosmos.bank.v1beta1.MsgSend")
    grant(ledger, generic)
    amount = new("cosmos.base.v1beta1.Coin", denom=USDT, amount="5")
    exec_(ledger, new("cosmos.bank.v1beta1.MsgSend", from_address=ALICE, to_address=BOB, amount=[amount]))
    assert ledger.balance(BOB, USDT) == 10**12 + 5
    assert failure(exec_, ledger, limit()) == ("authz", 2)


def test_an_account_needs_no_grant_of_its_own(ledger):
    exec_(ledger, limit(cid="own"), grantee=ALICE)
    assert [one.cid for one in ledger.transient(MINE)] == ["own"]


def test_one_message_that_is_not_granted_fails_all_of_them(ledger):
    grant(ledger, authz("CreateSpotLimitOrder"))
    assert failure(exec_, ledger, limit(cid="a"), limit(cid="b", market_id=ATOM_USDT)) == ("sdk", 4)
    assert ledger.transient(MINE) == []


def test_a_grant_expires_and_can_be_revoked(ledger):
    assert failure(grant, ledger, authz("CreateSpotLimitOrder"), 1000, at_s=1000.0) == ("authz", 3)
    grant(ledger, authz("CreateSpotLimitOrder"), 1000, at_s=999.0)
    exec_(ledger, limit(), at_s=999.5)
    assert failure(exec_, ledger, limit(cid="y"), at_s=1000.0) == ("authz", 6)
    ((grantee, url, _, expires_s),) = ledger.grants(ALICE, BOB)
    assert (grantee, expires_s) == (BOB, 1000)
    revoke = new(f"{AUTHZ}MsgRevoke", granter=ALICE, grantee=BOB, msg_type_url=url)
    ledger.execute(revoke, ALICE, BLOCK)
    assert ledger.grants(ALICE) == []
    assert failure(ledger.execute, revoke, ALICE, BLOCK) == ("authz", 2)


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (lambda: authz("CreateSpotLimitOrder", ()), ("sdk", 29)),
        (lambda: authz("CreateSpotLimitOrder", (INJ_USDT, INJ_USDT)), ("sdk", 29)),
        (lambda: authz("CreateSpotLimitOrder", [f"0x{n:064x}" for n in range(201)]), ("sdk", 29)),
        (lambda: new(f"{EXCHANGE}GenericExchangeAuthorization", msg="/x"), ("authz", 4)),
    ],
)
def test_other_authorizations_are_refused(ledger, authorization, expected):
    assert failure(grant, ledger, authorization()) == expected


def test_nobody_grants_to_himself(ledger):
    assert failure(grant, ledger, authz("CreateSpotLimitOrder"), grantee=ALICE) == ("authz", 7)


def test_what_can_not_be_decoded_is_a_parse_error(ledger):
    found = new(f"{AUTHZ}MsgExec", grantee=BOB)
    one = found.msgs.add()
    one.type_url = "/nobody.knows.Msg"
    assert failure(ledger.execute, found, BOB, BLOCK) == ("sdk", 2)
    one.type_url, one.value = f"/{EXCHANGE}MsgCreateSpotLimitOrder", b"\xff\xff\xff"
    assert failure(ledger.execute, found, BOB, BLOCK) == ("sdk", 2)


def data(market_id, subaccount_id=MINE):
    return new(f"{EXCHANGE}OrderData", market_id=market_id, subaccount_id=subaccount_id, cid="x")


def batch(**lists):
    return new(f"{EXCHANGE}MsgBatchUpdateOrders", sender=ALICE, **lists)


class TestBatchUpdates:
    @pytest.fixture
    def ledger(self, ledger):
        authorization = new(
            f"{EXCHANGE}BatchUpdateOrdersAuthz",
            subaccount_id=MINE,
            spot_markets=[INJ_USDT],
            derivative_markets=[INJ_PERP],
        )
        grant(ledger, authorization)
        return ledger

    def test_what_the_grant_names_is_done(self, ledger):
        found = batch(
            subaccount_id=MINE,
            spot_market_ids_to_cancel_all=[INJ_USDT],
            spot_orders_to_cancel=[data(INJ_USDT)],
            spot_orders_to_create=[spot()],
            derivative_orders_to_create=[perp()],
            spot_market_orders_to_create=[spot(price=11, cid="m")],
        )
        ((_, fields),) = exec_(ledger, found)["results"]
        assert [len(fields[f"{one}_order_hashes"]) for one in ("spot", "derivative", "spot_market")] == [
            1,
            1,
            1,
        ]

    @pytest.mark.parametrize(
        "found",
        [
            {"spot_orders_to_create": lambda: [spot(ATOM_USDT)]},
            {"spot_orders_to_create": lambda: [spot(subaccount_id=sub(ALICE, 1))]},
            {"spot_market_orders_to_create": lambda: [spot(ATOM_USDT)]},
            {"derivative_market_orders_to_create": lambda: [perp("0x" + "1" * 64)]},
            {"derivative_orders_to_cancel": lambda: [data(INJ_USDT)]},
            {"spot_orders_to_cancel": lambda: [data(INJ_USDT, "")]},
            {"binary_options_orders_to_create": lambda: [perp()]},
            {"spot_market_ids_to_cancel_all": lambda: [INJ_USDT], "subaccount_id": lambda: sub(ALICE, 1)},
        ],
    )
    def test_anything_else_in_it_is_refused(self, ledger, found):
        lists = {field: make() for field, make in found.items()}
        assert failure(exec_, ledger, batch(**lists)) == ("sdk", 4)


def test_grants_for_lists_and_cancels_look_at_every_one_of_them(ledger):
    for name in ("BatchCreateSpotLimitOrders", "BatchCancelSpotOrders", "CancelSpotOrder"):
        grant(ledger, authz(name))
    many = new(
        f"{EXCHANGE}MsgBatchCreateSpotLimitOrders", sender=ALICE, orders=[spot(cid="a"), spot(cid="x")]
    )
    exec_(ledger, many)
    one = new(f"{EXCHANGE}MsgCancelSpotOrder", sender=ALICE, market_id=INJ_USDT, subaccount_id=MINE, cid="a")
    exec_(ledger, one)
    rest = new(f"{EXCHANGE}MsgBatchCancelSpotOrders", sender=ALICE, data=[data(INJ_USDT)])
    exec_(ledger, rest)
    assert ledger.transient(MINE) == []
    rest.data.append(data(ATOM_USDT))
    many.orders.append(spot(ATOM_USDT))
    one.market_id = ATOM_USDT
    for found in (rest, many, one):
        assert failure(exec_, ledger, found) == ("sdk", 4)
