import contextlib
import io
import sqlite3
import sys

import pytest

from defi_analytics.app.accounts import Account, stop_file
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.examined import RULES
from defi_analytics.risk.halting import halt
from defi_analytics.risk.limits import RiskLimits
from tests.cli.risk_desk import PAPER, asked, verdicts, written


def test_an_order_that_passes_shows_every_rule_in_the_gates_order(defi, home):
    ran = defi("risk", "check", "--order", asked(home), "--json")
    assert ran.code == 0
    assert [row["rule"] for row in ran.rows] == [rule.__name__ for rule, _ in RULES]
    assert float(verdicts(ran)["order_notional"]["value"]) >= 17.03
    assert not (home / "state" / "accounts").exists()


def test_an_order_is_read_from_standard_input(defi, monkeypatch):
    text = b"{market: INJ/USDT, side: buy, kind: limit, price: 17.03, quantity: 1, strategy: convergence}"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert defi("risk", "check", "--order", "-").code == 0


def test_an_order_close_to_a_limit_is_warned_of(defi, home):
    ran = defi("risk", "check", "--order", asked(home, quantity=28), "--json")
    assert ran.code == 10
    assert {row["rule"] for row in ran.rows if row["verdict"] == "near"} == {"order_notional"}


def test_an_order_that_is_too_large_is_refused_with_the_limit_and_its_value(defi, home):
    ran = defi("risk", "check", "--order", asked(home, quantity=40), "--json")
    assert ran.code == 20
    assert ran.error["message"].startswith("ORDER_NOTIONAL: ")
    row = verdicts(ran)["order_notional"]
    assert (row["verdict"], row["limit"]) == ("refused", "500")
    assert float(row["value"]) >= 40 * 17.03
    assert (
        "Refused. ORDER_NOTIONAL"
        in defi("risk", "check", "--order", asked(home, quantity=40), terminal=True).err
    )


def test_an_order_while_halted_is_refused(defi, home):
    defi("risk", "halt")
    ran = defi("risk", "check", "--order", asked(home), "--json")
    assert (ran.code, ran.error["message"].partition(":")[0]) == (20, "HALTED")


def test_a_sale_of_what_is_not_held_and_a_stop_are_judged_too(defi, home):
    sale = defi("risk", "check", "--order", asked(home, side="sell", price=17.01, reduce_only=True), "--json")
    assert verdicts(sale)["reduce_only"]["code"] == "REDUCE_ONLY"
    stop = {"market": "INJ/USDT PERP", "kind": "stop", "side": "sell", "trigger": 16.0, "price": 15.9}
    ran = defi("risk", "check", "--order", asked(home, **stop), "--json")
    assert verdicts(ran)["reduce_only"]["code"] == "REDUCE_ONLY"


def test_a_bad_order_is_told_one_line_a_mistake(bare, home):
    ran = bare(
        "risk", "check", "--order", asked(home, market=None, side="long", quantity=-1, foo=1, kind="stop")
    )
    assert ran.code == 2
    for told in (
        "market is missing",
        "side: must be one of",
        "quantity: must be > 0",
        "foo: there is no",
        "stop order needs",
    ):
        assert sum(told in line for line in ran.err.splitlines()) == 1, told


@pytest.mark.parametrize("text", ["", "[]", "{", "7", "\0", "a: 1\na: 2"])
def test_what_is_no_order_at_all_is_refused(bare, home, text):
    (home / "bad.yaml").write_text(text)
    assert bare("risk", "check", "--order", "bad.yaml").code == 2


def test_an_order_off_the_grid_or_of_no_market_is_refused(defi, home):
    ran = defi("risk", "check", "--order", asked(home, price=17.0301, quantity=0.00001))
    assert (ran.code, ran.err.count("is not a multiple of")) == (2, 2)
    assert defi("risk", "check", "--order", asked(home, market="NO/SUCH")).code == 8
    assert defi("risk", "check", "--order", "missing.json").code == 2


def test_every_limit_is_told_with_its_setting_and_its_origin(bare, monkeypatch):
    monkeypatch.setenv("DEFI_MONITORING__RISK_MANAGEMENT__MAX_ORDER", "70")
    rows = {row["name"]: row for row in bare("risk", "limits", "--json").rows}
    assert rows.keys() == set(RiskLimits._fields) - {"max_loss"}, "which nobody asked for"
    order = rows["max_trade_size"]
    assert (order["value"], order["setting"]) == ("70", "monitoring.risk_management.max_order")
    assert order["origin"] == "DEFI_MONITORING__RISK_MANAGEMENT__MAX_ORDER"
    assert rows["max_daily_loss"]["origin"] == "default"
    assert rows["exit_width"]["origin"] == "built in"


def test_a_markets_own_limits_are_shown_where_they_are_tighter(bare, home):
    (home / "own.yaml").write_text(
        "injective:\n  markets:\n    - {id: INJ/USDT, max_trade_size: 50}\n    - {id: ATOM/USDT, max_trade_size: 5000}\n"
    )
    (home / "own.yaml").chmod(0o600)
    rows = [row for row in bare("risk", "limits", "-c", "own.yaml", "--json").rows if row["market"]]
    assert [(row["market"], row["name"], row["value"]) for row in rows] == [
        ("INJ/USDT", "max_trade_size", "50")
    ]


def test_a_halt_stops_every_account_and_says_where(bare, state):
    written(state)
    written(state, account=Account("mainnet"))
    ran = bare("risk", "halt", "--json")
    assert [(row["network"], row["where"], row["done"]) for row in ran.rows] == [
        ("", "stop-file", True),
        ("mainnet", "journal", True),
        ("sandbox", "journal", True),
    ]


