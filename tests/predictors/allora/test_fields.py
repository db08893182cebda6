from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.errors import Malformed
from defi_analytics.predictors.allora.fields import (
    decode,
    from_unix,
    from_unix_millis,
    instant,
    malformed,
    number,
    whole,
)


@pytest.mark.parametrize(
    "text",
    [
        "4260.058888453676459961899479786112",
        "-0.0112",
        "0",
        "1E-40",
        "1.25e+7",
        "2610.160000000000000000000000",
    ],
)
def test_what_the_chain_writes_is_kept_to_the_last_digit(text):
    assert number(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NaN",
        "inf",
        "1e999999",
        "1_000",
        "١٢",
        " 1",
        "1\n",
        "0x1",
        "+1",
        "--1",
        "1.",
        ".5",
        "9" * 46,
        "1e100",
    ],
)
def test_what_only_resembles_a_number_is_refused(text):
    with pytest.raises(ValueError, match="not a number"):
        number(text)


@given(st.text(max_size=20))
def test_no_text_makes_a_number_that_is_not_finite(text):
    finite = True
    with suppress(ValueError):
        finite = number(text).is_finite()
    assert finite


@pytest.mark.parametrize(
    ("wire", "expected"), [("14", 14), (14, 14), ("0", 0), ("9223372036854775807", 2**63 - 1)]
)
def test_counts_come_as_text_or_as_numbers(wire, expected):
    assert whole(wire) == expected


@pytest.mark.parametrize("wire", ["", "-1", -1, "1.0", "٣", "9223372036854775808", "9" * 5000, 2**63])
def test_what_is_no_count_is_refused(wire):
    with pytest.raises(ValueError, match="whole number"):
        whole(wire)


def test_nanoseconds_are_cut_to_microseconds():
    assert instant("2025-05-14T12:08:53.930123999Z") == datetime(2025, 5, 14, 12, 8, 53, 930123, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2025-05-14",
        "2025-05-14T12:08:53",
        "2025-05-14T12:08:53+02:00",
        "9999-12-31T23:59:59Z",
        "2025-13-01T00:00:00Z",
    ],
)
def test_what_is_no_utc_time_of_this_century_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  two sources of words
        instant(text)


def test_unix_times_are_utc_in_seconds_or_milliseconds():
    assert from_unix("1785448720") == from_unix(1785448720) == from_unix_millis(1785448720000)
    assert from_unix(0) == datetime(1970, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="whole number"):
        from_unix(1785448720000)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'["\xff"]', b"null", b"[" * 100_000, b'[{"a":1}]', b"[" + b"9" * 5000 + b"]", b"\x00"],
)
def test_whatever_a_body_does_to_the_decoder_is_malformed(body):
    with pytest.raises(Malformed, match=r"^allora: thing: "), malformed("thing"):
        decode(body, list[str])


class _Holder(msgspec.Struct):
    items: list[str]


def test_a_body_of_endless_nesting_under_an_unknown_field_is_malformed():
    with pytest.raises(Malformed), malformed("thing"):
        decode(b'{"other":' + b"[" * 100_000, _Holder)


def test_foreign_text_in_an_error_cannot_steer_a_terminal():
    with pytest.raises(Malformed) as caught, malformed("thing"):
        raise ValueError("\x1b[2J\u202e" + "x" * 10_000)
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 250
