from tests.cli.risk_desk import LIVE, PAPER, items, written


def test_alone_it_is_its_status(defi):
    ran = defi("risk", "--json")
    assert ran.code == 0
    assert ran.rows == defi("risk", "status", "--json").rows
    assert items(ran)["trading", ""]["value"] == "ACTIVE"
    assert items(ran)["equity", ""]["value"] == "1000"
    assert items(ran)["exposure_total", ""] | {"note": ""} == {
        "item": "exposure_total", "about": "", "value": "0", "limit": "3000", "room": "3000",
        "unit": "account currency", "note": "",
    }  # fmt: skip


def test_looking_leaves_no_trace(defi, state):
    defi("risk")
    defi("risk", "stress")
    defi("risk", "history")
    assert not PAPER.folder(state).exists()


def test_an_option_before_the_command_it_is_for_is_refused_not_lost(bare):
    ran = bare("risk", "--json", "limits")
    assert ran.code == 2
    assert "such as: defi risk limits --json" in ran.err


def test_several_accounts_have_to_be_told_apart(defi, state):
    written(state)
    written(state, account=LIVE)
    ran = defi("risk")
    assert ran.code == 2
    assert "paper" in ran.err
    assert defi("risk", "--account", "paper").code == 0
    assert defi("risk", "status", "--account", "paper").code == 0


def test_a_code_is_explained_as_elsewhere(bare):
    assert (
        bare("risk", "explain", "daily-loss", "--json").rows == bare("explain", "DAILY_LOSS", "--json").rows
    )


def test_reducing_is_shown_and_lifted(defi):
    assert defi("risk", "reduce", "--reason", "weekend").code == 0
    ran = defi("risk", "--json")
    assert (ran.code, items(ran)["trading", ""]["value"]) == (0, "REDUCING")
    assert defi("risk", "resume", "--ack", "REDUCE_ONLY").code == 0


def test_nothing_held_is_flat_already(defi):
    [row] = defi("risk", "flatten", "--json").rows
    assert row["message"] == "nothing is held and nothing is open"


def test_flattening_waits_for_no_agent_it_asks_to_stop_it(defi, state):
    with PAPER.lock(state):
        ran = defi("risk", "flatten")
    assert ran.code == 9
    assert "stop it first" in ran.err
