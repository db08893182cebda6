import io
import os
import sys
from pathlib import Path

import pytest

from defi_analytics.cli.streams import discard, make_writable


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_closed_stream_swallows_what_is_written(monkeypatch, name):
    monkeypatch.setattr(sys, f"__{name}__", None)
    monkeypatch.setattr(sys, name, None)
    make_writable()
    with getattr(sys, name) as stream:
        assert os.path.samestat(os.fstat(stream.fileno()), Path(os.devnull).stat())
        stream.write("anything")


def test_a_character_the_encoding_lacks_is_written_as_its_escape(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    make_writable()
    sys.stdout.write("caf\u00e9")
    sys.stdout.flush()
    assert raw.getvalue() == b"caf\\xe9"


def test_a_stream_of_another_kind_is_left_alone(monkeypatch):
    other = io.StringIO()
    monkeypatch.setattr(sys, "stdout", other)
    make_writable()
    assert sys.stdout is other


def test_what_was_discarded_is_not_written_later(tmp_path):
    with (tmp_path / "out").open("w") as stream:
        stream.write("held")
        discard(stream)
    assert (tmp_path / "out").read_text() == ""
