import pytest

from defi_analytics.cli.audit_rows import ORDER_COLUMNS
from defi_analytics.storage.lock import AccountLock
from tests.cli.forms import FORMS, assert_form
from tests.cli.lived import live


@pytest.mark.parametrize("form", FORMS)
def test_live_orders_are_listed_in_every_form(defi, home, form):
    live(home)
    assert_form(defi("orders", "-o", form), form, ORDER_COLUMNS, 1)
    assert_form(defi("orders", "list", "--all", "-o", form), form, ORDER_COLUMNS, 2)


def test_an_order_tells_its_state_expiry_and_transaction(defi, home):
    live(home)
    (row,) = defi("orders", "--json").rows
    assert (row["client_order_id"], row["state"], row["filled"]) == ("resting-1", "open", "0")
    assert (row["expiry_height"], row["tx_hash"]) == (280_000_000, "TXresting-1")
    assert defi("orders", "show", "tak", "--json").rows[0]["expiry_height"] is None


def test_an_account_without_a_journal_has_no_orders_and_gets_no_journal(defi, home):
    ran = defi("orders", "-o", "table")
    assert (ran.code, "No live orders" in ran.err) == (0, True)
    assert not (home / "state" / "accounts").exists()


@pytest.mark.parametrize(("asked", "said"), [("x", "no order"), ("", "2 orders begin with")])
def test_an_order_that_is_not_one_is_not_found(defi, home, asked, said):
    live(home)
    ran = defi("orders", "show", asked)
    assert (ran.code, said in ran.err) == (8, True)


def test_cancelling_never_races_the_agent(defi, home):
    path = live(home)
    with AccountLock(path.parent, "sandbox", "paper"):
        ran = defi("orders", "cancel", "--all")
    assert (ran.code, "defi agent stop" in ran.err) == (9, True)


def test_what_has_no_proof_in_time_may_still_be_on_the_book(defi, home):
    live(home)
    assert defi("orders", "cancel", "resting-1", "--wait", "0.2s").code == 24


def test_cancelling_needs_to_be_told_what(defi, home):
    live(home)
    assert defi("orders", "cancel").code == 2
    assert defi("orders", "cancel", "a", "--all").code == 2
    assert defi("orders", "cancel", "taken-1").code == 8


def test_nothing_to_cancel_is_done(defi, home):
    ran = defi("orders", "cancel", "--all", "-o", "table")
    assert (ran.code, "nothing to take off the book" in ran.err) == (0, True)
