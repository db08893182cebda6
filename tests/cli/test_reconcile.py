import pytest

from defi_analytics.cli.audit_rows import DIFFERENCE_COLUMNS
from defi_analytics.storage.lock import AccountLock
from tests.cli.forms import FORMS, assert_form
from tests.cli.lived import live


@pytest.mark.parametrize("form", FORMS)
def test_an_account_that_agrees_has_no_rows_and_exit_0(defi, home, form):
    live(home)
    assert_form(defi("reconcile", "-o", form), form, DIFFERENCE_COLUMNS, 0)
    assert "agree (orders 1, positions 0, assets 2, fills 1)" in defi("reconcile", "-o", "table").err


def test_a_difference_is_told_to_the_unit_with_exit_22_and_how_to_accept_it(defi, home):
    live(home, balances="1000.5")
    ran = defi("reconcile", "--json")
    assert ran.code == 22
    (row,) = ran.rows
    assert (row["code"], row["about"], row["gap"], row["unit"]) == ("BALANCE", "USDT", "-0.5", "USDT")
    said, _, command = ran.error["hint"].partition("? ")
    assert said == "your own deposit, withdrawal or trade"
    assert command == "defi reconcile --accept-flow USDT=-0.5 --network sandbox --account paper"
    assert defi(*command.split()[1:]).code == 0, "it can be typed as it stands"


def test_a_flow_is_accepted_only_whole_and_only_while_no_agent_runs(defi, home):
    path = live(home, balances="1000.5")
    assert defi("reconcile", "--accept-flow", "USDT=-0.4").code == 22
    assert defi("reconcile", "--accept-flow", "INJ=1").code == 22
    with AccountLock(path.parent, "sandbox", "paper"):
        assert defi("reconcile", "--accept-flow", "USDT=-0.5").code == 9
    assert defi("reconcile").code == 22
    assert defi("reconcile", "--accept-flow", "usdt=-0.5").code == 0
    assert defi("reconcile").code == 0


def test_what_came_in_is_told_and_is_no_reason_to_exit_with_22(defi, home):
    live(home, balances="999.5")
    ran = defi("reconcile", "--json")
    assert ran.code == 0
    (row,) = ran.rows
    assert (row["code"], row["gap"], row["refuses"]) == ("RECEIVED", "0.5", False)


@pytest.mark.parametrize("flows", [["USDT"], ["USDT=much"], ["USDT=1", "usdt=2"]])
def test_a_flow_is_an_asset_and_an_amount(defi, flows):
    given = [word for flow in flows for word in ("--accept-flow", flow)]
    assert defi("reconcile", *given).code == 2


def test_a_difference_without_a_balance_has_no_flow_to_accept(defi, home, monkeypatch):
    from defi_analytics.engine.paper import PaperChain

    live(home)
    monkeypatch.setattr(PaperChain, "_resting", lambda self: [])
    ran = defi("reconcile", "--json")
    assert (ran.code, ran.rows[0]["code"]) == (22, "ORDER_MISSING")
    assert "look again in a minute" in ran.error["hint"]
