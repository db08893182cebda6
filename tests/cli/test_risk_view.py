import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.cli import risk_view
from defi_analytics.risk.limits import RiskLimits
from tests.cli.forms import FORMS, assert_form
from tests.cli.risk_desk import written


@pytest.mark.parametrize("form", FORMS)
def test_status_is_shown_in_every_form(defi, form):
    assert_form(defi("risk", "-o", form), form, risk_view.STATUS, 14)


@pytest.mark.parametrize("form", FORMS)
def test_limits_are_listed_in_every_form(bare, form):
    assert_form(bare("risk", "limits", "-o", form), form, risk_view.LIMITS, len(RiskLimits._fields))


@pytest.mark.parametrize("form", FORMS)
def test_history_tells_halts_resumes_and_more_in_every_form(bare, state, form):
    mainnet = Account("mainnet")
    written(
        state,
        ("risk.equity", {"equity": 1.0}),
        ("risk.equity", {}),
        ("risk.flow", {"amount": 5.0}),
        ("run.started", {}),
        account=mainnet,
    )
    bare("risk", "halt", "--account", "paper", "--network", "mainnet")
    bare("risk", "resume", "--ack", "HALTED")
    ran = bare("risk", "history", "-o", form)
    assert_form(ran, form, risk_view.HISTORY, 4)
    if form == "json":
        assert [row["kind"] for row in ran.rows] == ["unreadable", "flow", "halt", "resume"]


@pytest.mark.parametrize("form", FORMS)
def test_stress_is_shown_in_every_form(defi, form):
    assert_form(defi("risk", "stress", "-o", form), form, risk_view.STRESS, 3)
