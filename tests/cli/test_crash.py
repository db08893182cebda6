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
