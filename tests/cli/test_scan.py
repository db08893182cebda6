import csv
import io
import json
import os
import pty
import subprocess
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

import pytest

from defi_analytics.engine.decide import decide
from defi_analytics.engine.replay import replayed
from defi_analytics.sandbox import lcd
from defi_analytics.sandbox.server import Request
from defi_analytics.storage.codec import decode, encode
from defi_analytics.storage.journal import SqliteJournal
from tests.cli.harness import command, process_environment
from tests.faults import FaultServer

INJ_USDT = "0xa508cb32923323679f29a032c70342c147c17d0145625922b0ef22e955c844c0"
STANDING = {"hyperliquid", "binance", "injective-oracle"}
"""What INJ/USDT is mispriced against in the world of the tests' seed."""


def test_data_is_on_standard_output_and_words_on_standard_error(defi):
    ran = defi("scan", "INJ/USDT")
    assert ran.code == 0
    assert ran.err.startswith("3 of 3 candidates stand")
    header, *lines = ran.out.splitlines()
    assert header.startswith("Market\t")
    assert len(lines) == 3
    assert all(line.startswith("INJ/USDT\t") for line in lines)


def test_an_asset_means_its_markets(defi):
    found = {row["market"]["ticker"] for row in defi("scan", "inj", "--include-rejected", "--json").rows}
    assert found == {"INJ/USDT", "INJ/USDT PERP"}


def test_a_mistyped_asset_proposes_its_first_market(defi):
    ran = defi("scan", "INJJ")
    assert (ran.code, "nearest: INJ/USDT (0xa508cb32)" in ran.err) == (8, True)


def test_json_tells_the_same_as_the_lines(defi):
    ran = defi("scan", "INJ/USDT", "--json")
    assert {row["against"] for row in ran.rows} == STANDING
    assert all(row["market"]["market_id"] == INJ_USDT for row in ran.rows)
    assert all(row["stands"] and row["rejection"] is None for row in ran.rows)
    assert ran.document["meta"]["elapsed_ms"] >= 0
    assert {source["name"] for source in ran.document["meta"]["sources"]} >= {
        "injective book",
        "binance book",
    }


def test_the_costs_lead_from_gross_to_net(defi):
    for row in defi("scan", "--json").rows:
        costs = sum(float(cost) for cost in row["costs"].values())
        gross = float(row["gross_edge"]) * float(row["notional"])
        assert gross - costs == pytest.approx(float(row["profit"]), rel=1e-6)


def test_a_terminal_gets_a_table_a_conclusion_and_the_next_step(defi):
    ran = defi("scan", "INJ/USDT", terminal=True)
    assert "\x1b[" in ran.out
    assert "─" in ran.out
    assert "3 of " in ran.err
    assert "Next: defi scan INJ/USDT --explain" in ran.err


def test_quiet_leaves_only_the_result(defi):
    ran = defi("scan", "INJ/USDT", "-q", "-o", "table")
    assert "Next:" not in ran.err
    assert "INJ/USDT" in ran.out


