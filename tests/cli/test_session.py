import logging
import stat

import pytest

from defi_analytics.cli.session import Session
from defi_analytics.errors import WrongState


def test_a_key_in_the_environment_is_warned_of_once_where_it_is_needed_and_never_shown(
    defi, monkeypatch, home
):
    monkeypatch.setenv("ALLORA_API_KEY", "UP-sesame-sesame")
    ran = defi("doctor", "--json")
    assert ran.code == 0
    assert ran.err.count("ALLORA_API_KEY") == 1
    assert defi("doctor", "-q", "--json").err == ""
    everything = ran.out + ran.err + "".join(p.read_text() for p in home.rglob("*.log"))
    assert "sesame" not in everything


def test_the_log_goes_where_it_is_told_and_is_private(bare, home, monkeypatch):
    monkeypatch.setenv("DEFI_LOGGING__LEVEL", "DEBUG")
    monkeypatch.setattr("defi_analytics.cli.topics._topics", noisy)
    ran = bare("topics", "list", "--log-file", str(home / "a.log"), "-v")
    assert ran.code == 0
    assert "hello from a test" in ran.err
    assert "hello from a test" in (home / "a.log").read_text()
    assert stat.S_IMODE((home / "a.log").stat().st_mode) == 0o600


async def noisy(app, refresh):
    logging.getLogger("test").info("hello from a test")
    return app.topic_list()


@pytest.mark.parametrize(("flags", "said"), [(["-q"], False), ([], False), (["-v"], True), (["-vv"], True)])
def test_verbosity_decides_what_standard_error_gets(bare, monkeypatch, flags, said):
    monkeypatch.setattr("defi_analytics.cli.topics._topics", noisy)
    assert ("hello from a test" in bare("topics", "list", *flags).err) is said


@pytest.mark.parametrize("option", [["-q"], ["--json"], ["-o", "plain"], []])
def test_a_spinner_turns_only_where_a_person_looks(defi, option):
    ran = defi("topics", "list", *option, terminal=True)
    assert ("asking Allora" in ran.err) is not bool(option)


def test_what_could_be_kept_is_no_failure(capsys):
    written = []
    assert Session(None, None, None).kept(lambda: written.append(1)) is None
    assert written == [1]
    assert capsys.readouterr() == ("", "")


def test_what_cannot_be_kept_is_a_line_and_the_code_of_its_error(capsys):
    def write():
        raise WrongState("the journal is locked", hint="end the other one")

    error = Session(None, None, None).kept(write)
    assert error is not None
    assert error.exit_code == 9
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "defi: error: the journal is locked\n  end the other one\n")


def test_a_bug_while_keeping_is_not_taken_for_a_failure_of_the_journal():
    def write():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Session(None, None, None).kept(write)


@pytest.fixture
def exposed_key(home, monkeypatch):
    """A key that everybody on this machine can read."""
    path = home / "key"
    path.write_text("UP-sesame-sesame")
    path.chmod(0o644)
    monkeypatch.setenv("DEFI_ALLORA__API_KEY_FILE", str(path))


@pytest.mark.parametrize(
    "args", [["market", "list"], ["venue", "ping"], ["topics", "list"], ["scan", "--kind", "cross-venue"]]
)
def test_a_key_that_others_can_read_stops_no_command_that_needs_none(defi, exposed_key, args):
    ran = defi(*args, "--json")
    assert (ran.code, ran.document["ok"]) == (0, True)
    assert "key" not in ran.err


def test_a_key_that_others_can_read_stops_a_prediction_before_anything_is_asked(bare, exposed_key):
    ran = bare("predict", "BTC", "--json")
    assert (ran.code, ran.error["code"]) == (4, "AUTH")
    assert "chmod 600" in ran.error["hint"]
    assert "sesame" not in ran.out + ran.err


def test_doctor_tells_of_a_key_that_others_can_read(defi, exposed_key):
    ran = defi("doctor", "--json")
    assert (ran.code, ran.error["code"]) == (4, "AUTH")
    (row,) = [row for row in ran.rows if not row["ok"]]
    assert row["name"] == "allora"
    assert "chmod 600" in row["hint"]
