import base64
import json
import logging
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics import log

SECRET = "UP-canary/+=0123456789abcdef"
START = datetime(2026, 1, 2, 12, tzinfo=UTC).timestamp()
DAY = 86_400


@pytest.fixture(autouse=True)
def _restored():
    root = logging.getLogger()
    level, known = root.level, list(log._secrets)
    yield
    for handler in [each for each in root.handlers if isinstance(each.formatter, log._Line)]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    log._secrets[:] = known


def configured(home, verbosity=0, **changes):
    settings = {"level": "INFO", "file_path": "logs/defi.log", "rotation": "1 day", "retention": "30 days"}
    log.configure(home=home, verbosity=verbosity, **{**settings, **changes})


def record(text="hello", at=START, level=logging.INFO, exc_info=None):
    made = logging.LogRecord("defi.test", level, "x.py", 1, text, (), exc_info)
    made.created = at
    return made


def handler(path, rotation="1 day", retention="30 days"):
    made = log.RotatingFile(path, log.parse_rotation(rotation), log.parse_duration_s(retention))
    made.setFormatter(log._Line())
    return made


def test_nothing_is_made_before_the_first_record_and_then_only_for_the_owner(tmp_path):
    configured(tmp_path / "home")
    assert not (tmp_path / "home").exists()
    logging.getLogger("defi.test").info("started")
    file = tmp_path / "home" / "logs" / "defi.log"
    assert file.read_text().endswith(f"INFO    defi.test[{os.getpid()}]: started\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_an_absolute_path_is_used_as_it_is_and_an_empty_one_means_no_file(tmp_path):
    configured(tmp_path / "home", file_path=str(tmp_path / "other.log"))
    logging.getLogger("defi.test").warning("one")
    assert (tmp_path / "other.log").exists()
    configured(tmp_path / "home", file_path="")
    logging.getLogger("defi.test").warning("two")
    assert "two" not in (tmp_path / "other.log").read_text()
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(("verbosity", "seen"), [(-1, "E"), (0, "WE"), (1, "IWE"), (2, "DIWE"), (3, "DIWE")])
def test_verbosity_decides_what_stderr_gets(tmp_path, capsys, verbosity, seen):
    configured(tmp_path, verbosity, level="ERROR")
    logger = logging.getLogger("defi.test")
    for call, letter in ((logger.debug, "D"), (logger.info, "I"), (logger.warning, "W"), (logger.error, "E")):
        call("letter-%s", letter)
    out = capsys.readouterr()
    assert out.out == ""
    assert "".join(letter for letter in "DIWE" if f"letter-{letter}" in out.err) == seen
    assert (tmp_path / "logs" / "defi.log").read_text().count("\n") == 1


def test_configuring_twice_writes_each_line_once(tmp_path, capsys):
    configured(tmp_path)
    configured(tmp_path)
    logging.getLogger("defi.test").error("once")
    assert capsys.readouterr().err.count("once") == 1


def test_the_http_libraries_are_kept_from_telling_urls(tmp_path, capsys):
    configured(tmp_path, 2)
    logging.getLogger("httpx").info("GET https://x/?api_key=1")
    logging.getLogger("httpcore.http11").debug("cookie")
    assert capsys.readouterr().err == ""


def test_a_secret_is_hidden_in_every_encoding():
    log.hide(SECRET)
    pairs = base64.b64encode(f"user:{SECRET}:tail".encode()).decode()
    forms = [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        SECRET.encode().hex(),
        "0x" + SECRET.encode().hex().upper(),
    ]
    forms += [
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        SECRET[:12],
        SECRET[-12:],
    ]
    for form in (*forms, pairs):
        shown = log.shown(f"a {form} b")
        assert "***" in shown
        assert "canary" not in shown
        assert form not in shown


@given(
    st.binary(max_size=7),
    st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=16, max_size=40),
    st.binary(max_size=7),
)
def test_base64_hides_a_secret_wherever_it_begins(before, secret, after):
    log._secrets.clear()
    log.hide(secret)
    text = base64.b64encode(before + secret.encode() + after).decode()
    assert "***" in log.shown(text)


def test_too_short_a_secret_would_blank_ordinary_text():
    with pytest.raises(ValueError, match="too short"):
        log.hide("abc")


