import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from defi_analytics.cli.common import Output
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.render import Column, emit, emit_record, fitting
from defi_analytics.cli.row import Row
from defi_analytics.cli.schemas import WarningRow
from defi_analytics.cli.schemas_setup import VersionRow
from tests.cli.test_common import common

COLUMNS = (
    Column("Name", lambda r: r.name),
    Column("Version", lambda r: r.version, number=True),
    Column("Twice", lambda r: r.name * 2, spare=1),
    Column("Thrice", lambda r: r.name * 3, spare=2),
)


def row(name, version="1"):
    return VersionRow(name=name, version=version)


@pytest.mark.parametrize("start", ["=", "+", "-1+", "-A", "@", "\t=", "=cmd|'/c calc'!A1"])
def test_csv_disarms_a_text_that_a_spreadsheet_would_run_but_not_a_number(capsys, start):
    emit(Document("version", [row(f"{start}1", "-5")]), COLUMNS[:2], common(output=Output.CSV))
    (_, (name, version)) = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    assert name.startswith("'")
    assert version == "-5"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_lines_stay_lines_and_columns_columns_whatever_strangers_write(capsys, texts):
    rows = [row(name, version) for name, version in texts]
    emit(Document("version", rows), COLUMNS, common(output=Output.PLAIN))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(rows) + 1
    assert all(line.count("\t") == len(COLUMNS) - 1 for line in lines)
    emit(Document("version", rows), COLUMNS, common(output=Output.CSV))
    assert len(list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))) == len(rows) + 1
    emit(Document("version", rows), COLUMNS, common(output=Output.NDJSON))
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["name"], one["version"]) for one in found] == texts


def test_markup_of_the_table_library_is_plain_text(capsys):
    emit(Document("version", [row("[bold red]A[/]B[/]")]), COLUMNS[:1], common(output=Output.TABLE))
    assert "[bold red]A[/]B[/]" in capsys.readouterr().out


def test_a_table_leaves_out_a_column_that_says_nothing_and_is_nothing_without_rows(capsys):
    emit(Document("version", [row("a", ""), row("b", "")]), COLUMNS[:2], common(output=Output.TABLE))
    assert "Version" not in capsys.readouterr().out
    emit(Document("version", [row("a", ""), row("b", "2")]), COLUMNS[:2], common(output=Output.TABLE))
    assert "Version" in capsys.readouterr().out
    emit(Document("version", []), COLUMNS[:2], common(output=Output.TABLE))
    assert capsys.readouterr().out == ""
    emit(Document("version", []), COLUMNS[:2], common(output=Output.PLAIN))
    assert capsys.readouterr().out == "Name\tVersion\n"


def test_a_record_leaves_out_what_is_empty_for_people_alone(capsys):
    emit_record(Document("version", [row("a", "")]), common(output=Output.TABLE))
    assert "Version" not in capsys.readouterr().out
    emit_record(Document("version", [row("a", "")]), common(output=Output.PLAIN))
    assert "version" in capsys.readouterr().out


def test_warnings_go_to_standard_error_but_into_the_document_of_json(capsys):
    document = Document(
        "version", [row("a")], warnings=[WarningRow(code="STALE", message="old \x1b[2J book")]
    )
    emit(document, COLUMNS, common(output=Output.PLAIN))
    assert capsys.readouterr().err == "defi: warning: old [2J book\n"
    emit(document, COLUMNS, common(json=True))
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["warnings"][0]["message"] == "old \x1b[2J book"


def test_spare_columns_go_first_and_the_others_never():
    rows = [row("abcdefghij", "1.5")]
    assert [c.name for c in fitting(rows, COLUMNS, 200)] == ["Name", "Version", "Twice", "Thrice"]
    assert [c.name for c in fitting(rows, COLUMNS, 50)] == ["Name", "Version", "Twice"]
    assert [c.name for c in fitting(rows, COLUMNS, 5)] == ["Name", "Version"]


