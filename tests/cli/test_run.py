"""`defi run` as a person or a script meets it, in a process of its own where signals matter."""

import json
import re
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.sandbox.sandbox import Sandbox
from tests.cli.harness import Defi, command, process_environment

FAST = ("--cycles", "2", "--interval", "50ms", "--market", "INJ/USDT")


@pytest.fixture(scope="module")
def moving(background):
    """Blocks go on here, or nothing that is sent would ever be proven."""
    sandbox = Sandbox(58, WallClock(), block_s=0.05)
    background.call(sandbox.__aenter__())
    yield sandbox
    background.call(sandbox.__aexit__())


@pytest.fixture
def run(moving, monkeypatch, capsys):
    monkeypatch.setenv("DEFI_SANDBOX__PORT", moving.url.rpartition(":")[2])
    monkeypatch.setenv("DEFI_NETWORK", "sandbox")
    # What other tests left in this process is no matter here.
    monkeypatch.setenv("DEFI_RUN__MEMORY_WARNING_MB", "1000000")
    defi = Defi(capsys)
    return lambda *args, **how: defi("run", *args, **how)


def test_rows_in_a_pipe_have_one_header_above_them(run):
    ran = run(*FAST)
    lines = ran.out.splitlines()
    assert ran.code == 0
    assert [line.split("\t")[0] for line in lines] == ["Round", "1", "2"]
    assert "Ctrl-C ends the run in order" in ran.err
    assert run(*FAST, "--quiet").err == ""
    log = Path("state/logs/defi.log").read_text()
    assert "paper: convergence, oracle, prediction on 1 market of sandbox" in log
    assert " GET " not in log
    assert run(*FAST, "--no-header").out.splitlines()[0].startswith("1\t")


def test_each_round_is_a_line_of_json(run):
    rows = [json.loads(line) for line in run(*FAST, "-o", "ndjson").out.splitlines()]
    assert [row["cycle"] for row in rows] == [1, 2]
    assert {row["trading"] for row in rows} == {"active"}


def test_one_document_holds_every_round_and_says_that_it_is_paper(run):
    document = run(*FAST, "--json").document
    assert (document["execution"], [row["cycle"] for row in document["data"]]) == ("paper", [1, 2])


def test_a_document_without_an_end_is_refused(run):
    ran = run("--json")
    assert (ran.code, ran.error["hint"]) == (2, "use -o ndjson")