def test_secrets_do_not_pass_through_arguments_exceptions_or_long_lines(tmp_path, capsys):
    configured(tmp_path, 2, level="DEBUG")
    log.hide(SECRET)
    logger = logging.getLogger("defi.test")
    try:
        int(f"bad key {SECRET}\nsecond {SECRET}")
    except ValueError:
        logger.exception("failed with %r", {"key": SECRET})
    written = capsys.readouterr().err + (tmp_path / "logs" / "defi.log").read_text()
    assert "canary" not in written
    assert "second ***" in written


def test_text_from_outside_can_neither_move_the_cursor_nor_forge_a_line():
    line = log._Line().format(record("a\n2026 ERROR forged\x1b[2J\x9b\u202e\ud800 é"))
    assert "\n" not in line
    assert line.isprintable()
    assert line.endswith("a\\n2026 ERROR forged\\x1b[2J\\x9b\\u202e\\ud800 é")


def test_lines_are_utc_to_the_millisecond():
    assert log._Line().format(record()) == f"2026-01-02T12:00:00.000Z INFO    defi.test[{os.getpid()}]: hello"


@pytest.mark.parametrize(
    ("text", "rotation"),
    [
        ("1 day", (DAY, None)),
        ("12 hours", (43_200, None)),
        ("2weeks", (1_209_600, None)),
        ("10 MB", (None, 10_000_000)),
        ("1 MiB", (None, 1_048_576)),
        ("500 kb", (None, 500_000)),
        ("1 B", (None, 1)),
        ("1 day, 10 MB", (DAY, 10_000_000)),
        ("10 MB,1 day", (DAY, 10_000_000)),
    ],
)
def test_rotation_is_a_duration_or_a_size(text, rotation):
    assert log.parse_rotation(text) == rotation


@pytest.mark.parametrize(
    "text",
    [
        "",
        "day",
        "0 days",
        "-1 day",
        "1.5 days",
        "1 fortnight",
        "10 XB",
        "01 day",
        "9999999 days",
        "\u0661 day",
        "1 day ",
        "1 day, 2 days",
        "1 MB, 2 MB",
        "1 day, 1 MB, 1 day",
        "1 day,",
    ],
)
def test_other_spans_are_refused(text):
    with pytest.raises(ValueError, match="such as"):
        log.parse_rotation(text)
    with pytest.raises(ValueError, match="such as"):
        log.parse_duration_s(text)


def test_a_file_begins_anew_each_day_in_utc(tmp_path):
    file = handler(tmp_path / "a.log")
    file.emit(record("first", START))
    os.utime(file.path, (START, START))
    file.emit(record("same day", START + 3600))
    os.utime(file.path, (START + 3600, START + 3600))
    file.emit(record("next day", START + DAY / 2))
    file.close()
    old = tmp_path / "a.20260103T000000Z.log"
    assert [path.name for path in sorted(tmp_path.iterdir())] == [old.name, "a.log"]
    assert old.read_text().count("\n") == 2
    assert file.path.read_text().endswith("next day\n")


def test_a_file_begins_anew_before_it_outgrows_its_size(tmp_path):
    file = handler(tmp_path / "a.log", "200 B")
    for number in range(20):
        file.emit(record(f"line {number:02}"))
    file.close()
    files = sorted(tmp_path.iterdir())
    assert all(path.stat().st_size <= 200 for path in files)
    lines = sorted(line[-2:] for path in files for line in path.read_text().splitlines())
    assert lines == [f"{number:02}" for number in range(20)]


def test_a_file_begins_anew_at_its_size_or_at_midnight_whichever_is_first(tmp_path):
    file = handler(tmp_path / "a.log", "1 day, 200 B")
    file.emit(record("first", START))
    os.utime(file.path, (START, START))
    file.emit(record("next day", START + DAY))
    for number in range(4):
        os.utime(file.path, (START + DAY, START + DAY))
        file.emit(record(f"line {number:02}" + "x" * 40, START + DAY + 1))
    file.close()
    sizes = {path.name: path.read_text().count("\n") for path in sorted(tmp_path.iterdir())}
    assert sizes["a.20260103T120000Z.log"] == 1
    assert sum(sizes.values()) == 6
    assert len(sizes) == 4


