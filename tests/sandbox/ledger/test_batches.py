import pytest

from defi_analytics.sandbox.ledger.failed import Code, Failed
from tests.sandbox.ledger.still import funded_ledger
from tests.sandbox.ledger.wire import (
    ALICE,
    INJ_PERP,
    INJ_USDT,
    NOWHERE,
    PAUSED,
    USDT,
    batch_create,
    batch_update,
    create,
    data,
    order,
    sub,
)

BLOCK = 50


@pytest.fixture
def ledger():
    return funded_ledger()


def run(ledger, message):
    return ledger.execute(message, ALICE, BLOCK)


def test_failed_orders_leave_their_codes_and_the_others_go_on(ledger):
    answer = run(
        ledger,
        batch_update(
            spot_orders_to_create=[
                order(INJ_USDT, "BUY_PO", 10, 1, cid="crosses"),
                order(INJ_USDT, "BUY", 9, 1, cid="good"),
                order(INJ_USDT, "BUY", 9, 1, cid="good"),
                order(INJ_USDT, "BUY", 9, 10**9, cid="poor"),
            ],
            derivative_orders_to_create=[order(INJ_PERP, "BUY", 9, 1, margin="0.01", cid="thin")],
        ),
    )
    placed = answer["spot_order_hashes"][1]
    assert answer["spot_order_hashes"] == ["59", placed, "97", "95"]
    assert placed.startswith("0x")
    assert answer["created_spot_orders_cids"] == ["good"]
    assert answer["failed_spot_orders_cids"] == ["crosses", "good", "poor"]
    assert answer["derivative_order_hashes"] == ["26"]
    assert answer["failed_derivative_orders_cids"] == ["thin"]
    assert [(one.cid, one.code) for one in ledger.failures] == [
        ("crosses", 59), ("good", 97), ("poor", 95), ("thin", 26),
    ]  # fmt: skip
    # A refused order has a hash once it was counted: a spot order only when it is valid.
    assert [one.order_hash != "0x" + "0" * 64 for one in ledger.failures] == [False, False, True, True]
    assert [one.cid for one in ledger.end_block(BLOCK).failures] == ["crosses", "good", "poor", "thin"]
    assert not ledger.failures


def test_an_unknown_or_paused_market_leaves_an_empty_slot(ledger):
    found = [order(one, "BUY", 9, 1, cid="x") for one in (NOWHERE, PAUSED, INJ_PERP, INJ_USDT)]
    answer = run(ledger, batch_update(spot_orders_to_create=found))
    assert answer["spot_order_hashes"][:3] == ["", "", ""]
    assert answer["spot_order_hashes"][3].startswith("0x")
    assert (answer["created_spot_orders_cids"], answer["failed_spot_orders_cids"]) == (["x"], [])


def test_cancels_come_first_and_market_orders_before_limit_orders(ledger):
    run(ledger, create(order(INJ_USDT, "BUY", 9, 1, cid="one")))
    run(ledger, create(order(INJ_PERP, "SELL", 11, 1, margin=5, cid="perp"), derivative=True))
    answer = run(
        ledger,
        batch_update(
            spot_orders_to_cancel=[data(INJ_USDT, "one"), data(INJ_USDT, "none")],
            derivative_orders_to_cancel=[data(INJ_PERP, "perp")],
            spot_orders_to_create=[order(INJ_USDT, "BUY", 9, 1, cid="one")],
            spot_market_orders_to_create=[order(INJ_USDT, "BUY", 11, 1, cid="now")],
            derivative_market_orders_to_create=[order(INJ_PERP, "SELL", 9, 1, margin=5, cid="perp")],
        ),
    )
    assert answer["spot_cancel_success"] == [True, False]
    assert answer["derivative_cancel_success"] == [True]
    assert answer["created_spot_market_orders_cids"] == ["now"]
    assert answer["created_derivative_market_orders_cids"] == ["perp"]
    numbers = {one.order.cid: one.order.number for one in ledger.history() if one.order.number > 2}
    assert sorted(numbers, key=numbers.get) == ["now", "one", "perp"]


