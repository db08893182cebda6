"""The documents on standard output and the lines on standard error."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

import msgspec

from defi_analytics.cli.row import Row
from defi_analytics.cli.schemas import VERSION, ErrorRow, Meta, WarningRow
from defi_analytics.cli.streams import discard
from defi_analytics.clock import WallClock
from defi_analytics.domain.text import safe
from defi_analytics.errors import DefiError

OK_MEANS = "True exactly when the exit code is 0 or 10 (10: nothing stands, scan --exit-code)."
ERROR_MEANS = "Why `ok` is false; there exactly then. `data` may hold rows all the same."
_LINE = 400
_USUAL_COLUMNS, _LEAST_COLUMNS = 100, 20


@dataclass(frozen=True, slots=True)
class Document:
    """One result of a command: its rows and what must be said about them."""

    schema: str
    rows: Sequence[Row]
    network: str | None = None
    warnings: Sequence[WarningRow] = ()
    meta: Meta = field(default_factory=Meta)
    execution: str | None = None
    """paper or live, where orders are concerned."""
    error: DefiError | None = None
    """Why the exit code is not 0 (or 10), although there are rows; its code is the exit code."""


def document_json(document: Document) -> dict[str, Any]:
    failed = {} if document.error is None else {"error": _error(document.error)}
    return {
        "schema": f"defi.{document.schema}/{VERSION}",
        "ok": not failed,
        "generated_at": _now(),
        "network": document.network,
        "execution": document.execution,
        "data": [redacted(msgspec.to_builtins(row)) for row in document.rows],
        "warnings": [redacted(msgspec.to_builtins(w)) for w in document.warnings],
        "meta": msgspec.to_builtins(document.meta),
        **failed,
    }


def write_document(document: Document) -> None:
    # ASCII only: whatever a stranger called a market, it reaches a terminal as \\uXXXX.
    sys.stdout.write(json.dumps(document_json(document), indent=2) + "\n")


def write_error(error: DefiError, network: str | None = None) -> None:
    """The same envelope for a failure, so that a pipe always gets one document."""
    body = {
        "schema": f"defi.error/{VERSION}",
        "ok": False,
        "generated_at": _now(),
        "network": network,
        "execution": None,
        "data": [],
        "warnings": [],
        "meta": msgspec.to_builtins(Meta()),
        "error": _error(error),
    }
    sys.stdout.write(json.dumps(body, indent=2) + "\n")


def _error(error: DefiError) -> Any:
    row = ErrorRow(
        code=error.code,
        exit_code=error.exit_code,
        message=error.message,
        hint=error.hint,
        retryable=error.retryable,
        violations=list(error.violations),
    )
    return redacted(msgspec.to_builtins(row))


def write_error_line(error: DefiError) -> None:
    """One line: what, where, how to fix; a file gets one line for each violation."""
    for line in error.violations or (error.message,):
        say(f"defi: error: {safe(line, _LINE)}")
    if error.hint:
        say(f"  {safe(error.hint, _LINE)}")


def say(line: str) -> None:
    """A line for a person, on standard error; that nobody listens there is no reason to fail."""
    try:
        sys.stderr.write(_whole_words(redacted(line)) + "\n")
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def _whole_words(text: str) -> str:
    """At a terminal what does not fit goes on below, where else a word would break at its edge."""
    if not sys.stderr.isatty():
        return text
    width = max(shutil.get_terminal_size((_USUAL_COLUMNS, 24)).columns, _LEAST_COLUMNS)
    return "\n".join(part for line in text.split("\n") for part in _parts(line, width))


def _parts(line: str, width: int) -> list[str]:
    below = " " * (len(line) - len(line.lstrip()) + 2)
    return wrap(line, width, subsequent_indent=below, break_on_hyphens=False, break_long_words=False) or [
        line
    ]


def redacted(value: Any) -> Any:
    """A text, or the texts in lists and objects, without the secrets that the log hides."""
    log = sys.modules.get("defi_analytics.log")
    # Nothing is hidden before it is imported, and importing it costs a start more than this line.
    if log is None:
        return value
    if isinstance(value, dict):
        return {name: redacted(one) for name, one in value.items()}
    if isinstance(value, list):
        return [redacted(one) for one in value]
    return log.redacted(value) if isinstance(value, str) else value


def _now() -> str:
    return WallClock().now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