@pytest.mark.parametrize("columns", ["60", "100"])
def test_a_terminal_gets_a_line_a_round_and_how_to_end_it(run, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    ran = run(*FAST, terminal=True)
    header, *lines = ran.out.splitlines()
    assert header.split()[:4] == ["Time", "Round", "Trading", "Equity"]
    assert [line[:2] != "  " for line in lines].count(True) == 2
    assert max(map(len, lines)) <= int(columns)
    assert re.search(r"nothing to do: \d of 3 stand|INJ/USDT [a-z]+: ", " ".join(ran.out.split()))
    assert "Ctrl-C ends the run in order" in ran.err


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--strategy", "nope"], 2, "there are convergence, oracle, prediction"),
        (["--market", "FOO/BAR"], 8, "no market 'FOO/BAR'"),
        (["--on-exit", "panic"], 2, "one of cancel, keep, flatten"),
        (["--once", "--cycles", "2"], 2, "give one of the two"),
        (["--max-loss", "nan"], 2, "'--max-loss': 'nan' is not a number"),
        (["--max-loss", "0"], 2, "'0' is out of range: it must be more than 0"),
        (["--max-notional", "-5"], 2, "'-5' is out of range: it must be more than 0"),
        (["--max-notional", "inf"], 2, "'--max-notional': 'inf' is not a number"),
        (["--confirm-mainnet", "inj1x"], 2, "on paper on sandbox: leave it out"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_a_code(run, args, code, said):
    ran = run("--plan", *args) if "--once" not in args else run(*args)
    assert ran.code == code
    assert said in ran.err
    assert ran.out == ""


def test_a_plan_leaves_no_trace(run, home):
    ran = run("--plan", "-o", "ndjson", "--market", "INJ/USDT")
    [row] = [json.loads(line) for line in ran.out.splitlines()]
    assert {order["state"] for order in row["orders"]} <= {"planned"}
    assert ran.code == 0
    again = run("--plan", "-o", "ndjson", "--market", "INJ/USDT")
    assert json.loads(again.out)["equity"] == row["equity"]


def test_why_trading_is_halted_is_in_the_line_and_in_the_document(run, home):
    (home / "state").mkdir(exist_ok=True)
    (home / "state" / "STOP").touch()
    ran = run("--once", "--market", "INJ/USDT")
    assert ran.code == 21
    assert "halted: the file" in ran.out
    assert "trading is halted: the file" in ran.err
    (home / "state" / "STOP").unlink()
    document = run("--once", "--market", "INJ/USDT", "--json").document
    assert document["error"]["code"] == "HALTED"
    assert "STOP is there" in document["data"][0]["halted_because"]


def test_a_network_that_cannot_be_reached_is_one_line(run, monkeypatch):
    # Nobody listens on port 9 of the loopback interface.
    monkeypatch.setenv("DEFI_NETWORK", "mainnet")
    monkeypatch.setenv("DEFI_INJECTIVE__LCD_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DEFI_HTTP__ATTEMPTS", "1")
    ran = run("--once")
    assert (ran.code, len(ran.err.splitlines())) == (5, 1)


def started(*args, **how):
    return subprocess.Popen(
        command("run", "--market", "INJ/USDT", "-o", "ndjson", *args),
        env=how.pop("env", None) or process_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order_after_what_is_under_way(run, kind):
    child = started("--interval", "30s")
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["cycle"] == 1
    child.send_signal(kind)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (0, "")
    assert "Traceback" not in err


@pytest.mark.parametrize(("kind", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_it_while_what_was_sent_has_no_proof(defi, home, kind, code):
    # No block is made in a held sandbox, so what was sent stays without proof, and the run waits for it.
    child = started()
    journal = home / "state" / "accounts" / "sandbox-paper.sqlite-wal"
    while not (journal.exists() and b"signed" in journal.read_bytes()):
        time.sleep(0.05)
    child.send_signal(kind)
    time.sleep(0.5)
    assert child.poll() is None, "the first one waits for what is under way"
    child.send_signal(kind)
    out, err = child.communicate(timeout=30)
    assert child.returncode == code
    assert out.count("\n") <= 1, "no round after the one that was under way"
    assert "Traceback" not in err


def test_a_reader_who_goes_away_does_not_end_it(run, home):
    child = started("--interval", "100ms")
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    told = home / "state" / "accounts" / "sandbox-paper.status.json"
    wait_until(lambda: json.loads(told.read_text())["cycle"]["number"] > 4)
    child.send_signal(signal.SIGTERM)
    assert child.stderr is not None
    err = child.stderr.read()
    child.stderr.close()
    assert child.wait(30) == 0
    assert "the run goes on without it" in err
    assert "Traceback" not in err


def test_a_journal_that_disappears_ends_it(run, home):
    child = started("--interval", "100ms")
    assert child.stdout is not None
    child.stdout.readline()
    journal = home / "state" / "accounts" / "sandbox-paper.sqlite"
    journal.rename(home / "aside.sqlite")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 9
    assert "was moved away" in err


def wait_until(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_sandbox_that_ends_with_the_run_is_told_of(bare, monkeypatch, run):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DEFI_SANDBOX__PORT", str(free.getsockname()[1]))
        assert "start `defi sandbox` first" in bare("run", "--once", "--market", "INJ/USDT").err
        ran = bare("positions", "--json")
        assert (ran.code, len(ran.rows)) == (0, 1)
        assert "start `defi sandbox` before" in ran.err


def test_a_full_disk_is_one_line_and_a_code(run):
    small = 100 * 1024
    # What measures coverage would write a file of its own, and say that it cannot.
    unmeasured = {k: v for k, v in process_environment().items() if not k.startswith("COVERAGE")}
    child = started(
        "--interval",
        "50ms",
        env=unmeasured,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (small, small)),
    )
    _, err = child.communicate(timeout=60)
    assert child.returncode == 9
    assert "Traceback" not in err
    assert "the disk is full" in err
