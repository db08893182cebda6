"""What a status means. The one place where it becomes an error."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from defi_analytics.errors import (
    AuthError,
    DataError,
    Malformed,
    NotFound,
    RateLimited,
    Unavailable,
)
from defi_analytics.http.policy import Policy

WHOLE = frozenset({200, 201, 202, 203, 204})
"""Not 206: a part of a body is not the body."""
TEAPOT = 418
"""How Binance says that it has banned an address. Source: Binance, "Limits", HTTP return codes."""
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)
_NEVER_LATER = frozenset({HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED})
_LONGEST_FIELD = 64
_LONGEST_EXCERPT = 200
_LONGEST_ANSWER = 4096


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Looked up in lower case."""
    body: bytes = b""


class _Message(msgspec.Struct, gc=False):
    message: str = ""


def is_failure(status: int) -> bool:
    """Whether the host itself is in trouble, so that others had better not ask either."""
    return status in _SERVER_ERRORS and status not in _NEVER_LATER


def may_repeat(status: int) -> bool:
    return is_failure(status) or status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


def wait_asked_s(answer: Answer, now: datetime, policy: Policy) -> float | None:
    """How long the host asked everyone to stay away; None if it did not."""
    unstated = {HTTPStatus.TOO_MANY_REQUESTS: policy.unstated_wait_s, TEAPOT: policy.ban_wait_s}.get(
        answer.status
    )
    if unstated is None and answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
        return None
    stated = retry_after_s(answer.headers, now)
    return unstated if stated is None else min(stated, policy.longest_wait_s)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds, or a date relative to the answer's own Date (so a wrong clock here does no harm) or `now`.

    None if it is absent, in the past or neither. dYdX sends milliseconds here against the standard; they
    cannot be told from seconds, so its adapter must stay below the limits. Source: RFC 9110 section 10.2.3.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_FIELD:
        return float(text)
    until = _date(text)
    if until is None:
        return None
    seconds = (until - (_date(headers.get("date", "")) or now)).total_seconds()
    return seconds if seconds >= 0 else None


def error_of(
    source: str, place: str, answer: Answer, wait_s: float | None, *, with_key: bool = False
) -> DataError | AuthError:
    """What an answer that is no body means. Raises nothing.

    Only a request `with_key` can have the wrong one; any other that is refused met a firewall or a border.
    """
    status = answer.status
    if with_key and status in _REFUSALS:
        return AuthError(f"{source}: {place} refused us ({status})")
    if wait_s is not None:
        error: DataError = RateLimited(
            source, f"{place} answered {status}: asked us to wait {wait_s:.0f} s", retry_after_s=wait_s
        )
    elif status == HTTPStatus.NOT_FOUND:
        # What answers a request with a key may repeat the key.
        error = NotFound(source, f"{place} answered 404{'' if with_key else _excerpt(answer.body)}")
    elif status in _REFUSALS:
        error = Unavailable(
            source,
            f"{place} refuses us ({status}), though it needs no key: does it block this country or address?",
        )
    elif status in _REDIRECTS:
        error = Malformed(source, f"{place} answered {status}: redirects are not followed")
    elif status in _SERVER_ERRORS or status == HTTPStatus.REQUEST_TIMEOUT:
        error = Unavailable(source, f"{place} answered {status}")
    else:
        error = Malformed(source, f"{place} answered {status}")
    if wait_s is None:
        # A refusal or a missing feature is unavailable too, but asking again would change nothing.
        error.retryable = error.retryable and may_repeat(status)
    error.status, error.answer = status, answer.body[:_LONGEST_ANSWER]
    return error


def _date(text: str) -> datetime | None:
    if not 0 < len(text) <= _LONGEST_FIELD:
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _excerpt(body: bytes) -> str:
    try:
        message = msgspec.json.decode(body, type=_Message).message[:_LONGEST_EXCERPT]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    shown = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in message)
    return f": {shown}" if shown else ""
