"""Rows as a table, plain lines, CSV, NDJSON or one JSON document."""

import csv
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Generic, TypeVar

import msgspec

from defi_analytics.cli.common import Common, Output
from defi_analytics.cli.envelope import Document, redacted, say, write_document
from defi_analytics.cli.row import Row
from defi_analytics.cli.units import labelled
from defi_analytics.domain.text import safe

R = TypeVar("R", bound=Row)

_TEXT_LIMIT = 200
_CELL_LIMIT = 2_000
"""A round that trades on ten markets tells a line of each."""
_MOST_TEXT = 20
"""Characters of a text that stays on one line; anyone can list a market with a long name."""
_LEAST_FOLD = 30
_GAP = 2
_FORMULA = ("=", "+", "-", "@", "\t")
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_USUAL_COLUMNS = 100
"""A terminal that a table is made for; also assumed where nobody tells the width."""
_LEAST_COLUMNS = 20


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column of the table, plain and CSV forms; `text` is trusted only after `safe`."""

    name: str
    text: Callable[[R], str]
    number: bool = False
    """Right-aligned, and a leading minus is a sign, not a spreadsheet formula."""
    spare: int = 0
    """Where a table does not fit, the column with the highest number goes first; 0 always stays."""
    style: Callable[[R], str] | None = None
    exact: Callable[[R], str] | None = None
    """For plain and CSV, where `text` is rounded or spaced for people."""
    machine: bool = False
    """In plain and CSV alone: a table says it in another column."""
    fold: bool = False
    """Free text, worth more lines where it does not fit; anything else is cut with an ellipsis."""


def emit(document: Document, columns: Sequence[Column[Any]], common: Common) -> None:
    """Writes the document in the asked form; warnings go to standard error in all but JSON."""
    form = common.format
    if form is Output.JSON:
        write_document(document)
    elif form is Output.NDJSON:
        for row in document.rows:
            sys.stdout.write(json.dumps(redacted(msgspec.to_builtins(row))) + "\n")
    elif form is Output.CSV:
        _write_csv(document.rows, columns, header=not common.no_header)
    elif form is Output.PLAIN:
        _write_plain(document.rows, columns, header=not common.no_header)
    else:
        _write_table(document.rows, columns, color=wants_color(common))
    if form is not Output.JSON:
        _warn(document)


def _warn(document: Document) -> None:
    for warning in document.warnings:
        say(f"defi: warning: {safe(warning.message, _TEXT_LIMIT * 2)}")


def emit_record(
    document: Document, common: Common, people: Mapping[str, Callable[[str], str]] | None = None
) -> None:
    """A document of one row: its fields as lines where others would be one wide line.

    `people` says, by field, what a table has in place of a value that is meant for programs. What is empty
    is left out of a table.
    """
    if common.format in {Output.JSON, Output.NDJSON}:
        emit(document, (), common)
        return
    fields = msgspec.to_builtins(document.rows[0])
    pairs = [_field(name, value, people or {}) for name, value in fields.items()]
    if common.format is Output.TABLE:
        pairs = [pair for pair in pairs if pair.shown]
    if common.format is Output.TABLE and _needed(pairs, _FIELD_COLUMNS) > terminal_columns():
        _write_labelled([(pair.label, _cell(pair.shown)) for pair in pairs], terminal_columns())
        _warn(document)
    else:
        emit(Document(document.schema, pairs, document.network, document.warnings), _FIELD_COLUMNS, common)


def _said(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "" if value is None else str(value)


class _Field(Row, frozen=True, kw_only=True):
    field: str
    label: str
    value: str
    shown: str


def _field(name: str, value: object, people: Mapping[str, Callable[[str], str]]) -> _Field:
    said = _said(value)
    if not said or name not in people:
        return _Field(field=name, label=labelled(name), value=said, shown=said)
    # What a person reads has its unit with it.
    label = labelled(name.removesuffix("_s").removesuffix("_bytes"))
    return _Field(field=name, label=label, value=said, shown=people[name](said))


_FIELD_COLUMNS: Sequence[Column[_Field]] = (
    Column("Field", lambda r: r.label, exact=lambda r: r.field, fold=True),
    Column("Value", lambda r: r.shown, exact=lambda r: r.value, fold=True),
)


def wants_color(common: Common) -> bool:
    """Colour only for a person who did not decline it. Source: no-color.org."""
    declined = common.no_color or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not declined


def whole_words(line: str, below: int = 14) -> str:
    """A line for a table's reader, which goes on below where the terminal ends."""
    indent = " " * min(below, terminal_columns() // 4)
    parts = wrap(
        line, terminal_columns(), subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
    return "\n".join(parts)


def hint(common: Common, line: str) -> None:
    """What to do next, for a person only."""
    if not common.quiet and common.format is Output.TABLE:
        say(line)


def summary(common: Common, line: str) -> None:
    """What came of it, on standard error; the forms for programs alone say it all themselves."""
    if not common.quiet and common.format not in {Output.JSON, Output.NDJSON}:
        say(line)


def _cells(row: Row, columns: Sequence[Column[Any]]) -> list[str]:
    return [_cell((column.exact or column.text)(row)) for column in columns]


def _cell(text: str) -> str:
    if not text:
        return ""
    told = redacted(text)
    return safe(told, _CELL_LIMIT) + ("…" if len(told) > _CELL_LIMIT else "")


def _write_plain(rows: Sequence[Row], columns: Sequence[Column[Any]], *, header: bool) -> None:
    if header:
        sys.stdout.write("\t".join(c.name for c in columns) + "\n")
    for row in rows:
        sys.stdout.write("\t".join(_cells(row, columns)) + "\n")


def _write_csv(rows: Sequence[Row], columns: Sequence[Column[Any]], *, header: bool) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    if header:
        writer.writerow([c.name for c in columns])
    for row in rows:
        cells = _cells(row, columns)
        writer.writerow([_disarmed(v, c) for v, c in zip(cells, columns, strict=True)])
    sys.stdout.write(text.getvalue())


def _disarmed(cell: str, column: Column[Any]) -> str:
    """A text that a spreadsheet would run as a formula gets a quote in front; a number is none."""
    safe_as_it_is = column.number or not cell.startswith(_FORMULA) or _PLAIN_NUMBER.fullmatch(cell)
    return cell if safe_as_it_is else f"'{cell}"


def _write_table(rows: Sequence[Row], columns: Sequence[Column[Any]], *, color: bool) -> None:
    """A table where one fits, else each row as lines of its own, which a person can also listen to.

    Of no rows nothing: what a command says beside it tells why. A column of which no row has anything is
    left out too.
    """
    columns = _telling(rows, columns)
    if not columns:
        return
    width = terminal_columns()
    shown = fitting(rows, columns, width)
    if _needed(rows, shown) <= width:
        _write_grid(rows, shown, width, color=color)
    else:
        _write_blocks(rows, fitting(rows, columns, _USUAL_COLUMNS), width)


def _telling(rows: Sequence[Row], columns: Sequence[Column[Any]]) -> list[Column[Any]]:
    return [c for c in columns if not c.machine and any(c.text(row) for row in rows)]


def _write_blocks(rows: Sequence[Row], columns: Sequence[Column[Any]], width: int) -> None:
    for index, row in enumerate(rows):
        cells = ((column.name, _cell(column.text(row))) for column in columns)
        sys.stdout.write("\n" if index else "")
        _write_labelled([(name, text) for name, text in cells if text], width)


def _write_labelled(pairs: Sequence[tuple[str, str]], width: int) -> None:
    for name, text in pairs:
        lines = wrap(f"{name}: {text}", width, subsequent_indent="  ", break_on_hyphens=False)
        sys.stdout.writelines(f"{line}\n" for line in lines)


def _write_grid(rows: Sequence[Row], shown: Sequence[Column[Any]], width: int, *, color: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in shown:
        table.add_column(
            column.name,
            justify="right" if column.number else "left",
            overflow="fold" if column.fold else "ellipsis",
            no_wrap=not column.fold,
            min_width=_width(rows, column),
            max_width=None if column.fold else _width(rows, column),
        )
    for row in rows:
        table.add_row(*(Text(_cell(c.text(row)), style=c.style(row) if c.style else "") for c in shown))
    console = Console(
        file=sys.stdout, width=width, no_color=not color, highlight=False, force_terminal=color, emoji=False
    )
    console.print(table)


def shows(rows: Sequence[Row], columns: Sequence[Column[Any]], name: str) -> bool:
    """Whether a table of them has room for this column."""
    told = _telling(rows, columns)
    shown = fitting(rows, told, terminal_columns())
    if _needed(rows, shown) > terminal_columns():
        shown = fitting(rows, told, _USUAL_COLUMNS)
    return any(column.name == name for column in shown)


def terminal_columns() -> int:
    return max(shutil.get_terminal_size((_USUAL_COLUMNS, 24)).columns, _LEAST_COLUMNS)


def fitting(rows: Sequence[Row], columns: Sequence[Column[Any]], width: int) -> list[Column[Any]]:
    """The columns that fit side by side: spare ones go, so that no figure has to be cut."""
    shown = list(columns)
    while _needed(rows, shown) > width:
        droppable = [c for c in shown if c.spare]
        if not droppable:
            break
        shown.remove(max(droppable, key=lambda c: c.spare))
    return shown


def _needed(rows: Sequence[Row], columns: Sequence[Column[Any]]) -> int:
    return sum(_width(rows, column) + _GAP for column in columns)


def _width(rows: Sequence[Row], column: Column[Any]) -> int:
    longest = max([len(column.name), *(len(_cell(column.text(row))) for row in rows)])
    if column.fold:
        return min(longest, _LEAST_FOLD)
    return longest if column.number else min(longest, _MOST_TEXT)
