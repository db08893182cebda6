import re
import stat

from defi_analytics import log
from defi_analytics.cli.crash import crash_file


def failing(secret):
    raise ValueError(f"bad {secret} \x1b[2J")


def test_a_crash_file_tells_the_traceback_without_secrets_or_escapes(home, monkeypatch):
    monkeypatch.setattr(log, "_secrets", [])
    log.hide("hunter2-hunter2")
    try:
        failing("hunter2-hunter2")
    except ValueError as error:
        path = crash_file(error)
    assert re.fullmatch(r".*/state/crashes/crash-\d{8}T\d{6}-\d+\.txt", path)
    (found,) = (home / "state" / "crashes").iterdir()
    text = found.read_text()
    assert "hunter2" not in text.replace('failing("hunter2-hunter2")', "")
    assert "\x1b" not in text
    assert "ValueError: bad ***" in text
    assert text.startswith("python 3")
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700


def test_without_defi_home_it_goes_where_state_goes(home, monkeypatch):
    monkeypatch.delenv("DEFI_HOME")
    path = crash_file(ValueError("x"))
    assert path.startswith(str(home / ".local" / "state" / "defi" / "crashes"))


def test_a_bug_is_one_line_and_a_file_for_this_user_alone(bare, home, monkeypatch):
    def broken(package):
        password = "correct-horse"  # noqa: F841 - what a traceback with locals would show
        raise RuntimeError(f"no {package}")

    monkeypatch.setattr("defi_analytics.cli.version.installed", broken)
    ran = bare("version", "--json")
    (found,) = (home / "state" / "crashes").iterdir()
    assert ran.code == ran.error["exit_code"] == 1
    assert ran.error["message"] == "internal error: RuntimeError"
    assert ran.error["hint"] == f"details are in {found}"
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert "RuntimeError: no httpx" in found.read_text()
    assert "password =" not in found.read_text()


def test_a_crash_file_that_cannot_be_written_is_said_to_be_nowhere(home, monkeypatch):
    (home / "file").write_text("")
    monkeypatch.setenv("DEFI_HOME", str(home / "file"))
    assert crash_file(ValueError("x")) == ("nowhere: the crash file could not be written (Not a directory)")