def test_cancelling_all_reaches_every_kind_of_order_but_market_orders(ledger):
    perp = {"margin": 5, "derivative": True}
    run(ledger, create(order(INJ_USDT, "BUY_PO", 9, 1, cid="rests")))
    run(ledger, create(order(INJ_USDT, "BUY", 9, 1, cid="waits")))
    run(ledger, create(order(INJ_USDT, "BUY", 11, 1, cid="market"), market=True))
    run(
        ledger,
        create(order(INJ_PERP, "STOP_BUY", 12, 1, trigger=11, margin=5), derivative=perp["derivative"]),
    )
    message = batch_update(
        subaccount_id=sub(ALICE),
        spot_market_ids_to_cancel_all=[INJ_USDT],
        derivative_market_ids_to_cancel_all=[INJ_PERP],
    )
    run(ledger, message)
    who = sub(ALICE)
    assert not [*ledger.resting(who), *ledger.transient(who), *ledger.conditional(who)]
    assert [one.cid for one in ledger.end_block(BLOCK).trades] == ["market"]


def test_cancelling_all_of_a_market_of_the_other_kind_cancels_nothing(ledger):
    run(ledger, create(order(INJ_USDT, "BUY_PO", 9, 1, cid="spot")))
    run(ledger, create(order(INJ_PERP, "BUY_PO", 9, 1, margin=5, cid="perp"), derivative=True))
    message = batch_update(
        subaccount_id=sub(ALICE),
        spot_market_ids_to_cancel_all=[INJ_PERP],
        derivative_market_ids_to_cancel_all=[INJ_USDT, NOWHERE],
    )
    run(ledger, message)
    assert [one.cid for one in ledger.resting(sub(ALICE))] == ["spot", "perp"]


@pytest.mark.parametrize(
    "message",
    [
        batch_update(spot_market_ids_to_cancel_all=[INJ_USDT]),
        batch_update(subaccount_id=sub(ALICE)),
        batch_update(subaccount_id=sub(ALICE), spot_market_ids_to_cancel_all=[INJ_USDT] * 2),
        batch_update(binary_options_orders_to_create=[order(INJ_PERP, "BUY", 9, 1, margin=5)]),
    ],
)
def test_a_malformed_batch_fails_its_transaction(ledger, message):
    with pytest.raises(Failed) as failed:
        run(ledger, message)
    assert failed.value.code == Code.INVALID_BATCH


def test_an_order_that_could_never_be_valid_fails_the_whole_batch(ledger):
    found = [order(INJ_USDT, "BUY", 9, 1, cid="fine"), order(INJ_USDT, "BUY", 9, 1, cid="x" * 37)]
    with pytest.raises(Failed) as failed:
        run(ledger, batch_update(spot_orders_to_create=found))
    assert failed.value.code == Code.INVALID_CID
    assert ledger.balance(ALICE, USDT) == 10**12


@pytest.mark.parametrize(("derivative", "code"), [(False, "2"), (True, "27")])
def test_a_batch_of_new_orders_tells_unknown_markets_by_code(ledger, derivative, code):
    market = INJ_PERP if derivative else INJ_USDT
    margin = {"margin": 5} if derivative else {}
    found = [order(NOWHERE, "BUY", 9, 1, cid="no", **margin), order(market, "BUY", 9, 1, cid="yes", **margin)]
    answer = run(ledger, batch_create(found, derivative=derivative))
    assert answer["order_hashes"][0] == code
    assert answer["order_hashes"][1].startswith("0x")
    assert (answer["created_orders_cids"], answer["failed_orders_cids"]) == (["yes"], ["no"])


def test_failed_derivative_attempts_count_on_the_nonce_and_refused_spot_orders_do_not(ledger):
    found = [order(INJ_PERP, "BUY", 9, 1, margin="0.01")]
    run(ledger, batch_update(derivative_orders_to_create=found))
    assert ledger.nonce(sub(ALICE)) == 1
    run(ledger, batch_update(spot_orders_to_create=[order(INJ_USDT, "BUY_PO", 10, 1)]))
    assert ledger.nonce(sub(ALICE)) == 1
