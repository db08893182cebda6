import json

import pytest

from defi_analytics.app import scan
from defi_analytics.errors import AuthError, Malformed, NotCovered, RateLimited, TimedOut, Unavailable
from defi_analytics.storage.journal import SqliteJournal
from tests.cli.front import DOWN, answering

WATCH = ("scan", "INJ/USDT", "--watch", "0.1")


@pytest.fixture
def failing(monkeypatch):
    """`failing(n, error)`: the n-th look of the command fails so."""
    real, looks = scan.look, []

    def fail(which, error):
        async def look(app, request):
            looks.append(request)
            if len(looks) == which:
                raise error
            return await real(app, request)

        monkeypatch.setattr(scan, "look", look)
        return looks

    return fail


RETRYABLE = (
    Unavailable("injective", "answered 503"),
    TimedOut("injective", "no answer in 10 s"),
    RateLimited("injective", "asked us to wait 9 s", retry_after_s=9),
)


@pytest.mark.parametrize("error", RETRYABLE, ids=lambda error: error.code)
def test_a_look_that_fails_is_a_line_and_the_next_may_succeed(defi, failing, error):
    looks = failing(2, error)
    ran = defi(*WATCH, "--count", "3", "-o", "ndjson")
    assert len(looks) == 3
    assert ran.code == 0
    assert ran.err == f"defi: error: {error.message}\n"
    assert [json.loads(line)["stands"] for line in ran.out.splitlines()] == [True] * 6


@pytest.mark.parametrize("error", RETRYABLE, ids=lambda error: error.code)
def test_the_last_look_decides_the_exit_code(defi, failing, error):
    failing(2, error)
    ran = defi(*WATCH, "--count", "2", "-o", "ndjson")
    assert ran.code == error.exit_code
    assert len(ran.out.splitlines()) == 3


@pytest.mark.parametrize(
    "error",
    [Malformed("injective", "not JSON"), NotCovered("allora", "no topic"), AuthError("injective: 401")],
    ids=lambda error: error.code,
)
def test_what_another_look_cannot_mend_ends_the_watch(defi, failing, error):
    looks = failing(2, error)
    ran = defi(*WATCH, "--count", "3", "-o", "ndjson")
    assert len(looks) == 2
    assert ran.code == error.exit_code
    assert ran.err == f"defi: error: {error.message}\n"
    assert len(ran.out.splitlines()) == 3


def test_a_single_look_that_fails_is_the_error_it_is(defi, failing):
    looks = failing(1, RETRYABLE[0])
    ran = defi("scan", "INJ/USDT", "--json")
    assert (ran.code, ran.error["code"], len(looks)) == (5, "UNAVAILABLE", 1)


def test_a_screen_is_cleared_only_for_a_result_that_follows(defi, failing):
    failing(2, RETRYABLE[0])
    ran = defi(*WATCH, "--count", "2", terminal=True)
    assert "\x1b[H\x1b[2J" not in ran.out
    assert "answered 503" in ran.err


@pytest.mark.parametrize("form", [["--json"], ["-o", "json"]])
@pytest.mark.parametrize("repeat", [["--watch", "1"], ["--count", "2"], ["--watch", "1", "--count", "2"]])
def test_one_document_cannot_hold_many_scans(bare, form, repeat):
    ran = bare("scan", *repeat, *form)
    assert ran.code == 2
    assert "many scans" in ran.error["message"]
    assert "ndjson" in ran.error["hint"]


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize("option", ["--min-edge-bps", "--min-profit"])
def test_what_compares_as_no_number_does_is_refused(bare, option, value):
    ran = bare("scan", f"{option}={value}")
    assert ran.code == 2
    assert f"'{option}': '{value}' is not a number" in ran.err


@pytest.mark.parametrize("value", ["nan", "inf", "99ms", "0", "-1"])
def test_a_watch_is_a_duration_that_lets_others_breathe(bare, value):
    ran = bare("scan", f"--watch={value}")
    assert (ran.code, ran.out) == (2, "")
    assert "'--watch'" in ran.err


PREDICTED = ("scan", "WETH/USDT", "--kind", "prediction")


def test_predictions_that_a_scan_read_are_kept_for_scoring_once_a_run(defi, home):
    assert defi(*PREDICTED).code == 0
    assert defi(*PREDICTED, "--watch", "0.1", "--count", "3").code == 0
    with SqliteJournal(home / "state" / "journal.sqlite") as journal:
        kept = [(kind, body["prediction"]["topic"]["asset"]) for _, kind, body in journal.replay()]
    assert kept == [("prediction", "ETH")] * 2


@pytest.fixture
def broken_journal(home):
    path = home / "state" / "journal.sqlite"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"this is no journal" * 99)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("args", [("scan", "INJ/USDT", "--record"), PREDICTED, (*PREDICTED, "--record")])
def test_a_journal_that_cannot_be_written_hides_nothing_that_was_found(defi, broken_journal, args):
    before = broken_journal.read_bytes()
    ran = defi(*args, "--include-rejected", "--json")
    assert ran.code == 9
    assert (ran.document["ok"], ran.error["exit_code"]) == (False, 9)
    assert ran.rows
    (line,) = [line for line in ran.err.splitlines() if line.startswith("defi: error: ")]
    assert "journal.sqlite" in line
    assert broken_journal.read_bytes() == before


def test_a_venue_that_fails_is_a_warning_of_a_scan_that_went_well(defi, background, sandbox, monkeypatch):
    with answering(background, sandbox, monkeypatch, {"/binance/": DOWN}):
        ran = defi("scan", "INJ/USDT", "--json")
    assert (ran.code, ran.document["ok"]) == (0, True)
    assert ran.rows
    assert "binance" in {warning["source"] for warning in ran.document["warnings"]}


def test_a_watch_goes_on_without_its_journal_and_its_code_tells(defi, broken_journal):
    ran = defi(*WATCH, "--count", "2", "--record", "-o", "ndjson")
    assert ran.code == 9
    assert len(ran.out.splitlines()) == 6
    assert ran.err.count("defi: error: ") == 2


def test_a_look_that_nobody_answered_outranks_the_journal(
    defi, broken_journal, background, sandbox, monkeypatch
):
    with answering(background, sandbox, monkeypatch, {"/binance/": DOWN, "/hyperliquid/": DOWN}):
        ran = defi("scan", "INJ/USDT", "--kind", "cross-venue", "--record", "--json")
    assert ran.code == ran.error["exit_code"] == 5


def test_what_was_found_but_not_kept_outranks_that_nothing_stands(defi, broken_journal):
    ran = defi("scan", "INJ/USDT", "--min-edge-bps", "9000", "--record", "--exit-code")
    assert ran.code == 9