@pytest.mark.parametrize("option", [["--no-color"], []])
@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_colour_can_be_declined_three_ways(defi, monkeypatch, option, variable):
    for name, value in variable.items():
        monkeypatch.setenv(name, value)
    ran = defi("scan", "INJ/USDT", *option, terminal=True)
    assert ("\x1b[" in ran.out) is not bool(option or variable)


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 200])
def test_a_narrow_terminal_cuts_no_figure(defi, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    rows = defi("scan", "INJ/USDT", "--json").rows
    out = defi("scan", "INJ/USDT", "-o", "table").out
    for row in rows:
        assert f"{float(row['net_edge']) * 10_000:.1f}" in out
        assert f"{float(row['profit']):,.2f}" in out
    if columns >= 60:
        assert max(map(len, out.splitlines())) <= columns


def test_rejected_candidates_are_shown_with_their_reason_on_request(defi):
    standing = defi("scan", "--json").rows
    everything = defi("scan", "--include-rejected", "--top", "1000", "--json").rows
    assert all(row["stands"] for row in standing)
    rejected = [row for row in everything if not row["stands"]]
    assert len(everything) == len(standing) + len(rejected)
    assert {"NOT_CROSSED", "UNVERIFIED_ASSET"} <= {row["rejection"]["code"] for row in rejected}
    # What stands comes first.
    assert [row["stands"] for row in everything] == sorted(
        (row["stands"] for row in everything), reverse=True
    )


def test_top_limits_the_rows_and_keeps_the_most_profitable(defi):
    everything = defi("scan", "--json").rows
    assert defi("scan", "--top", "2", "--json").rows[0]["profit"] == everything[0]["profit"]
    assert len(defi("scan", "--top", "2", "--json").rows) == 2


def test_explain_tells_every_cost_input_and_age(defi):
    out = defi(
        "scan", "INJ/USDT", "--against", "hyperliquid", "--kind", "cross-venue", "--explain", "-o", "table"
    ).out
    for word in (
        "do ",
        "size",
        "prices",
        "gross",
        "- buy fee",
        "- sell fee",
        "- slippage",
        "net",
        "rate",
        "at size",
        "input",
        "note",
    ):
        assert f"  {word}" in out
    assert "- conversion " in out


def test_explain_tells_of_a_fair_value_its_uncertainty_and_of_a_rejection_its_limit(defi):
    out = defi(
        "scan", "WETH/USDT", "--kind", "prediction", "--explain", "--include-rejected", "-o", "table"
    ).out
    for word in ("why not", "fair value", "gap"):
        assert f"  {word}" in out
    assert "not calibrated" in out


def test_explain_reaches_a_pipe_too(defi):
    out = defi("scan", "INJ/USDT", "--explain").out
    assert "- buy fee" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("size", ["500USDT", "500", "500.0 USDT", " 500usdt "])
def test_a_size_is_a_notional_with_or_without_its_currency(defi, size):
    rows = defi(
        "scan", "INJ/USDT", "--against", "binance", "--kind", "cross-venue", "--size", size, "--json"
    ).rows
    (row,) = rows
    (priced,) = row["sizes"]
    assert 499 < float(priced["notional"]) <= 500
    assert float(row["notional"]) <= 500


@pytest.mark.parametrize("size", ["abc", "", "0", "-5", "1e3", "inf", "nan", "2.5k!", "5 000", "١٢٣", "0.0"])
def test_a_size_that_is_none_is_refused(defi, size):
    ran = defi("scan", f"--size={size}")
    assert ran.code == 2
    assert "--size" in ran.err


def test_two_currencies_in_one_scan_are_refused(defi):
    ran = defi("scan", "--size", "5USDT", "--size", "5INJ")
    assert ran.code == 2
    assert "one currency" in ran.err


@pytest.mark.parametrize("age", ["soon", "0", "-1s", "inf", "nan"])
def test_an_age_that_is_none_is_refused(defi, age):
    ran = defi("scan", f"--max-age={age}")
    assert ran.code == 2
    assert "--max-age" in ran.err


@pytest.mark.parametrize(
    "option", [["--max-age", "2m"], ["--max-age", "500ms"], ["--timeout", "1m"], ["--size", "1kUSDT"]]
)
def test_durations_and_sizes_are_taken_as_people_write_them(defi, option):
    ran = defi("scan", "INJ/USDT", "--kind", "cross-venue", *option, "--json")
    assert (ran.code, ran.document["ok"]) == (0, True)


def test_no_book_is_fresh_enough_for_a_tiny_age(defi):
    ran = defi(
        "scan", "INJ/USDT", "--kind", "cross-venue", "--max-age", "0.000001s", "--include-rejected", "--json"
    )
    assert {row["rejection"]["code"] for row in ran.rows} == {"STALE_BOOK"}


@pytest.mark.parametrize("option", [["--min-edge-bps", "9000"], ["--min-profit", "1e9"]])
def test_nothing_stands_above_what_is_asked_for(defi, option):
    assert defi("scan", "INJ/USDT", *option, "--json").rows == []


def test_the_exit_code_tells_on_request_that_nothing_stands(defi):
    assert defi("scan", "INJ/USDT", "--min-edge-bps", "9000").code == 0
    assert defi("scan", "INJ/USDT", "--min-edge-bps", "9000", "--exit-code").code == 10
    assert defi("scan", "INJ/USDT", "--exit-code").code == 0


def test_a_table_without_rows_says_why_and_what_to_do(defi):
    ran = defi("scan", "INJ/USDT", "--min-edge-bps", "9000", "-o", "table")
    assert ran.out == ""
    assert "0 of " in ran.err
    assert "BELOW_MIN_EDGE" in ran.err
    assert "--include-rejected" in ran.err


def test_an_unknown_venue_lists_the_known_ones(bare):
    ran = bare("scan", "--against", "nonsense")
    assert ran.code == 2
    assert "known: binance, binance-perp, hyperliquid, okx, okx-perp" in ran.err


def test_the_sandbox_is_not_compared_with_a_venue_of_the_real_world(defi):
    ran = defi("scan", "INJ/USDT", "--against", "okx")
    assert ran.code == 2
    assert "sandbox" in ran.err


def test_an_unknown_market_names_the_nearest(defi):
    ran = defi("scan", "INJ/USDX", "--json")
    assert ran.code == 8
    assert ran.error["code"] == "UNKNOWN_MARKET"
    assert "INJ/USDT (0xa508cb32" in ran.error["message"]


def test_a_ticker_that_two_markets_bear_means_the_verified_one(defi):
    assert {
        row["market"]["market_id"] for row in defi("scan", "INJ/USDT", "--include-rejected", "--json").rows
    } == {INJ_USDT}


def test_a_pattern_finds_impostors_too_and_rejects_them(defi):
    rows = defi("scan", "INJ/*", "--include-rejected", "--json").rows
    impostors = [row for row in rows if row["market"]["market_id"].startswith("0x5b0f")]
    assert [row["rejection"]["code"] for row in impostors] == ["UNVERIFIED_ASSET"]


def test_a_watch_scans_as_often_as_counted(defi):
    once = defi("scan", "INJ/USDT", "-o", "ndjson").out.splitlines()
    ran = defi("scan", "INJ/USDT", "--watch", "0.1", "--count", "3", "-o", "ndjson")
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 3 * len(once)
    assert all(json.loads(line)["stands"] for line in ran.out.splitlines())


def test_a_watch_at_a_terminal_clears_it_between_two_looks(defi):
    ran = defi("scan", "INJ/USDT", "--watch", "0.1", "--count", "2", terminal=True)
    assert ran.out.count("\x1b[H\x1b[2J") == 1


def test_a_count_alone_watches_with_the_settings_interval(defi, monkeypatch):
    monkeypatch.setenv("DEFI_MONITORING__UPDATE_INTERVAL", "0.1")
    ran = defi("scan", "INJ/USDT", "--count", "2", "--no-header")
    assert len(ran.out.splitlines()) == 6


def test_what_was_found_is_recorded_on_request_only(defi, home):
    defi("scan", "INJ/USDT")
    assert not (home / "state" / "journal.sqlite").exists()
    defi("scan", "--record")
    defi("scan", "INJ/USDT", "--record", "--watch", "0.1", "--count", "2")
    with SqliteJournal(home / "state" / "journal.sqlite") as journal:
        bodies = [body for _, kind, body in journal.replay("scan")]
    assert len(bodies) == 3
    assert all(body["network"] == "sandbox" for body in bodies)
    # The rejected ones are kept with their reasons.
    assert any(edge["rejection"] for edge in bodies[0]["edges"])
    for body in bodies:
        again = decode(encode({"edges": decide(*replayed(body))}))
        assert again["edges"] == body["edges"]


def test_csv_is_a_row_for_each_edge(defi):
    rows = list(csv.DictReader(io.StringIO(defi("scan", "INJ/USDT", "-o", "csv").out, newline="")))
    assert {row["Against"] for row in rows} == STANDING


@pytest.mark.parametrize("form", ["csv", "plain"])
def test_a_header_can_be_left_out(defi, form):
    with_header = defi("scan", "INJ/USDT", "-o", form).out.splitlines()
    without = defi("scan", "INJ/USDT", "-o", form, "--no-header").out.splitlines()
    assert len(without) == len(with_header) - 1
    assert not any(line.startswith("Market") for line in without)


def test_a_spinner_turns_only_for_a_person(defi, monkeypatch):
    assert "sandbox" in defi("scan", "INJ/USDT", terminal=True).err
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in defi("scan", "INJ/USDT", terminal=True).err


def test_a_real_terminal_gets_colours_and_its_own_width(sandbox):
    """The one test with a terminal that is one."""
    leader, follower = pty.openpty()
    environment = process_environment(
        DEFI_SANDBOX__PORT=sandbox.url.rpartition(":")[2], COLUMNS="200", TERM="xterm"
    )
    with subprocess.Popen(
        command("scan", "INJ/USDT", "--network", "sandbox"),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=subprocess.PIPE,
    ) as running:
        os.close(follower)
        shown = b""
        # Linux tells the end of a terminal by an error.
        with suppress(OSError):
            while part := os.read(leader, 65536):
                shown += part
        os.close(leader)
        assert running.stderr is not None
        err = running.stderr.read()
    assert running.returncode == 0
    assert b"\x1b[1;32mstands" in shown
    assert b"Gross bps" in shown
    assert b"Next: defi scan INJ/USDT" in err
    assert b"\x1b" not in err


@pytest.mark.parametrize("size", ["5INJ", "5DOGE"])
def test_a_size_in_a_currency_that_no_market_is_quoted_in_is_refused(defi, size):
    ran = defi("scan", "INJ/USDT", "--size", size)
    assert ran.code == 2
    assert "quoted in USDT" in ran.err


def test_where_nobody_else_answers_the_result_is_empty_and_the_code_says_so(
    bare, background, sandbox, monkeypatch
):
    def good(path, body):
        target = urlsplit(path)
        request = Request("GET", target.path, tuple(parse_qsl(target.query)), (), body)
        return None if "/oracle/" in path else lcd.respond(request, sandbox.moment()).body

    server = FaultServer(good, "ok")
    background.call(server.__aenter__())
    try:
        monkeypatch.setenv("DEFI_INJECTIVE__LCD_URL", server.url)
        # Nobody listens on port 9 of the loopback interface.
        for name in ("BINANCE", "HYPERLIQUID", "OKX"):
            monkeypatch.setenv(f"DEFI_VENUES__{name}__URL", "http://127.0.0.1:9")
        table = bare("scan", "INJ/USDT", "--kind", "cross-venue", "-o", "table")
        document = bare("scan", "INJ/USDT", "--kind", "cross-venue", "--json").document
    finally:
        background.call(server.__aexit__())
    assert table.code == 5
    assert table.out == ""
    assert table.err.count("defi: warning: ") == 4
    assert document["data"] == []
    assert {w["source"] for w in document["warnings"]} == {
        "binance",
        "hyperliquid",
        "okx",
        "injective-oracle",
    }


def test_without_a_sandbox_running_one_is_started_for_the_scan(bare, monkeypatch, unused_tcp_port):
    monkeypatch.setenv("DEFI_SANDBOX__PORT", str(unused_tcp_port))
    rows = bare("scan", "INJ/USDT", "--network", "sandbox", "--json").rows
    assert {row["against"] for row in rows} == STANDING


def test_another_service_on_the_sandbox_port_is_not_taken_for_it(bare, background, monkeypatch):
    server = FaultServer(lambda path, body: b"{}", "s403")
    background.call(server.__aenter__())
    try:
        monkeypatch.setenv("DEFI_SANDBOX__PORT", str(server.port))
        ran = bare("scan", "INJ/USDT", "--network", "sandbox", "--json")
    finally:
        background.call(server.__aexit__())
    assert {row["against"] for row in ran.rows} == STANDING


def test_a_candidate_in_a_bridged_asset_says_so_once(defi):
    rows = defi("scan", "WETH/USDT", "INJ/USDT", "--include-rejected", "--json").rows
    notes = {row["market"]["ticker"]: [n for n in row["notes"] if "native asset" in n] for row in rows}
    assert [len(notes[ticker]) for ticker in ("WETH/USDT", "INJ/USDT")] == [1, 0]


def test_a_venue_may_be_written_in_capitals(defi):
    assert defi("scan", "INJ/USDT", "--against", "Binance").code == 0
