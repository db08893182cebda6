import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.cli import risk_view
from defi_analytics.risk.limits import RiskLimits
from tests.cli.forms import FORMS, assert_form
from tests.cli.risk_desk import written


@pytest.mark.parametrize("form", FORMS)
def test_status_is_shown_in_every_form(defi, form):
    assert_form(defi("risk", "-o", form), form, risk_view.STATUS, 16)


@pytest.mark.parametrize("form", FORMS)
def test_limits_are_listed_in_every_form(bare, form):
    asked_for = len(RiskLimits._fields) - 1
    assert_form(bare("risk", "limits", "-o", form), form, risk_view.limits("USDT"), asked_for)


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
    bare("risk", "resume", "--ack", "RISK_STATE_UNKNOWN")
    ran = bare("risk", "history", "-o", form)
    assert_form(ran, form, risk_view.history("USDT"), 4)
    if form == "json":
        assert [row["kind"] for row in ran.rows] == ["unreadable", "flow", "halt", "resume"]


@pytest.mark.parametrize("form", FORMS)
def test_stress_is_shown_in_every_form(defi, form):
    assert_form(defi("risk", "stress", "-o", form), form, risk_view.stress("USDT"), 3)


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("command", ["status", "limits"])
def test_risk_fits_a_terminal_as_a_table(defi, monkeypatch, command, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = defi("risk", command, "-o", "table").out.splitlines()
    assert max(map(len, lines)) <= columns
    assert not [line for line in lines if line.startswith(("Item:", "Limit:", "Value:"))]
    assert len(lines) < (35 if command == "status" else 70)


def test_people_read_per_cent_plain_counts_and_the_currencys_name(defi):
    status, limits = (defi("risk", name, "-o", "table").out for name in ("status", "limits"))
    for machine in ("fraction", "account currency", "50 trades", "3 positions", "max_", "day_loss"):
        assert machine not in status + limits.partition("Setting")[0]
    assert "3,000 USDT" in status
    assert "3 %" in status
    assert "5 min" in limits
    assert "fraction" in defi("risk", "limits", "-o", "plain").out


def test_a_markets_own_limit_names_it_where_the_columns_are_few(bare, home, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    (home / "settings.yaml").write_text("injective: {markets: [{id: INJ/USDT, max_trade_size: 5}]}\n")
    assert "Max trade size on INJ/USDT" in bare("risk", "limits", "-o", "table").out


@pytest.mark.parametrize("columns", ["60", "80"])
def test_a_halt_is_read_with_what_lifts_it(defi, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    defi("risk", "halt", "--reason", "news")
    words = " ".join(defi("risk", "-o", "table").out.split())
    assert "Trading HALTED; " in words
    assert "Worst loss today" in words
    assert "Code HALTED; to lift it: defi risk resume --ack HALTED" in words
