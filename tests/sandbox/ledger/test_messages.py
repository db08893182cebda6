from decimal import Decimal
from types import SimpleNamespace

import pytest

from defi_analytics.sandbox.ledger.failed import Code, Failed
from tests.sandbox.ledger.still import funded_ledger
from tests.sandbox.ledger.wire import (
    ALICE,
    BOB,
    INJ_PERP,
    INJ_USDT,
    USDT,
    cancel,
    create,
    deposit,
    increase_margin,
    message,
    order,
    send,
    sub,
    transfer,
    withdraw,
)

D = Decimal
BLOCK = 50
FIRST, SECOND = sub(ALICE, 1), sub(ALICE, 2)


@pytest.fixture
def ledger():
    return funded_ledger()


def failure(ledger, found, sender=ALICE):
    before = ledger.dump()
    with pytest.raises(Failed) as failed:
        ledger.execute(found, sender, BLOCK)
    assert ledger.dump() == before
    return failed.value.codespace, failed.value.code


def test_sending_moves_coins_between_banks(ledger):
    assert ledger.execute(send(USDT, 25, BOB), ALICE, BLOCK) == {}
    assert (ledger.balance(ALICE, USDT), ledger.balance(BOB, USDT)) == (10**12 - 25, 10**12 + 25)


def test_deposits_move_between_the_bank_and_subaccounts(ledger):
    ledger.execute(deposit(USDT, 100, FIRST), ALICE, BLOCK)
    ledger.execute(deposit(USDT, 7, "1"), ALICE, BLOCK)
    ledger.execute(transfer(USDT, 40, FIRST, "2"), ALICE, BLOCK)
    ledger.execute(withdraw(USDT, 15, "2"), ALICE, BLOCK)
    ledger.execute(deposit(USDT, 3, sub(BOB, 4)), ALICE, BLOCK)
    assert ledger.balance(ALICE, USDT) == 10**12 - 95
    assert ledger.deposits(FIRST) == {USDT: (67, 67)}
    assert ledger.deposits(SECOND) == {USDT: (25, 25)}
    assert ledger.deposits(sub(BOB, 4)) == {USDT: (3, 3)}
    assert ledger.subaccounts(ALICE) == {FIRST: {USDT: (67, 67)}, SECOND: {USDT: (25, 25)}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (send(USDT, 10**13, BOB), ("sdk", 5)),
        (send(USDT, 0, BOB), ("sdk", 10)),
        (send(USDT, "1.5", BOB), ("sdk", 10)),
        (send("", 1, BOB), ("sdk", 10)),
        (send(USDT, 1, "inj1nobody"), ("sdk", 7)),
        (message("cosmos.bank.v1beta1.MsgSend", from_address=ALICE, to_address=BOB, amount=[]), ("sdk", 10)),
        (deposit(USDT, 10**13, FIRST), ("sdk", 5)),
        (deposit(USDT, 1, sub(ALICE)), ("exchange", Code.BAD_SUBACCOUNT)),
        (deposit(USDT, 1, ""), ("exchange", Code.BAD_SUBACCOUNT)),
        (withdraw(USDT, 1, FIRST), ("exchange", Code.INSUFFICIENT_DEPOSIT)),
        (withdraw(USDT, 1, sub(ALICE)), ("exchange", Code.INSUFFICIENT_DEPOSIT)),
        (withdraw(USDT, 1, sub(BOB, 1)), ("exchange", Code.BAD_SUBACCOUNT)),
        (transfer(USDT, 1, FIRST, SECOND), ("exchange", Code.INSUFFICIENT_DEPOSIT)),
        (transfer(USDT, 1, "", SECOND), ("exchange", Code.INSUFFICIENT_DEPOSIT)),
        (transfer(USDT, 1, FIRST, ""), ("exchange", Code.BAD_SUBACCOUNT)),
        (increase_margin(INJ_PERP, 1, "", sub(ALICE)), ("exchange", Code.POSITION_NOT_FOUND)),
        (increase_margin(INJ_PERP, 0, "", sub(ALICE)), ("exchange", Code.INVALID_AMOUNT)),
        (increase_margin(INJ_USDT, 1, "", sub(ALICE)), ("exchange", Code.DERIVATIVE_MARKET_NOT_FOUND)),
        (increase_margin(INJ_PERP, 1, "", "0x12"), ("exchange", Code.BAD_SUBACCOUNT)),
        (message("injective.exchange.v2.MsgLiquidatePosition", sender=ALICE), ("sdk", 6)),
    ],
)
def test_a_message_fails_in_the_words_of_its_module(ledger, found, expected):
    assert failure(ledger, found) == expected


def test_only_the_signer_speaks_for_an_account(ledger):
    assert failure(ledger, send(USDT, 1, BOB), BOB) == ("sdk", 4)
    assert failure(ledger, create(order(INJ_USDT, "BUY", 9, 1)), BOB) == ("sdk", 4)
    assert failure(ledger, SimpleNamespace(DESCRIPTOR=SimpleNamespace(full_name="x", fields_by_name={}))) == (
        "sdk", 4,
    )  # fmt: skip


def test_margin_can_be_added_from_another_subaccount(ledger):
    more = {"market": True, "derivative": True}
    ledger.execute(create(order(INJ_PERP, "BUY", 11, 1, margin=5), **more), ALICE, BLOCK)
    ledger.end_block(BLOCK)
    ledger.execute(deposit(USDT, 2_500_000, FIRST), ALICE, BLOCK + 1)
    ledger.execute(increase_margin(INJ_PERP, "2.5", FIRST, sub(ALICE)), ALICE, BLOCK + 1)
    assert ledger.positions()[0].margin == D("7.5")
    assert ledger.deposits(FIRST) == {}
    assert ledger.total(USDT) == 2 * 10**12


def test_a_transaction_is_whole_or_nothing(ledger):
    before = ledger.dump()

    def transaction():
        with ledger.atomic():
            ledger.execute(create(order(INJ_USDT, "BUY", 9, 1, cid="one")), ALICE, BLOCK)
            ledger.execute(deposit(USDT, 5, FIRST), ALICE, BLOCK)
            ledger.execute(cancel(INJ_USDT, "two"), ALICE, BLOCK)

    with pytest.raises(Failed):
        transaction()
    assert ledger.dump() == before
    assert ledger.idle
    assert ledger.end_block(BLOCK).changes == ()


def test_a_fee_is_taken_from_the_bank(ledger):
    ledger.debit(ALICE, "inj", 10**20)
    assert ledger.balance(ALICE, "inj") == 10**24 - 10**20
    assert ledger.total("inj") == 2 * 10**24
    with pytest.raises(Failed) as failed:
        ledger.debit(ALICE, "inj", 10**24)
    assert failed.value.code == 5
