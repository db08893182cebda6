import re
import shlex

import pytest

from defi_analytics.cli.scan_rows import COLUMNS
from tests.cli.forms import FORMS, assert_form
from tests.cli.front import DOWN, answering

NOTHING = ("--min-edge-bps", "9000")


@pytest.mark.parametrize("form", FORMS)
def test_a_scan_comes_in_every_form(defi, form):
    assert_form(defi("scan", "INJ/USDT", "-o", form), form, COLUMNS, 3)


def test_the_document_counts_candidates_whatever_it_shows(defi):
    everything = defi("scan", "INJ/*", "--include-rejected", "--json")
    meta = everything.document["meta"]
    assert meta["candidates"] == len(everything.rows)
    assert meta["standing"] == sum(row["stands"] for row in everything.rows)
    assert 0 < meta["standing"] < meta["candidates"]
    one = defi("scan", "INJ/*", "--top", "1", "--json")
    assert len(one.rows) == 1
    assert {**one.document["meta"], "elapsed_ms": 0, "sources": []} == {
        **meta,
        "elapsed_ms": 0,
        "sources": [],
    }


def test_each_source_is_listed_once_with_the_age_of_its_oldest_input(defi):
    ran = defi("scan", "--include-rejected", "--json")
    ages = {}
    for row in ran.rows:
        for seen in row["inputs"]:
            ages.setdefault(seen["name"], []).append(seen["age_ms"])
    found = [(source["name"], source["age_ms"]) for source in ran.document["meta"]["sources"]]
    assert found == [(name, max(ages[name])) for name in sorted(ages)]


def rows_of(ran, form):
    return len(ran.rows) if form == "json" else sum("INJ/USDT" in line for line in ran.out.splitlines())


@pytest.mark.parametrize("form", ["table", "plain", "csv", "ndjson", "json"])
def test_a_limit_that_someone_set_holds_in_every_form(defi, monkeypatch, form):
    monkeypatch.setenv("DEFI_SCAN__TOP", "1")
    assert rows_of(defi("scan", "INJ/USDT", "-o", form), form) == 1


@pytest.mark.parametrize(("form", "cut"), [("table", True), ("plain", False), ("json", False)])
def test_by_itself_only_a_table_is_cut_to_a_screen(defi, form, cut):
    ran = defi("scan", "--include-rejected", "-o", form)
    # Two lines of a table are its head, one of plain output is.
    heads = {"table": 2, "plain": 1}
    lines = [line for line in ran.out.splitlines() if line.strip()]
    rows = len(ran.rows) if form == "json" else len(lines) - heads[form]
    assert (rows == 20) is cut
    assert ("more rows are not shown; --top " in ran.err) is cut


def next_line(ran):
    (line,) = [line for line in ran.err.splitlines() if line.startswith("Next: ")]
    return line.removeprefix("Next: ").split("   ")[0]


@pytest.mark.parametrize(
    ("options", "asked", "more"),
    [
        ([], "", "--explain"),
        (["--explain"], "", "--watch 5"),
        (NOTHING, "--min-edge-bps 9000 ", "--include-rejected"),
        ([*NOTHING, "--explain"], "--min-edge-bps 9000 ", "--include-rejected"),
        ([*NOTHING, "--include-rejected"], "--min-edge-bps 9000 --include-rejected ", "--explain"),
        (["--include-rejected", "--explain"], "--include-rejected ", "--watch 5"),
    ],
)
def test_the_next_step_depends_on_what_was_found(defi, options, asked, more):
    ran = defi("scan", "INJ/USDT", *options, "-o", "table")
    assert next_line(ran) == f"defi scan INJ/USDT {asked}{more}"


