import pytest

from defi_analytics import errors
from defi_analytics.cli.explain import REASONS, meaning_of
from defi_analytics.domain.edge import Reason
from defi_analytics.errors import DefiError
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.explained import DENIALS, ELSEWHERE


def test_every_reason_has_an_explanation():
    assert REASONS.keys() == set(Reason) - {Reason.NONE} - {Reason.NONE}


def test_every_code_of_an_error_is_explained(bare):
    rows = {row["code"]: row for row in bare("explain", "--json").rows}
    coded = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, DefiError)]
    told = (
        {error.code for error in coded}
        | {reason.name for reason in REASONS}
        | {d.name for d in DENIALS}
        | ELSEWHERE.keys()
        | {"OK"}
    )
    assert told == rows.keys()
    assert all(row["meaning"] for row in rows.values())
    assert not any("│" in row["meaning"] or "  " in row["meaning"] for row in rows.values())


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (errors.UsageError, "the command line cannot mean anything"),
        (errors.TimedOut, "the source did not answer before the deadline"),
        (errors.UnknownMarket, "it has no such thing"),
    ],
)
def test_an_error_means_what_its_drawing_says(error, meaning):
    assert meaning_of(error) == meaning


def test_a_class_the_drawing_lacks_means_what_its_parent_does():
    class Newer(errors.Malformed):
        pass

    assert meaning_of(Newer) == "it answered, but not in its own format"


@pytest.mark.parametrize("code", ["BELOW_MIN_EDGE", "below-min-edge", "timed_out"])
def test_one_code_is_explained_in_any_spelling(bare, code):
    (row,) = bare("explain", code, "--json").rows
    assert row["code"] == code.upper().replace("-", "_")


@pytest.mark.parametrize("code", ["LOCKED", "EXPOSURE_VENUE"])
def test_a_code_that_others_publish_is_said_to_have_no_use_here_and_what_has(bare, code):
    (row,) = bare("explain", code, "--json").rows
    assert row["kind"] == "not used here"
    assert row["hint"].startswith("See ")
    assert code not in Denial.__members__


def test_an_unknown_code_names_the_nearest(bare):
    assert "nearest: BELOW_MIN_EDGE" in bare("explain", "BELOW_MINEDGE").err
    assert "see: defi explain" in bare("explain", "XYZZY").err


def test_what_ok_means_is_explained_too(bare):
    (row,) = bare("explain", "ok", "--json").rows
    assert "exactly when the exit code is 0 or 10" in row["meaning"]


def test_a_code_of_both_a_scan_and_the_gate_is_explained_as_both(bare):
    kinds = {row["kind"] for row in bare("explain", "stale-book", "--json").rows}
    assert kinds == {"rejection", "refusal"}
