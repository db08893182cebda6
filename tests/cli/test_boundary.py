import json
import os
import random
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
import typer

from tests.cli.harness import command, free_port, process, process_environment
from tests.faults import FaultServer

MARKET_ID = "0xa508cb32923323679f29a032c70342c147c17d0145625922b0ef22e955c844c0"
KEY = "4f3edf983ac636a65a842ce7c78d9aa706d3b113bce9c46f30d7d21715b23b1d"
MNEMONIC = "candy maple cake sugar pudding cream honey rich smooth crumble sweet treat"


@pytest.mark.parametrize(
    "args",
    [
        ["scan", KEY],
        ["scan", f"0X{KEY}"],
        ["scan", f"--against={KEY}"],
        ["scan", "--log-file", KEY],
        ["scan", MNEMONIC],
        ["scan", *MNEMONIC.split()],
        ["scan", f"--size={MNEMONIC}"],
        ["predict", KEY, "--json"],
        [KEY],
    ],
)
def test_what_looks_like_a_key_is_refused_and_never_repeated(bare, home, args):
    ran = bare(*args)
    assert ran.code == 2
    assert "private key" in ran.err
    shown = ran.out + ran.err + "".join(p.read_text() for p in home.rglob("*") if p.is_file())
    assert KEY[:12] not in shown
    assert "candy" not in shown


def test_a_market_id_is_not_taken_for_a_key(defi):
    assert defi("market", "show", MARKET_ID, "--json").rows[0]["market_id"] == MARKET_ID


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (["bogus"], "No such command 'bogus'", "defi --help"),
        (["scn"], "No such command 'scn' (did you mean scan?)", "defi --help"),
        (["market", "lst"], "Did you mean 'list'?", "defi market --help"),
        (["orders", "lst"], "Did you mean 'list'?", "defi orders --help"),
        (["scan", "--bogus"], "No such option: --bogus", "defi scan --help"),
        (["scan", "--top", "0"], "--top", "defi scan --help"),
        (["scan", "--kind", "nonsense"], "--kind", "defi scan --help"),
        (["market"], "a command is missing", "defi market --help"),
        (["market", "book"], "Missing argument", "defi market book --help"),
        (["--bogus"], "No such option", "defi --help"),
    ],
)
def test_a_command_line_that_means_nothing_is_one_line_and_where_to_look(bare, args, message, hint):
    ran = bare(*args)
    assert (ran.code, ran.out) == (2, "")
    error, where = ran.err.splitlines()
    assert error.startswith("defi: error: ")
    assert message in error
    assert where == f"  see: {hint}"


@pytest.mark.parametrize("form", [["--json"], ["-o", "json"], ["--output", "json"], ["--output=json"]])
def test_a_failure_is_also_one_document_where_json_was_asked_for(bare, form):
    ran = bare("scan", "--bogus", *form)
    assert ran.code == 2
    assert not ran.document["ok"]
    assert ran.error["code"] == "USAGE"
    assert ran.error["exit_code"] == 2
    assert ran.error["message"] in ran.err


@pytest.mark.parametrize(
    "form", [["--network", "sandbox"], ["-n", "sandbox"], ["--network=sandbox"], ["-n", "mars"], []]
)
def test_a_failure_names_the_network_that_was_asked_for(bare, form):
    ran = bare("scan", "--bogus", "--json", *form)
    assert ran.document["network"] == ("sandbox" if "sandbox" in "".join(form) else None)


def test_wrong_settings_are_named_one_a_line(bare, home):
    (home / "settings.yaml").write_text("scan:\n  topp: 3\n  min_profit: -1\n")
    ran = bare("scan", "--json")
    assert ran.code == 3
    lines = ran.err.splitlines()
    assert len(lines) == len(ran.error["violations"]) == 2
    assert all("settings.yaml" in line for line in lines)


def test_a_key_file_that_others_may_read_is_refused(bare, home, monkeypatch):
    path = home / "key"
    path.write_text("UP-0123456789abcdef")
    path.chmod(0o644)
    monkeypatch.setenv("DEFI_ALLORA__API_KEY_FILE", str(path))
    monkeypatch.setenv("DEFI_NETWORK", "testnet")
    ran = bare("predict", "BTC", "--json")
    assert ran.code == 4
    assert ran.error["code"] == "AUTH"
    assert "0123456789" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("rst_at_once", 5),
        ("s500", 5),
        ("s429_ra3600", 5),
        ("json_html", 6),
        ("silent", 7),
        ("s404", 8),
        # No key is asked for, so a refusal means this machine and not its secrets.
        ("s403", 5),
    ],
)
def test_how_the_chain_fails_is_told_by_the_exit_code(bare, background, monkeypatch, kind, code):
    server = FaultServer(lambda path, body: b"{}", kind)
    background.call(server.__aenter__())
    try:
        monkeypatch.setenv("DEFI_INJECTIVE__LCD_URL", server.url)
        ran = bare("market", "list", "--json", "--timeout", "0.3" if code == 7 else "5")
    finally:
        background.call(server.__aexit__())
    assert ran.code == code
    assert ran.error["exit_code"] == code
    assert "injective" in ran.error["message"]
    assert len(ran.err.splitlines()) <= 2