def test_a_halt_of_one_network_or_account_is_no_halt_of_the_others(bare, state):
    written(state)
    written(state, account=Account("mainnet"))
    rows = bare("risk", "halt", "--network", "sandbox", "--json").rows
    assert {(row["network"], row["account"]) for row in rows} == {("sandbox", "paper")}
    assert not stop_file(state).exists()
    assert bare("risk", "resume", "--ack", "HALTED", "--network", "sandbox").code == 0
    assert not list(PAPER.folder(state).glob("*STOP"))
    rows = bare("risk", "halt", "--account", "paper", "--json").rows
    assert {row["network"] for row in rows} == {"mainnet", "sandbox"}
    rows = bare("risk", "halt", "--network", "testnet", "--json").rows
    assert {(row["network"], row["account"]) for row in rows} == {("testnet", "paper")}


@pytest.mark.parametrize("words", ["halt", "reduce", "resume --ack HALTED"])
def test_an_account_may_be_stopped_before_its_first_run_and_a_name_nobody_knows_is_told(bare, state, words):
    written(state)
    nobody = ("--account", "paper-nobody", "--network", "sandbox")
    ran = bare("risk", *words.split(), *nobody, "-o", "table")
    assert ran.code == 0
    assert "no run of sandbox paper-nobody yet; accounts with a journal: sandbox paper" in ran.err
    assert ("--network sandbox --account paper-nobody" in ran.err) is ("resume" not in words)
    assert "no run" not in bare("risk", *words.split(), "--account", "paper", "--network", "sandbox").err


@pytest.mark.parametrize("words", ["risk history", "risk limits", "positions", "report", "risk flatten"])
def test_an_account_that_never_was_is_not_found(defi, words):
    ran = defi(*words.split(), "--account", "paper-nobody")
    assert (ran.code, "no run of sandbox paper-nobody yet" in ran.err) == (8, True)


def test_a_halt_with_the_journal_locked_holds_by_the_file_and_warns(bare, state):
    written(state, ("risk.equity", {"equity": 1.0}))
    with contextlib.closing(sqlite3.connect(PAPER.journal(state), isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        ran = bare("risk", "halt")
    assert ran.code == 0
    assert "locked" in ran.err


def test_a_halt_that_cannot_be_made_to_last_is_an_error_that_says_so(bare, state):
    state.write_text("no folder")
    ran = bare("risk", "halt", "--json")
    assert ran.code == ran.error["exit_code"] == 9
    assert "could not be made to last" in ran.error["message"]


def test_resuming_needs_the_code_that_stands(bare, state):
    record = halt(Denial.DRAWDOWN_HARD, "lost a tenth", "risk")
    written(state, (record.kind, record.body), account=Account("mainnet"))
    none = bare("risk", "resume")
    assert (none.code, "--ack has to name what stands, DRAWDOWN_HARD" in none.err) == (2, True)
    wrong = bare("risk", "resume", "--ack", "HALTED")
    assert wrong.code == 21
    assert "what stands is DRAWDOWN_HARD, not HALTED: lost a tenth" in wrong.err
    assert bare("risk", "resume", "--ack", "drawdown-hard", "--rebase-peak").code == 0
    assert bare("risk", "resume", "--ack", "xyz").code == 2
    assert "there is nothing to resume" in bare("risk", "resume").out


def test_a_file_of_somebody_else_is_removed_only_when_told(bare, state):
    state.mkdir()
    stop_file(state).touch()
    assert bare("risk", "resume", "--ack", "HALTED").code == 21
    assert stop_file(state).exists()
    assert bare("risk", "resume", "--ack", "HALTED", "--stop-file").code == 0
    assert not stop_file(state).exists()


def test_reducing_that_cannot_be_written_is_an_error(bare, state):
    state.write_text("no folder")
    ran = bare("risk", "reduce")
    assert ran.code == 9
    assert "defi risk halt" in ran.err or "cannot be" in ran.err


def test_history_begins_where_asked(bare, state):
    bare("risk", "reduce")
    assert len(bare("risk", "history", "--since", "1h", "--json").rows) == 1
    assert bare("risk", "history", "--since", "2100-01-01", "--json").rows == []
    assert bare("risk", "history", "--since", "2100-01-01T00:00:00+02:00", "--json").rows == []
    assert bare("risk", "history", "--since", "yesterday").code == 2


@pytest.mark.parametrize("shock", ["-100%", "x", "2000%", "-1.5", "nan", ""])
def test_a_shock_that_cannot_be_is_refused(bare, shock):
    assert bare("risk", "stress", "--shock", shock).code == 2


def test_an_asset_without_a_price_is_refused(defi):
    ran = defi("risk", "stress", "--asset", "XYZ")
    assert ran.code == 2
    assert "INJ" in ran.err


def test_a_mistake_in_the_settings_does_not_stand_in_the_way_of_a_halt(bare, home):
    (home / "settings.yaml").write_text("scan: {topp: 5}\n")
    ran = bare("risk", "halt", "--reason", "news")
    assert ran.code == 0
    assert stop_file(home / "state").is_file()
    assert "topp" in ran.err
    assert str(home / "state") in ran.err
    assert bare("risk", "resume", "--ack", "HALTED").code == 3


def test_a_home_that_cannot_be_is_halted(defi, home, monkeypatch):
    (home / "link").symlink_to("nowhere")
    monkeypatch.setenv("DEFI_HOME", str(home / "link" / "below"))
    ran = defi("risk", "--json")
    assert (ran.code, ran.error["code"]) == (21, "HALTED")
    assert "RISK_STATE_UNKNOWN" in ran.error["message"]