@pytest.mark.parametrize("columns", [1, 10, 30, 300])
def test_no_width_cuts_a_figure(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    emit(Document("version", [row("x" * 100, "123,456,789.12")]), COLUMNS, common(output=Output.TABLE))
    assert "123,456,789.12" in capsys.readouterr().out


def test_a_single_record_is_a_line_for_each_field(capsys):
    emit_record(Document("version", [row("a", "b")]), common(output=Output.PLAIN))
    assert capsys.readouterr().out == "Field\tValue\nname\ta\nversion\tb\n"
    emit_record(Document("version", [row("a", "b")]), common(output=Output.NDJSON))
    assert json.loads(capsys.readouterr().out) == {"name": "a", "version": "b"}


@pytest.mark.parametrize(("value", "cell"), [("-0.0001", "-0.0001"), ("-5", "-5"), ("-5+1", "'-5+1")])
def test_a_number_in_a_record_is_no_formula(capsys, value, cell):
    emit_record(Document("version", [row("a", value)]), common(output=Output.CSV))
    assert list(csv.reader(io.StringIO(capsys.readouterr().out)))[-1] == ["version", cell]


SCREEN = 40


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", str(SCREEN))


WIDE = (
    Column("Name", lambda r: r.name),
    Column("The version of it", lambda r: r.version, number=True),
    *COLUMNS[2:],
)


def test_where_no_table_fits_each_row_is_lines_of_its_own(capsys, narrow):
    rows = [row("the very first of us", "1,234,567,890.55555"), row("second", "")]
    emit(Document("version", rows), WIDE[:3], common(output=Output.TABLE))
    assert capsys.readouterr().out == (
        "Name: the very first of us\nThe version of it: 1,234,567,890.55555\n"
        "Twice: the very first of usthe very\n  first of us\n"
        "\nName: second\nTwice: secondsecond\n"
    )


def test_in_lines_of_its_own_a_long_text_goes_on_below_and_its_words_stay_whole(capsys, narrow):
    rows = [row("a-hyphened-name that goes on and on and on and on", "1,234,567,890.5")]
    emit(Document("version", rows), WIDE[:2], common(output=Output.TABLE))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("  ")
    assert max(map(len, lines)) <= SCREEN
    assert "The version of it: 1,234,567,890.5" in lines


def test_a_table_that_fits_a_narrow_terminal_stays_one(capsys, narrow):
    emit(Document("version", [row("a", "1")]), COLUMNS, common(output=Output.TABLE))
    assert capsys.readouterr().out.split()[:3] == ["Name", "Version", "Twice"]


def test_a_record_too_wide_for_the_terminal_is_a_line_for_each_field(capsys, narrow):
    warning = WarningRow(code="STALE", message="old")
    document = Document("version", [row("=a", "x" * 60)], warnings=[warning])
    emit_record(document, common(output=Output.TABLE))
    said = capsys.readouterr()
    assert said.out == f"Name: =a\nVersion: {'x' * 31}\n  {'x' * 29}\n"
    assert said.err == "defi: warning: old\n"


def test_a_record_shows_a_list_as_its_parts(capsys):
    class Listed(Row, frozen=True, kw_only=True):
        parts: list[str]
        nothing: str | None = None

    emit_record(Document("x", [Listed(parts=["a", "b"])]), common(output=Output.PLAIN))
    assert capsys.readouterr().out == "Field\tValue\nparts\ta; b\nnothing\t\n"


def test_a_record_is_words_for_people_and_fields_for_programs(capsys):
    class Fee(Row, frozen=True, kw_only=True):
        taker_fee: str
        maker_fee: str | None = None

    fee, people = Fee(taker_fee="0.001"), dict.fromkeys(("taker_fee", "maker_fee"), lambda text: f"{text}!")
    emit_record(Document("x", [fee]), common(output=Output.TABLE), people)
    table = capsys.readouterr().out
    assert ("Taker fee" in table, "0.001!" in table, "taker_fee" in table) == (True, True, False)
    emit_record(Document("x", [fee]), common(output=Output.PLAIN), people)
    assert capsys.readouterr().out == "Field\tValue\ntaker_fee\t0.001\nmaker_fee\t\n"