def test_json_lines_hold_the_same_and_hide_the_same(tmp_path, capsys):
    configured(tmp_path, 2, form="json")
    log.hide(SECRET)
    try:
        int(f"bad {SECRET}")
    except ValueError:
        logging.getLogger("defi.test").exception("a\n%s", SECRET)
    for text in (capsys.readouterr().err, (tmp_path / "logs" / "defi.log").read_text()):
        (line,) = text.splitlines()
        told = json.loads(line)
        assert told["message"] == "a\\n***"
        assert (told["level"], told["logger"], told["pid"]) == ("ERROR", "defi.test", os.getpid())
        assert told["at"].endswith("Z")
        assert told["exception"][-1].startswith("ValueError")
        assert "canary" not in text
    logging.getLogger("defi.test").error("plain")
    assert "exception" not in json.loads(capsys.readouterr().err)


def test_a_line_larger_than_the_limit_is_still_written(tmp_path):
    file = handler(tmp_path / "a.log", "10 B")
    file.emit(record("one"))
    file.emit(record("two"))
    file.close()
    assert len(list(tmp_path.iterdir())) == 2


def test_rotated_files_are_forgotten_after_the_retention_and_others_never(tmp_path):
    for name in (
        "a.20251101T000000Z.log",
        "a.20251231T000000Z.log",
        "a.20259999T000000Z.log",
        "a.notes.log",
        "b.20200101T000000Z.log",
    ):
        (tmp_path / name).write_text("x")
    file = handler(tmp_path / "a.log", "30 B")
    file.emit(record("one"))
    file.emit(record("two"))
    file.close()
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [
        "a.20251231T000000Z.log",
        "a.20259999T000000Z.log",
        "a.20260102T120000Z.log",
        "a.log",
        "a.notes.log",
        "b.20200101T000000Z.log",
    ]


def test_a_file_moved_away_by_someone_else_is_opened_again(tmp_path):
    file = handler(tmp_path / "a.log")
    file.emit(record("one"))
    (tmp_path / "a.log").rename(tmp_path / "moved")
    file.emit(record("two"))
    file.close()
    assert (tmp_path / "a.log").read_text().endswith("two\n")


def test_a_rotation_another_process_has_done_is_not_done_again(tmp_path):
    file = handler(tmp_path / "a.log", "60 B")
    file.emit(record("one"))
    due = [True, False]
    file._due = lambda now, more: due.pop(0)
    file.emit(record("two"))
    file.close()
    assert file.path.read_text().count("\n") == 2


def test_several_processes_lose_no_line(tmp_path):
    program = (
        "import logging, sys; from pathlib import Path; from defi_analytics import log\n"
        "log.configure(level='INFO', file_path='a.log', rotation='2 KB', retention='30 days', home=Path(sys.argv[1]), verbosity=-1)\n"
        "for n in range(200): logging.getLogger('x').info('%s-%03d.', sys.argv[2], n)"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    running = [subprocess.Popen([sys.executable, "-c", program, tmp_path, name], env=env) for name in "abc"]
    assert [process.wait() for process in running] == [0, 0, 0]
    text = "".join(path.read_text() for path in tmp_path.iterdir())
    assert text.count("\n") == 600
    assert all(f" {name}-{number:03}." in text for name in "abc" for number in range(200))


def test_a_log_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path, capsys):
    (tmp_path / "a").write_text("a file, not a folder")
    file = handler(tmp_path / "a" / "b.log")
    for _ in range(3):
        file.emit(record())
    file.close()
    assert capsys.readouterr().err.count("\n") == 1


def test_a_link_in_the_place_of_the_log_is_not_followed(tmp_path, capsys):
    (tmp_path / "a.log").symlink_to(tmp_path / "target")
    file = handler(tmp_path / "a.log")
    file.emit(record())
    file.close()
    assert not (tmp_path / "target").exists()
    assert capsys.readouterr().err.startswith("defi: warning: log file ")


def test_a_record_that_cannot_be_formatted_is_told_and_the_next_is_written(tmp_path, capsys):
    file = handler(tmp_path / "a.log")
    broken = record("%d %d")
    broken.args = ("x",)
    file.emit(broken)
    file.emit(record("fine"))
    file.close()
    assert "cannot be formatted" in capsys.readouterr().err
    assert file.path.read_text().endswith("fine\n")


@pytest.mark.parametrize(("verbosity", "plain"), [(-1, True), (0, True), (1, False)])
def test_a_person_gets_the_log_in_the_form_of_every_other_message(tmp_path, capsys, verbosity, plain):
    configured(tmp_path, verbosity)
    logging.getLogger("defi.test").error("it broke")
    assert (capsys.readouterr().err == "defi: error: it broke\n") is plain
    assert " ERROR   defi.test[" in (tmp_path / "logs" / "defi.log").read_text()
