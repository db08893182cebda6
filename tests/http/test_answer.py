from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.errors import AuthError, DataError, Malformed, NotFound, RateLimited, Unavailable
from defi_analytics.http.answer import Answer, error_of, may_repeat, retry_after_s, wait_asked_s
from defi_analytics.http.policy import Policy

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
LATER = format_datetime(NOON + timedelta(seconds=90), usegmt=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("3600", 3600.0),
        (LATER, 90.0),
        ("Fri, 02 Jan 2026 14:00:30 +0200", 30.0),
        ("Fri, 02 Jan 2026 12:00:30", 30.0),
        ("Fri, 02 Jan 2026 11:59:59 GMT", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("soon", None),
        ("nan", None),
        ("9" * 65, None),
        ("Fri, 99 Jan 2026 12:00:30 GMT", None),
        ("Fri, 02 Jan 99999999999999999999 12:00:30 GMT", None),
        ("120, 60", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_garbage_is_no_wish(text, seconds):
    assert retry_after_s({"retry-after": text}, NOON) == seconds
    assert retry_after_s({}, NOON) is None


@given(st.text(max_size=70), st.text(max_size=70))
def test_no_header_can_break_the_reading_of_retry_after(text, date):
    seconds = retry_after_s({"retry-after": text, "date": date}, NOON)
    assert seconds is None or seconds >= 0


def test_a_date_counts_from_the_hosts_own_clock():
    skewed = NOON.astimezone(timezone(timedelta(hours=2))) + timedelta(hours=5)
    date = format_datetime(NOON, usegmt=True)
    assert retry_after_s({"retry-after": LATER, "date": date}, skewed) == 90.0


@pytest.mark.parametrize(
    ("status", "text", "seconds"),
    [
        (429, "7", 7.0),
        (429, "rubbish", 1.0),
        (418, "", 120.0),
        (418, "999999999999", 259_200.0),
        (503, "7", 7.0),
        (503, "", None),
        (500, "7", None),
        (200, "7", None),
    ],
)
def test_only_answers_that_mean_it_make_us_wait_and_never_for_ever(status, text, seconds):
    assert wait_asked_s(Answer(status, {"retry-after": text}), NOON, Policy()) == seconds


@pytest.mark.parametrize(
    ("status", "kind", "again"),
    [
        (101, Malformed, False),
        (206, Malformed, False),
        (301, Malformed, False),
        (304, Malformed, False),
        (400, Malformed, False),
        (401, Unavailable, False),
        (403, Unavailable, False),
        (404, NotFound, False),
        (408, Unavailable, True),
        (422, Malformed, False),
        (500, Unavailable, True),
        (501, Unavailable, False),
        (502, Unavailable, True),
        (505, Unavailable, False),
        (599, Unavailable, True),
        (600, Malformed, False),
        (999, Malformed, False),
    ],
)
def test_each_status_has_one_meaning(status, kind, again):
    error = error_of("injective", "h.example/p", Answer(status, {}), None)
    assert type(error) is kind
    assert may_repeat(status) is again
    assert error.retryable is again
    assert str(status) in error.message
    if isinstance(error, DataError):
        assert error.status == status


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_about_the_key_only_where_one_was_sent(status):
    keyed = error_of("allora", "h.example/p", Answer(status, {}), None, with_key=True)
    assert type(keyed) is AuthError
    assert keyed.message == f"allora: h.example/p refused us ({status})"
    blocked = error_of("binance", "h.example/p", Answer(status, {}), None)
    assert type(blocked) is Unavailable
    assert "does it block this country or address?" in blocked.message


def test_a_wish_to_wait_is_carried_in_the_error():
    error = error_of("injective", "h.example/p", Answer(503, {}), 30.0)
    assert isinstance(error, RateLimited)
    assert (error.retry_after_s, error.status, error.retryable) == (30.0, 503, True)


@pytest.mark.parametrize(
    ("body", "excerpt"),
    [
        (b'{"code":5,"message":"spot market not found","details":[]}', ": spot market not found"),
        (b'{"message":"a\\u001b[2J\\u202eb\\n"}', ": a\\u001b[2J\\u202eb\\u000a"),
        (b'{"message":"' + b"x" * 999 + b'"}', ": " + "x" * 200),
        (b'{"message":""}', ""),
        (b'{"message":5}', ""),
        (b'{"message":"\xff"}', ""),
        (b"{}", ""),
        (b"[]", ""),
        (b"<html>", ""),
        (b"", ""),
        (b'{"a":' + b"[" * 100_000, ""),
    ],
)
def test_a_404_repeats_the_message_of_its_json_bounded_and_harmless(body, excerpt):
    error = error_of("injective", "h.example/p", Answer(404, {}, body), None)
    assert error.message == "injective: h.example/p answered 404" + excerpt


def test_an_answer_to_a_request_with_a_key_is_not_quoted():
    """It may repeat the key."""
    answer = Answer(404, {}, b'{"message": "no such thing for UP-1234"}')
    assert "UP-1234" in error_of("allora", "host", answer, None).message
    assert error_of("allora", "host", answer, None, with_key=True).message == "allora: host answered 404"
