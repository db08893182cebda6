import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.cli import agent
from tests.cli.harness import ROOT
from tests.cli.lived import ACCOUNT, live
from tests.cli.risk_desk import LIVE, written

HOLDER = """\
import signal, sys
from pathlib import Path
from defi_analytics.storage.lock import AccountLock
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with AccountLock(Path(sys.argv[1]), "sandbox", "paper"):
    print("held", flush=True)
    signal.pause() if sys.argv[2] != "deaf" else [signal.pause() for _ in iter(int, 1)]
"""
TOLD = {
    "state": "running",
    "cycle": {"number": 7, "took_s": 9.0, "error": "slow\x1b[2J"},
    "process": {"usual_cycle_s": 1.0, "cycles": 7},
    "errors_in_a_row": 2,
    "trading": "halted",
    "equity": 999.5,
    "live_orders": 1,
}


@pytest.fixture
def holder(home):
    """Starts a process that holds the account, as an agent does."""
    running = []

    def hold(how="polite"):
        folder = home / "state" / "accounts"
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        made = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder), how], env=env, stdout=subprocess.PIPE
        )
        running.append(made)
        assert made.stdout.readline() == b"held\n"
        return made

    yield hold
    for made in running:
        made.kill()
        made.wait()
        made.stdout.close()


def tell(home, **changes):
    path = ACCOUNT.journal(home / "state").with_suffix(".status.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**TOLD, **changes}))


def test_a_running_agent_tells_what_it_costs_and_why_it_is_degraded(defi, home, holder):
    live(home)
    made = holder()
    tell(home, pid=made.pid)
    ran = defi("agent", "status", "--json")
    (row,) = ran.rows
    assert (ran.code, row["state"], row["pid"], row["cycle"]) == (0, "running", made.pid, 7)
    assert row["rss_bytes"] > 1_000_000
    assert row["cpu_s"] is not None
    assert len(row["degraded"]) == 3
    assert (row["equity"], row["last_error"], row["live_orders"]) == ("999.5", "slow[2J", 1)
    assert row["records"][-1].endswith("resolved")


@pytest.mark.parametrize(
    ("changes", "state"), [({}, "died"), ({"state": "ended"}, "stopped"), (None, "never ran")]
)
def test_an_agent_that_does_not_run_is_exit_9_and_told_how_it_went(defi, home, changes, state):
    if changes is not None:
        tell(home, **changes)
    ran = defi("agent", "status", "--json")
    assert (ran.code, ran.rows[0]["state"], ran.error["code"]) == (9, state, "WRONG_STATE")
    assert ("defi agent logs" in ran.error["hint"]) is (state == "died")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"cycle": 1, "process": [], "equity": "x", "trading": 3}'])
def test_a_status_file_that_is_not_whole_hides_nothing_and_breaks_nothing(defi, home, text):
    tell(home)
    ACCOUNT.journal(home / "state").with_suffix(".status.json").write_text(text)
    assert defi("agent", "status", "--json").code == 9


def test_an_agent_is_ended_in_order_and_waited_for(defi, home, holder):
    live(home)
    made = holder()
    ran = defi("agent", "stop", "-o", "table")
    assert (ran.code, made.wait(5)) == (0, -signal.SIGTERM)
    assert f"Process {made.pid} has ended; 1 orders" in ran.err
    assert defi("agent", "stop").code == 9


def test_a_mistake_in_the_settings_does_not_keep_an_agent_alive(defi, home, holder):
    (home / "settings.yaml").write_text("scan: {topp: 5}\n")
    live(home)
    made = holder()
    ran = defi("agent", "stop")
    assert (ran.code, made.wait(5)) == (0, -signal.SIGTERM)
    assert "topp" in ran.err


def test_an_agent_that_takes_longer_is_told_as_still_ending(defi, home, holder):
    made = holder("deaf")
    ran = defi("agent", "stop", "--wait", "0.3s")
    assert (ran.code, made.poll()) == (9, None)
    assert "still at it" in ran.err


def test_the_end_of_the_log_is_shown(defi, home):
    log = home / "state" / "logs" / "defi.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"".join(b"line %d\x1b[2J\n" % number for number in range(20_000)))
    shown = defi("agent", "logs", "--lines", "4").out.splitlines()
    assert [line for line in shown if "\x1b" in line] == []
    assert "line 19999\\x1b[2J" in shown
    assert len(defi("agent", "logs", "--lines", "9", "--json").rows) == 9


def test_no_log_is_not_found(defi, monkeypatch):
    monkeypatch.setenv("DEFI_LOGGING__FILE_PATH", "")
    assert defi("agent", "logs").code == 8


def test_following_shows_what_is_added_until_interrupted(defi, home, monkeypatch):
    monkeypatch.setattr(agent, "_LOOK_S", 0.02)
    log = home / "state" / "logs" / "defi.log"
    log.parent.mkdir(parents=True)
    log.write_text("old\n")

    def later():
        time.sleep(0.8)
        with log.open("a") as file:
            file.write("new\n")
        time.sleep(0.4)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=later)
    thread.start()
    ran = defi("agent", "logs", "--follow", "--lines", "0")
    thread.join()
    assert (ran.code, "new" in ran.out, "old" in ran.out) == (130, True, False)


def test_of_several_accounts_each_is_a_row_and_the_one_that_runs_is_the_one_to_end(defi, home, holder):
    live(home)
    written(home / "state", account=LIVE)
    written(home / "state", account=Account("testnet"))
    made = holder()
    tell(home, pid=made.pid, markets=["INJ/USDT", "WETH/USDT"])
    ran = defi("agent", "status", "--json")
    told = [(row["network"], row["account"], row["state"]) for row in ran.rows]
    assert told == [
        ("sandbox", LIVE.address, "never ran"),
        ("sandbox", "paper", "running"),
        ("testnet", "paper", "never ran"),
    ]
    assert ran.rows[1]["markets"] == ["INJ/USDT", "WETH/USDT"]
    assert "never ran" in defi("agent", "status", "--network", "sandbox", "-o", "table").out
    assert defi("agent", "status", "--account", LIVE.address).code == 9
    assert (defi("agent", "stop").code, made.wait(5)) == (0, -signal.SIGTERM)
    ran = defi("agent", "status", "--json")
    assert (ran.code, "paper on testnet" in ran.error["message"]) == (9, True)
    ran = defi("agent", "stop")
    assert (ran.code, "no agent runs" in ran.err, "testnet" in ran.err) == (9, True, False)


def test_of_several_agents_one_has_to_be_named_to_end_it(defi, home, holder):
    written(home / "state", account=LIVE)
    live(home)
    with LIVE.lock(home / "state"):
        holder()
        ran = defi("agent", "stop")
    assert (ran.code, "several accounts of sandbox" in ran.err) == (2, True)


def test_an_agent_is_asked_about_without_a_network(bare, home, monkeypatch):
    monkeypatch.setenv("DEFI_NETWORK", "sandbox")
    live(home)
    for words in (["status"], ["stop"]):
        assert bare("agent", *words).code == 9
    assert not (home / "state" / "logs").exists()
