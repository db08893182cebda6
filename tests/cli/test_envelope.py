import json
import sys
from datetime import datetime

import pytest

from defi_analytics import log
from defi_analytics.cli.envelope import (
    Document,
    document_json,
    redacted,
    say,
    write_document,
    write_error,
    write_error_line,
)
from defi_analytics.cli.schemas import WarningRow
from defi_analytics.cli.schemas_setup import VersionRow
from defi_analytics.errors import ConfigError, NotFound


def test_a_document_carries_its_schema_network_and_warnings():
    rows = [VersionRow(name="defi", version="1")]
    document = document_json(
        Document("version", rows, "testnet", [WarningRow(code="STALE", message="old", source="okx")])
    )
    assert document["schema"] == "defi.version/1"
    assert document["network"] == "testnet"
    assert document["data"] == [{"name": "defi", "version": "1"}]
    assert document["warnings"] == [{"code": "STALE", "message": "old", "source": "okx"}]
    assert datetime.fromisoformat(document["generated_at"]).tzinfo is not None


def test_a_document_is_ascii_whatever_strangers_write(capsys):
    write_document(Document("version", [VersionRow(name="\x1b[2J\u202e\x9b31m\u4e2d", version="\x00")]))
    out = capsys.readouterr().out
    assert out.isascii()
    assert not set(map(chr, range(32))) & set(out) - {"\n"}
    assert json.loads(out)["data"][0]["name"] == "\x1b[2J\u202e\x9b31m\u4e2d"


def test_an_error_is_one_safe_line_and_its_hint(capsys):
    write_error_line(NotFound("x", "no \x1b[31msuch\nthing", hint="try\x07 y"))
    assert capsys.readouterr().err == "defi: error: x: no [31msuchthing\n  try y\n"


def test_settings_get_a_line_for_each_violation(capsys):
    error = ConfigError("bad", violations=("a: one", "b: two"))
    write_error_line(error)
    assert capsys.readouterr().err == "defi: error: a: one\ndefi: error: b: two\n"
    write_error(error)
    assert json.loads(capsys.readouterr().out)["error"]["violations"] == ["a: one", "b: two"]


def test_a_line_that_cannot_be_said_is_no_failure(monkeypatch):
    discarded = []

    class Full:
        def isatty(self):
            return False

        def write(self, text):
            raise OSError

    monkeypatch.setattr("defi_analytics.cli.envelope.discard", discarded.append)
    full = Full()
    monkeypatch.setattr("sys.stderr", full)
    say("anything")
    assert discarded == [full]


@pytest.mark.parametrize("message", ["x" * 10_000, "\n" * 50])
def test_a_line_stays_one_of_bounded_length(capsys, message):
    write_error_line(NotFound("source", message))
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < 450


def test_what_the_log_hides_is_nowhere_in_a_document_or_a_line(capsys, monkeypatch):
    monkeypatch.setattr(log, "_secrets", [])
    log.hide("UP-0123456789")
    say("it said UP-0123456789")
    write_error(ConfigError("it said UP-0123456789", violations=("UP-0123456789", "2"), hint="UP-0123456789"))
    write_document(Document("version", [VersionRow(name="UP-0123456789", version="1")]))
    captured = capsys.readouterr()
    assert "UP-0123456789" not in captured.out + captured.err
    assert captured.err == "it said ***\n"


def test_without_a_log_nothing_is_hidden(monkeypatch):
    monkeypatch.delitem(sys.modules, "defi_analytics.log")
    assert redacted({"a": ["b", 1]}) == {"a": ["b", 1]}


def test_at_a_terminal_a_line_goes_on_below_with_its_words_whole(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    line = "  defi: error: UNVERIFIED_ASSET and SOMETHING_ELSE_THAT_IS_LONG happened"
    say(line)
    assert capsys.readouterr().err == line + "\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    say(line + "\n\nnext")
    assert capsys.readouterr().err == (
        "  defi: error: UNVERIFIED_ASSET and\n    SOMETHING_ELSE_THAT_IS_LONG happened\n\nnext\n"
    )