def test_a_bug_is_one_line_with_a_private_file_that_tells_the_rest(bare, home, monkeypatch):
    def bug(package):
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr("defi_analytics.cli.version.installed", bug)
    ran = bare("version", "--json")
    assert ran.code == 1
    assert ran.error["code"] == "INTERNAL"
    assert ran.err.splitlines()[0] == "defi: error: internal error: ZeroDivisionError"
    (path,) = (home / "state" / "crashes").iterdir()
    assert str(path) in ran.err
    assert "deep inside" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, typer.Abort])
def test_ctrl_c_is_one_line(bare, monkeypatch, interruption):
    def ask(package):
        raise interruption

    monkeypatch.setattr("defi_analytics.cli.version.installed", ask)
    ran = bare("version")
    assert ran.code == 130
    assert ran.err.strip() == "defi: interrupted"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_signal_ends_a_running_command_with_its_code_and_without_a_traceback(number, code):
    with subprocess.Popen(
        command("sandbox", "--port", "0"),
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["url"]
        running.send_signal(number)
        _, err = running.communicate(timeout=20)
    assert running.returncode == code
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 3


def test_sigterm_at_any_moment_of_a_scan_ends_it_cleanly(sandbox):
    """Also in the midst of one of several tasks, where asyncio would wrap or swallow most exceptions."""
    chance = random.Random(5)
    port = sandbox.url.rpartition(":")[2]
    for _ in range(3):
        with subprocess.Popen(
            command("scan", "--network", "sandbox", "--watch", "0.1", "-o", "ndjson"),
            env=process_environment(DEFI_SANDBOX__PORT=port),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stdout is not None
            assert running.stdout.readline().startswith("{")
            time.sleep(chance.uniform(0.0, 0.4))
            running.terminate()
            _, err = running.communicate(timeout=20)
        assert (running.returncode, err) == (143, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("explain | true", 0),
        ("explain | head -1", 0),
        ("explain >&-", 0),
        ("explain NONSENSE 2>&-", 8),
        ("explain NONSENSE 2>&1 | true", 8),
        ("explain > /dev/full", 9),
        ("explain NONSENSE 2> /dev/full", 8),
        ("explain NONSENSE --json > /dev/full", 1),
        ("scan --network sandbox -o plain > /dev/full", 9),
    ],
)
def test_a_stream_that_nobody_reads_is_no_reason_to_crash(line, code, unbuffered):
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    program, _, rest = line.partition(" ")
    script = f'"$@" {program} {rest}; exit "${{PIPESTATUS[0]}}"'
    ran = subprocess.run(
        ["bash", "-c", script, "bash", *command()],
        env=process_environment(PYTHONUNBUFFERED=unbuffered, DEFI_SANDBOX__PORT=str(free_port())),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == code, ran.stderr
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


def test_a_locale_without_the_characters_is_no_reason_to_crash():
    ran = process("config", "path", "--config", "fär.yaml", PYTHONIOENCODING="ascii")
    assert ran.returncode == 0
    assert "f\\xe4r.yaml" in ran.stdout


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGHUP])
def test_the_handlers_of_signals_are_put_back(bare, kind):
    before = signal.getsignal(kind)
    bare("version")
    assert signal.getsignal(kind) is before


def test_a_crash_that_cannot_be_written_down_is_still_one_line(bare, home, monkeypatch):
    def bug(package):
        raise ZeroDivisionError

    (home / "file").write_text("")
    monkeypatch.setenv("DEFI_HOME", str(home / "file" / "below"))
    monkeypatch.setattr("defi_analytics.cli.version.installed", bug)
    ran = bare("version")
    assert ran.code == 1
    assert "could not be written (Not a directory)" in ran.err
    assert [path.name for path in home.iterdir()] == ["file"]


def test_sigterm_ends_a_command_also_where_ctrl_c_is_ignored():
    """As in the background of a script."""
    with subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command("sandbox", "--port", "0")],
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        running.terminate()
        running.communicate(timeout=20)
    assert running.returncode == 143


def test_everything_that_is_made_is_the_users_alone_and_what_was_there_stays_as_it_was(
    defi, home, monkeypatch
):
    shared = home / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    monkeypatch.setenv("DEFI_HOME", str(shared / "new" / "state"))
    before = os.umask(0o022)
    try:
        status = home / "deep" / "er" / "status.json"
        defi("run", "--once", "--status-file", str(status), "--market", "ATOM/USDT")
        assert (defi("risk", "halt").code, os.umask(0o022)) == (0, 0o022)
    finally:
        os.umask(before)
    made = [*shared.rglob("*"), status, status.parent, status.parent.parent]
    assert len(made) > 8
    assert {stat.S_IMODE(p.stat().st_mode) for p in made if p.is_dir()} == {0o700}
    assert {stat.S_IMODE(p.stat().st_mode) for p in made if p.is_file()} == {0o600}
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
