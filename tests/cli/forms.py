"""The five forms of a result, read back."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from defi_analytics.cli.render import Column
from tests.cli.harness import Ran

FORMS = ("table", "plain", "csv", "ndjson", "json")


def assert_form(ran: Ran, form: str, columns: Sequence[Column[Any]], count: int) -> None:
    """`ran` shows `count` rows in this form, and nothing else on standard output."""
    assert ran.code == 0, ran.err
    names = [column.name for column in columns]
    if form == "json":
        assert len(ran.rows) == count
    elif form == "ndjson":
        assert [type(json.loads(line)) for line in ran.out.splitlines()] == [dict] * count
    elif form == "table":
        if not count:
            assert ran.out == ""
            return
        header = next(line for line in ran.out.splitlines() if line.strip())
        assert header.split()[0] == names[0].split()[0]
        assert "\t" not in ran.out
    else:
        lines = cells(ran.out, form)
        assert lines[0] == names
        assert [len(line) for line in lines] == [len(names)] * (count + 1)


def cells(out: str, form: str) -> list[list[str]]:
    """The lines of the plain or CSV form, header included."""
    if form == "csv":
        return list(csv.reader(io.StringIO(out)))
    return [line.split("\t") for line in out.splitlines()]
