import pytest

from tests.cli.front import DOWN, answering
from tests.cli.holding import held_of
from tests.cli.risk_desk import LIVE, PAPER, items, written


def test_what_is_held_is_shown_with_its_exposure_and_the_room_left(defi, state, sandbox):
    held_of(state, PAPER, sandbox.url, "INJ/USDT", "10")
    found = items(defi("risk", "--json"))
    assert found["position", "INJ/USDT"]["value"] == "10"
    assert found["position", "INJ/USDT"]["note"] == "of convergence"
    total = found["exposure_total", ""]
    assert float(total["room"]) == pytest.approx(3000 - float(total["value"]))
    assert float(found["exposure_asset", "INJ"]["value"]) > 100
    assert float(found["exposure_market", "INJ spot"]["value"]) > 100
    assert found["active_positions", ""]["value"] == "1"


def test_a_perpetual_is_shown_under_its_own_name(defi, state, sandbox):
    held_of(state, PAPER, sandbox.url, "INJ/USDT PERP", "10")
    found = items(defi("risk", "--json"))
    assert ("exposure_market", "INJ/USDT PERP") in found
    assert float(defi("risk", "stress", "--shock", "-20%", "--json").rows[0]["change"]) < -20


def test_an_order_without_proof_and_a_cooldown_are_shown(defi, state, sandbox):
    held_of(state, PAPER, sandbox.url, "INJ/USDT", "10", proven=False)
    found = items(defi("risk", "--json"))
    assert found["unresolved", ""]["value"] == "1"
    [order] = [row for (item, _), row in found.items() if item == "unresolved_order"]
    assert order["note"].startswith("INJ/USDT; until block ")
    held_of(state, LIVE, sandbox.url, "INJ/USDT", "10", left=True)
    ran = defi("risk", "status", "--account", LIVE.address, "--json")
    assert items(ran)["cooldown", "INJ/USDT"]["limit"] == "300"


def test_a_halt_shows_why_since_when_by_whom_and_how_to_lift_it(defi):
    assert defi("risk", "halt", "--reason", "news").code == 0
    ran = defi("risk", "--json")
    assert ran.code == ran.error["exit_code"] == 21
    assert ran.error["hint"] == (
        "if that is settled: defi risk resume --ack HALTED --network sandbox --account paper"
    )
    found = {item: row for (item, _), row in items(ran).items()}
    assert found["trading"]["value"] == "HALTED"
    assert found["code"]["note"] == (
        "to lift it: defi risk resume --ack HALTED --network sandbox --account paper"
    )
    assert found["stop_file"]["value"] == "there"


def test_a_drawdown_since_the_last_round_is_shown_before_an_agent_finds_it(defi, state):
    written(state, ("risk.equity", {"equity": 1100.0}))
    found = items(defi("risk", "--json"))
    assert float(found["drawdown_hard", ""]["value"]) == pytest.approx(1 / 11, abs=1e-6)
    assert float(found["drawdown_hard", ""]["room"]) < 0


def test_what_losses_are_fractions_of_is_said(defi, state, monkeypatch):
    whole = items(defi("risk", "--json"))["capital", ""]
    assert (whole["value"], whole["note"]) == ("whole account", "losses are measured by it")
    monkeypatch.setenv("DEFI_MONITORING__RISK_MANAGEMENT__CAPITAL", "100")
    later = items(defi("risk", "--json"))["capital", ""]
    assert later["note"] == "losses are measured by it; the next run: 100"
    written(
        state, ("risk.equity", {"equity": 1000.0}), ("risk.capital", {"equity": 1000.0, "amount": 100.0}),
        ("risk.equity", {"equity": 998.0}),
    )  # fmt: skip
    found = items(defi("risk", "--json"))
    given = found["capital", ""]
    assert (given["value"], given["unit"]) == ("100", "account currency")
    assert given["note"] == "losses are measured by it; 900 of the equity lies apart"
    assert float(found["day_loss", ""]["value"]) == pytest.approx(0.02)
    assert found["day_loss", ""]["note"] == ""
    monkeypatch.setenv("DEFI_MONITORING__RISK_MANAGEMENT__DAILY_LOSS", "0.015")
    assert items(defi("risk", "--json"))["day_loss", ""]["note"] == "reached: only what reduces passes"
    assert found["exposure_total", ""]["limit"] == "100"
    monkeypatch.delenv("DEFI_MONITORING__RISK_MANAGEMENT__CAPITAL")
    assert items(defi("risk", "--json"))["capital", ""]["note"].endswith("; the next run: whole account")


def test_a_silent_venue_leaves_what_the_journal_knows_and_is_said(
    defi, state, background, sandbox, monkeypatch
):
    written(state, ("risk.equity", {"equity": 950.0}))
    with answering(background, sandbox, monkeypatch, {"markets": DOWN}):
        ran = defi("risk", "--json")
    found = items(ran)
    assert ran.code == 0
    assert (found["equity", ""]["value"], found["equity", ""]["note"]) == ("950", "as the journal had it")
    assert found["exposure_total", ""]["value"] is None
    assert found["exposure_total", ""]["note"] == "not known: the venue is silent"
    assert len(ran.document["warnings"]) == 1


@pytest.mark.parametrize("harm", [b"", b"x" * 5000])
def test_a_journal_that_cannot_be_read_is_halted_never_fine(defi, state, harm):
    written(state, ("risk.equity", {"equity": 950.0}))
    PAPER.journal(state).write_bytes(harm)
    for path in PAPER.folder(state).glob("*-wal"):
        path.unlink()
    ran = defi("risk", "--json")
    assert ran.code == 21
    assert items(ran)["trading", ""]["value"] == "HALTED"
    assert items(ran)["code", ""]["value"] == "RISK_STATE_UNKNOWN"


def test_a_record_that_nobody_can_read_is_halted_too(defi, state):
    written(state, ("risk.newer", {}))
    ran = defi("risk", "--json")
    assert (ran.code, items(ran)["code", ""]["value"]) == (21, "RISK_STATE_UNKNOWN")


def test_a_fall_is_told_by_what_it_costs_and_breaks(defi, state, sandbox):
    held_of(state, PAPER, sandbox.url, "INJ/USDT", "20")
    small, large = defi("risk", "stress", "--shock", "-1%", "--shock", "-0.3", "--json").rows
    assert small["breaches"] == []
    assert large["breaches"][0]["code"] == "DRAWDOWN_HARD"
    assert float(large["change"]) == pytest.approx(30 * float(small["change"]), rel=1e-3)
    assert "DRAWDOWN_HARD" in defi("risk", "stress", "--shock", "-30%").out
    [other] = defi("risk", "stress", "--shock", "-30%", "--asset", "eth", "--json").rows
    assert float(other["change"]) == 0