def test_the_next_step_keeps_to_the_same_limits_sizes_and_settings(defi, home):
    (home / "my own.yaml").write_text("scan:\n  top: 2\n")
    (home / "my own.yaml").chmod(0o600)
    sizes = ["--size", "500usdt", "--size", "20000.5USDT"]
    limits = ["--min-edge-bps", "0.7", "--min-profit", "0", "--max-age", "8s"]
    ran = defi("scan", "INJ/USDT", *sizes, *limits, "-c", "my own.yaml", "-o", "table")
    assert next_line(ran) == (
        "defi scan INJ/USDT --config 'my own.yaml' --size 500USDT --size 20000.5USDT"
        " --min-edge-bps 0.7 --min-profit 0 --max-age 8 --explain"
    )
    assert defi(*shlex.split(next_line(ran))[1:]).code == 0


def test_the_next_step_looks_at_the_same(defi):
    asked = "defi scan 'INJ/*' --network sandbox --kind cross-venue --kind oracle --against binance"
    given = ["--kind", "oracle", "--against", "binance", "--network", "sandbox", "--kind", "cross-venue"]
    ran = defi("scan", "INJ/*", *given, "-o", "table")
    assert next_line(ran) == f"{asked} --explain"
    # It can be run as it stands.
    again = defi(*shlex.split(next_line(ran))[1:], "-o", "table")
    assert next_line(again) == f"{asked} --watch 5"


def test_the_next_step_names_no_network_that_only_the_settings_say(defi):
    assert "--network" not in next_line(defi("scan", "INJ/USDT", "-o", "table"))


@pytest.mark.parametrize("form", ["ndjson", "json"])
def test_what_is_for_programs_alone_has_nothing_beside_it(defi, form):
    assert defi("scan", "INJ/USDT", "-o", form).err == ""


@pytest.mark.parametrize("form", ["plain", "csv"])
def test_in_a_pipe_one_line_says_what_came_of_it_and_no_next_step(defi, form):
    [said] = defi("scan", "INJ/USDT", "-o", form).err.splitlines()
    assert re.fullmatch(r"[0-9]+ of [0-9]+ candidates stand.* s\)", said)
    assert defi("scan", "INJ/USDT", "-o", form, "--quiet").err == ""


def test_rounds_in_a_pipe_have_one_header_and_each_row_its_time(defi):
    ran = defi("scan", "INJ/USDT", "--watch", "0.1", "--count", "3", "-o", "plain")
    said = ran.err.splitlines()
    assert len(said) == 3
    assert all(re.search(r", at [0-9:]{8}Z\)$", line) for line in said)
    header, *lines = [line.split("\t") for line in ran.out.splitlines()]
    assert header[-1] == "Time"
    assert {len(line) for line in lines} == {len(header)}
    times = [line[-1] for line in lines]
    assert "Time" not in times
    assert len(set(times)) == 3
    assert all(re.fullmatch(r"[0-9-]{10}T[0-9:.]+Z", time) for time in times)


@pytest.mark.parametrize("columns", [60, 80])
def test_no_word_breaks_at_the_edge_of_a_terminal(defi, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    ran = defi("scan", "INJ/*", "--include-rejected", "--explain", terminal=True)
    assert max(map(len, (ran.out + ran.err).splitlines())) <= columns
    assert "candidates stand" in ran.err


def test_the_conclusion_counts_what_stands_and_why_the_rest_does_not(defi):
    ran = defi("scan", "INJ/*", "-o", "table")
    meta = defi("scan", "INJ/*", "--json").document["meta"]
    assert f"{meta['standing']} of {meta['candidates']} candidates stand; rejected: " in ran.err
    assert "UNVERIFIED_ASSET " in ran.err
    assert "(sandbox, " in ran.err


def test_what_failed_is_told_beside_the_rows_and_where_there_are_none(defi, background, sandbox, monkeypatch):
    with answering(background, sandbox, monkeypatch, {"/binance/": DOWN}):
        some = defi("scan", "INJ/USDT", "-o", "table")
        none = defi("scan", "INJ/USDT", *NOTHING, "-o", "table")
        quiet = defi("scan", "INJ/USDT", *NOTHING, "-o", "table", "-q")
    for ran in (some, none, quiet):
        assert ran.code == 0
        assert ran.err.count("defi: warning: binance") == 1
    assert none.out == quiet.out == ""
    assert len(quiet.err.splitlines()) == 1
