import re

import pytest

from defi_analytics import errors
from defi_analytics.errors import (
    ConfigError,
    DataError,
    DefiError,
    RateLimited,
    TimedOut,
    Unavailable,
    UnknownMarket,
)


def _descendants(error: type[DefiError]) -> list[type[DefiError]]:
    return [d for child in error.__subclasses__() for d in (child, *_descendants(child))]


OWN = [e for e in _descendants(DefiError) if e.__module__ == errors.__name__]


def _drawn() -> dict[str, tuple[int, bool, int]]:
    """Name: exit code, whether starred, depth, as the drawing at the top of the module says."""
    rows = re.findall(r"^([│├└─ ]+)(\w+)\s+(\d+)(?:   (\S?))?", errors.__doc__ or "", re.MULTILINE)
    return {name: (int(code), mark == "*", len(branch) // 4) for branch, name, code, mark in rows}


def test_the_drawing_shows_every_error_with_its_exit_code() -> None:
    assert {name: row[0] for name, row in _drawn().items()} == {e.__name__: e.exit_code for e in OWN}


def test_the_drawing_shows_the_inheritance() -> None:
    depth = {e.__name__: len(e.__mro__) - len(DefiError.__mro__) for e in OWN}
    assert {name: row[2] for name, row in _drawn().items()} == depth


def test_only_a_source_that_did_not_answer_is_worth_trying_again() -> None:
    starred = {name for name, row in _drawn().items() if row[1]}
    assert starred == {"Unavailable", "TimedOut", "RateLimited"}
    assert {e.__name__ for e in OWN if e.retryable} == starred


def test_codes_are_unique() -> None:
    codes = [DefiError.code, *(e.code for e in OWN)]
    assert len(set(codes)) == len(codes)


def test_a_data_error_names_its_source_in_front() -> None:
    error = TimedOut("binance", "no answer within 5 s", hint="Try again.")
    assert (str(error), error.message) == ("binance: no answer within 5 s",) * 2
    assert (error.source, error.hint, error.status) == ("binance", "Try again.", 0)


def test_a_rate_limit_says_how_long_to_stay_away() -> None:
    error = RateLimited("okx", "too many requests", retry_after_s=2.5)
    assert (error.retry_after_s, error.retryable, error.exit_code) == (2.5, True, 5)


def test_wrong_settings_carry_every_violation_and_at_least_their_message() -> None:
    assert ConfigError("two faults", violations=("a: 1", "b: 2")).violations == ("a: 1", "b: 2")
    assert ConfigError("one fault").violations == ("one fault",)


@pytest.mark.parametrize(("error", "caught_as"), [(TimedOut, Unavailable), (UnknownMarket, DataError)])
def test_what_reads_raise_can_be_caught_as_one(error: type[DataError], caught_as: type[DefiError]) -> None:
    with pytest.raises(caught_as):
        raise error("injective", "gone")
