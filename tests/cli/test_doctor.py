import re

import msgspec
import pytest

from defi_analytics.cli import doctor
from defi_analytics.cli.schemas import CheckRow
from defi_analytics.sandbox.server import Response
from tests.cli.forms import FORMS, assert_form
from tests.cli.front import DOWN, answering

CHECKS = [
    "python",
    "state folder",
    "free disk",
    "injective-py",
    "clock",
    "key",
    "stop file",
    "injective",
    "hyperliquid",
    "binance",
    "injective-oracle",
    "allora",
]


def checks(ran):
    return {row.name: row for row in msgspec.convert(ran.rows, list[CheckRow])}


def failed(ran):
    return {name for name, row in checks(ran).items() if not row.ok}


@pytest.mark.parametrize("form", FORMS)
def test_checks_are_shown_in_every_form(defi, form):
    assert_form(defi("doctor", "-o", form), form, doctor.COLUMNS, len(CHECKS))


def test_where_all_is_well_nothing_is_to_be_done(defi):
    ran = defi("doctor", "--json")
    rows = checks(ran)
    assert (ran.code, ran.document["ok"], "error" in ran.document) == (0, True, False)
    assert list(rows) == CHECKS
    assert all(row.ok and row.message for row in rows.values())
    assert not any(row.hint for name, row in rows.items() if name != "injective-py")
    assert rows["allora"].message.endswith(", keyless")
    assert "markets in" in rows["injective"].message
    assert "prices, newest" in rows["injective-oracle"].message


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/injective/exchange/", "injective"),
        ("/hyperliquid/", "hyperliquid"),
        ("/binance/api/v3/ticker", "binance"),
        ("/injective/oracle/", "injective-oracle"),
        ("/allora/", "allora"),
    ],
)
def test_one_upstream_down_is_one_failed_check_and_exit_5(defi, background, sandbox, monkeypatch, path, name):
    with answering(background, sandbox, monkeypatch, {path: DOWN}):
        ran = defi("doctor", "--json")
    assert ran.code == ran.error["exit_code"] == 5
    assert (ran.document["ok"], ran.error["message"]) == (False, f"doctor: not well: {name}")
    assert failed(ran) == {name}
    assert "503" in checks(ran)[name].message
    assert checks(ran)[name].hint == "check the network and the URL: defi config show --origin"


def test_an_oracle_without_prices_is_a_failed_check(defi, background, sandbox, monkeypatch):
    empty = Response(body=b'{"price_states": []}')
    with answering(background, sandbox, monkeypatch, {"/injective/oracle/": empty}):
        ran = defi("doctor", "--json")
    assert (ran.code, failed(ran)) == (5, {"injective-oracle"})
    row = checks(ran)["injective-oracle"]
    assert (row.message, row.hint) == ("no prices of known assets", "oracle edges will be missing")


def test_a_key_is_named_but_not_shown(defi, monkeypatch):
    monkeypatch.setenv("ALLORA_API_KEY", "UP-0123456789abcdef01234567")
    ran = defi("doctor", "--json")
    assert checks(ran)["allora"].message.endswith("with a key")
    assert "0123456789abcdef" not in ran.out + ran.err


def test_a_state_folder_that_does_not_exist_yet_is_no_fault(defi, home, monkeypatch):
    monkeypatch.setenv("DEFI_HOME", str(home / "not" / "yet"))
    row = checks(defi("doctor", "--json"))["state folder"]
    assert (row.ok, row.message) == (True, str(home / "not" / "yet"))


@pytest.mark.parametrize("name", ["file", "file/below/it"])
def test_a_state_folder_that_cannot_be_one_is_a_failed_check(defi, home, monkeypatch, name):
    (home / "file").write_text("")
    monkeypatch.setenv("DEFI_HOME", str(home / name))
    ran = defi("doctor", "--json")
    assert ran.code == 9
    assert checks(ran)["state folder"].hint == "set DEFI_HOME to a folder you can write to"


def test_too_little_room_an_old_python_and_a_missing_sdk_are_told(defi, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 2**80)
    monkeypatch.setattr(doctor, "OLDEST_PYTHON", (99, 0))
    monkeypatch.setattr(doctor, "installed", lambda package: "not installed")
    ran = defi("doctor", "--json")
    assert (ran.code, failed(ran)) == (9, {"free disk", "python"})
    assert ran.error["message"] == "this machine is not fit: python, free disk"
    sdk = checks(ran)["injective-py"]
    assert (sdk.ok, sdk.message, sdk.hint) == (True, "not installed", "only needed for signing and gRPC")


def test_settings_that_cannot_be_used_are_exit_3(defi, monkeypatch):
    monkeypatch.setenv("DEFI_SCAN__TOP", "many")
    assert defi("doctor").code == 3


def test_an_account_that_is_traded_here_is_looked_at(defi, state):
    assert defi("run", "--once", "--market", "ATOM/USDT").code == 0
    row = checks(defi("doctor", "--json"))["account paper"]
    assert (row.ok, row.hint) == (True, "")
    assert re.fullmatch("active; its agent: stopped; [0-9]+ records are whole", row.message)
    assert "account paper" not in checks(defi("doctor", "--network", "testnet", "--json"))


def test_an_account_that_is_halted_is_exit_21(defi):
    assert defi("run", "--once", "--market", "ATOM/USDT").code == 0
    assert defi("risk", "halt", "--reason", "news").code == 0
    ran = defi("doctor", "--json")
    row = checks(ran)["account paper"]
    assert (ran.code, failed(ran), ran.error["message"]) == (
        21,
        {"stop file", "account paper"},
        "not trading: stop file, account paper",
    )
    assert row.message.startswith("halted (HALTED: news); its agent: stopped; ")
    assert row.hint == "defi risk status --network sandbox --account paper"


def test_a_journal_that_cannot_be_read_is_an_account_that_does_not_trade(defi, state):
    assert defi("run", "--once", "--market", "ATOM/USDT").code == 0
    journal = state / "accounts" / "sandbox-paper.sqlite"
    journal.write_bytes(b"x" * 4096)
    ran = defi("doctor", "--json")
    assert (ran.code, failed(ran)) == (21, {"account paper"})
    assert checks(ran)["account paper"].hint


@pytest.mark.parametrize("columns", ["80", "160"])
def test_what_to_do_is_told_at_any_width(defi, state, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    state.mkdir(parents=True)
    (state / "STOP").touch()
    ran = defi("doctor", terminal=True)
    assert ("stop file: defi risk resume, or remove it" in ran.err) is (columns == "80")
    assert ("What to do" in ran.out) is (columns == "160")


def test_what_is_to_be_done_about_several_is_told_once(defi, background, sandbox, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    with answering(background, sandbox, monkeypatch, {"/hyperliquid/": DOWN, "/binance/": DOWN}):
        ran = defi("doctor", terminal=True)
    assert "hyperliquid, binance: check the network" in ran.err
