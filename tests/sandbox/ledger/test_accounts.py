from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.sandbox.ledger.accounts import Accounts, Deposit, Pocket
from defi_analytics.sandbox.ledger.failed import Code, Failed, Sdk
from defi_analytics.sandbox.ledger.tables import Undo
from tests.sandbox.ledger.wire import ALICE, BOB, USDT, sub

D = Decimal
MAIN, OTHER = sub(ALICE), sub(ALICE, 1)


@pytest.fixture
def accounts():
    accounts = Accounts(Undo())
    accounts.credit(ALICE, USDT, 1000)
    return accounts


def test_the_bank_pays_no_more_than_there_is(accounts):
    accounts.debit(ALICE, USDT, 400)
    with pytest.raises(Failed) as failed:
        accounts.debit(ALICE, USDT, 601)
    assert (failed.value.codespace, failed.value.code) == ("sdk", Sdk.INSUFFICIENT_FUNDS)
    assert "spendable balance 600" in failed.value.log
    assert accounts.balances(ALICE) == {USDT: 600}
    assert accounts.balances(BOB) == {}


def test_the_default_subaccount_locks_whole_units_of_the_bank_and_keeps_the_dust(accounts):
    accounts.lock(MAIN, USDT, D("10.25"))
    assert accounts.balance(ALICE, USDT) == 989
    assert accounts.deposit(MAIN, USDT) == Deposit(D("0.75"), D(11))
    accounts.spend(MAIN, USDT, D(10))
    accounts.release(MAIN, USDT, D("0.25"))
    assert accounts.balance(ALICE, USDT) == 990
    assert accounts.deposits(MAIN) == {}


def test_other_subaccounts_lock_their_deposits_and_nothing_of_the_bank(accounts):
    accounts.receive(OTHER, USDT, D("5.5"))
    accounts.lock(OTHER, USDT, D("5.25"))
    assert accounts.deposit(OTHER, USDT) == Deposit(D("0.25"), D("5.5"))
    with pytest.raises(Failed) as failed:
        accounts.lock(OTHER, USDT, D("0.26"))
    assert failed.value.code == Code.INSUFFICIENT_DEPOSIT
    assert accounts.balance(ALICE, USDT) == 1000
    assert accounts.subaccounts() == [OTHER]


def test_a_poor_default_subaccount_fails_for_its_funds(accounts):
    with pytest.raises(Failed) as failed:
        accounts.lock(MAIN, USDT, D("1000.1"))
    assert failed.value.code == Code.INSUFFICIENT_FUNDS
    assert "1000" in failed.value.log
    assert accounts.deposit(MAIN, USDT) == Deposit()


@pytest.mark.parametrize(("who", "have"), [(MAIN, 1000), (OTHER, 7)])
def test_what_can_not_be_paid_is_locked_as_far_as_it_goes(accounts, who, have):
    accounts.receive(OTHER, USDT, D(7))
    assert accounts.lock_up_to(who, USDT, D("2.5")) == D("2.5")
    accounts.release(who, USDT, D("2.5"))
    assert accounts.lock_up_to(who, USDT, D(5000)) == have


def test_pockets_may_be_empty_and_less(accounts):
    accounts.keep(Pocket.MAKERS, USDT, D("-3.5"))
    assert accounts.pocket(Pocket.MAKERS, USDT) == D("-3.5")
    assert accounts.dump()["pockets"] == {f"makers {USDT}": "-3.5"}


amounts = st.decimals("0", "50", places=6)


@given(st.lists(st.tuples(st.sampled_from(["lock", "release", "receive", "pay"]), st.booleans(), amounts)))
def test_no_sequence_of_movements_makes_or_loses_money(steps):
    accounts = Accounts(Undo())
    accounts.credit(ALICE, USDT, 300)
    accounts.keep(Pocket.MAKERS, USDT, D(300))
    locked = {MAIN: D(0), OTHER: D(0)}
    for step, default, amount in steps:
        who = MAIN if default else OTHER
        if step == "receive":
            accounts.receive(who, USDT, amount)
            accounts.keep(Pocket.MAKERS, USDT, -amount)
        elif step == "release":
            freed = min(amount, locked[who])
            accounts.release(who, USDT, freed)
            locked[who] -= freed
        else:
            try:
                getattr(accounts, step)(who, USDT, amount)
            except Failed:
                continue
            if step == "lock":
                locked[who] += amount
            else:
                accounts.keep(Pocket.MAKERS, USDT, amount)
        assert accounts.held(USDT) == 600
        for subaccount, expected in locked.items():
            deposit = accounts.deposit(subaccount, USDT)
            assert 0 <= deposit.available <= deposit.total
            assert deposit.total - deposit.available == expected
        assert accounts.balance(ALICE, USDT) >= 0
