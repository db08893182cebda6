import csv
import io
import json
import re
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest

from defi_analytics.cli.market_rows import BOOK_COLUMNS, CANDLE_COLUMNS, FUNDING_COLUMNS, LIST_COLUMNS
from defi_analytics.cli.schemas import CandleRow, FundingRow, MarketRow
from defi_analytics.sandbox.listings import LISTINGS
from tests.cli.forms import FORMS, assert_form, cells
from tests.cli.front import GONE, answering

INJ_USDT = "0xa508cb32923323679f29a032c70342c147c17d0145625922b0ef22e955c844c0"
IMPOSTOR = "0x5b0f2a9c4e1d7386b1a40c8f92d3e7506a7b8c9d0e1f2a3b4c5d6e7f80910213"
HOSTILE = next(listing for listing in LISTINGS.values() if "\x1b" in listing.ticker)
OPEN = sum(listing.status == "Active" for listing in LISTINGS.values())


def test_while_a_market_is_paused_its_name_means_no_lookalike(defi, sandbox, home):
    order = home / "order.yaml"
    order.write_text("{market: INJ/USDT, side: buy, price: 17.03, quantity: 1}")
    standstill = sandbox.chain.ledger.standstill
    standstill.put(INJ_USDT, "Paused", sandbox.moment().block)
    try:
        (shown,) = defi("market", "show", "INJ/USDT", "--json").rows
        checked = defi("risk", "check", "--order", str(order), "--json")
        (found,) = defi("scan", "INJ/USDT", "--kind", "oracle", "--include-rejected", "--json").rows
    finally:
        standstill.put(INJ_USDT, "Active", sandbox.moment().block)
    assert (shown["market_id"], shown["status"]) == (INJ_USDT, "paused")
    assert checked.code == 20
    assert {row["code"] for row in checked.rows if row["rule"] == "market_state"} == {"MARKET_STATE"}
    assert (found["market"]["market_id"], found["rejection"]["code"]) == (INJ_USDT, "MARKET_STATUS")


def test_verified_markets_are_listed_before_the_others(defi):
    rows = defi("market", "list", "--json").rows
    verified = [bool(row["base"]) for row in rows]
    assert verified == sorted(verified, reverse=True)
    assert {INJ_USDT, IMPOSTOR} <= {row["market_id"] for row in rows}


def test_a_pattern_narrows_the_list(defi):
    rows = defi("market", "list", "inj/*", "--json").rows
    assert {row["ticker"] for row in rows} == {"INJ/USDT", "INJ/USDT PERP"}


def test_a_pattern_that_finds_nothing_is_not_found(defi):
    assert defi("market", "list", "NOPE/*").code == 8


def test_csv_can_be_read_back(defi):
    text = defi("market", "list", "-o", "csv").out
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    (row,) = [row for row in rows if row["Id"] == INJ_USDT]
    assert row["Tick"] == "0.001"
    assert Decimal(row["Bid"]) < Decimal(row["Ask"])


def test_one_market_is_shown_field_by_field(defi):
    ran = defi("market", "show", "INJ/USDT PERP")
    fields = dict(line.split("\t") for line in ran.out.splitlines())
    assert fields["ticker"] == "INJ/USDT PERP"
    assert fields["kind"] == "perpetual"
    assert Decimal(fields["mark"]) > 0


def test_a_person_is_told_what_to_do_next(defi):
    assert "Next: defi scan 0xa508cb3292" in defi("market", "show", "INJ/USDT", terminal=True).err


def test_the_two_markets_of_one_name_are_told_apart_by_id(defi):
    assert defi("market", "show", "INJ/USDT", "--json").rows[0]["market_id"] == INJ_USDT
    (row,) = defi("market", "show", IMPOSTOR[:12], "--json").rows
    assert row["market_id"] == IMPOSTOR
    assert row["base"] == ""


def test_a_book_has_its_best_prices_in_the_middle(defi):
    lines = defi("market", "book", "INJ/USDT", "--depth", "3", "--no-header").out.splitlines()
    sides = [line.split("\t")[0] for line in lines]
    prices = [Decimal(line.split("\t")[1]) for line in lines]
    assert sides == ["ask"] * 3 + ["bid"] * 3
    assert prices == sorted(prices, reverse=True)


def test_a_book_as_json_is_one_row_of_two_sides_with_running_notionals(defi):
    (row,) = defi("market", "book", "INJ/USDT", "--depth", "5", "--json").rows
    assert row["truncated"]
    for side in (row["bids"], row["asks"]):
        total = Decimal(0)
        for level in side:
            total += Decimal(level["price"]) * Decimal(level["quantity"])
            assert Decimal(level["cumulative"]) == total
    (line,) = defi("market", "book", "INJ/USDT", "--depth", "5", "-o", "ndjson").out.splitlines()
    assert json.loads(line)["bids"] == row["bids"]


@pytest.mark.parametrize(
    ("market", "said"), [("INJ/USDT", "INJ/USDT at"), (IMPOSTOR, "an unverified market")]
)
def test_a_person_is_told_what_book_it_is(defi, market, said):
    assert said in defi("market", "book", market, terminal=True).err


@pytest.mark.parametrize("depth", ["0", "-1", "1001", "x"])
def test_a_depth_that_is_none_is_refused(defi, depth):
    assert defi("market", "book", "INJ/USDT", f"--depth={depth}").code == 2


def test_candles_are_oldest_first_and_as_many_as_asked(defi):
    rows = defi("market", "candles", "INJ/USDT", "--resolution", "15", "--count", "4", "--json").rows
    assert len(rows) == 4
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    for row in rows:
        assert Decimal(row["low"]) <= Decimal(row["open"]) <= Decimal(row["high"])
    lines = defi("market", "candles", "INJ/USDT", "--count", "2", "--no-header").out.splitlines()
    assert len(lines) == 2


@pytest.mark.parametrize("form", FORMS)
def test_the_list_has_every_open_market_in_every_form(defi, form):
    assert_form(defi("market", "list", "-o", form), form, LIST_COLUMNS, OPEN)


@pytest.mark.parametrize("form", FORMS)
def test_a_book_is_two_sides_of_levels_or_one_document(defi, form):
    ran = defi("market", "book", "INJ/USDT", "--depth", "2", "-o", form)
    assert_form(ran, form, BOOK_COLUMNS, 1 if "json" in form else 4)


@pytest.mark.parametrize("form", FORMS)
def test_candles_come_in_every_form(defi, form):
    ran = defi("market", "candles", "INJ/USDT", "--count", "3", "-o", form)
    assert_form(ran, form, CANDLE_COLUMNS, 3)


@pytest.mark.parametrize("form", FORMS)
def test_funding_comes_in_every_form(defi, form):
    ran = defi("market", "funding", "INJ/USDT PERP", "--count", "2", "-o", form)
    assert_form(ran, form, FUNDING_COLUMNS, 2)


def test_rows_are_decimal_strings_on_the_markets_grid(defi):
    ran = defi("market", "list", "--json")
    assert ran.err == ""
    assert ran.document["network"] == "sandbox"
    for row in msgspec.convert(ran.rows, list[MarketRow]):
        assert Decimal(row.bid) < Decimal(row.mid) < Decimal(row.ask)
        assert Decimal(row.bid) % Decimal(row.price_tick) == 0
        assert abs(Decimal(row.taker_fee)) < Decimal("0.01")
        assert (row.kind == "spot") is (row.mark is None)


def test_markets_that_prove_nothing_say_so_and_cannot_steer_a_terminal(defi):
    ran = defi("market", "list", "-o", "plain")
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out
    assert [line[2] for line in cells(ran.out, "plain")].count("not verified") == 4


def test_json_tells_a_hostile_ticker_as_it_is_in_ascii(defi):
    (row,) = defi("market", "show", HOSTILE.market_id, "--json").rows
    assert (row["ticker"], row["base"], row["quote"]) == (HOSTILE.ticker, "", "")


@pytest.mark.parametrize("form", ["table", "plain", "csv"])
def test_showing_a_hostile_market_cannot_steer_a_terminal(defi, form):
    ran = defi("market", "show", HOSTILE.market_id[:12], "-o", form)
    assert ran.code == 0
    assert "\x1b" not in ran.out + ran.err
    assert "ATOM/USDT" in ran.out


@pytest.mark.parametrize("command", ["show", "book", "candles", "funding", "list"])
def test_an_unknown_market_names_the_nearest(defi, command):
    ran = defi("market", command, "INJ/USDX")
    assert (ran.code, ran.out) == (8, "")
    assert ran.err.startswith("defi: error: injective: no market 'INJ/USDX'; nearest: INJ/USDT (0xa508cb32)")


def test_an_unknown_market_is_one_json_document_too(defi):
    ran = defi("market", "show", "INJ/USDX", "--json")
    assert ran.code == ran.error["exit_code"] == 8
    assert (ran.error["code"], ran.error["retryable"]) == ("UNKNOWN_MARKET", False)


def test_half_a_list_is_shown_with_a_warning(defi, background, sandbox, monkeypatch):
    with answering(background, sandbox, monkeypatch, {"/derivative/": GONE}):
        ran = defi("market", "list", "--json")
        assert ran.code == 0
        assert {row["kind"] for row in ran.rows} == {"spot"}
        (warning,) = ran.document["warnings"]
        assert (warning["code"], warning["source"]) == ("NOT_FOUND", "injective")
        assert defi("market", "list").err.startswith("defi: warning: injective")


def test_advice_is_for_people_who_want_it(defi):
    show = ("market", "show", "INJ/USDT", "-o", "table")
    assert defi(*show).err == "Next: defi scan 0xa508cb3292   looks for mispricings of it\n"
    assert defi(*show, "--quiet").err == ""
    assert defi("market", "show", "INJ/USDT").err == ""


def test_a_whole_book_is_not_said_to_be_cut(defi):
    (row,) = defi("market", "book", "INJ/USDT", "--depth", "1000", "--json").rows
    assert row["truncated"] is False


def test_candles_are_as_long_as_asked(defi):
    rows = defi("market", "candles", "INJ/USDT", "--resolution", "15", "--count", "4", "--json").rows
    candles = msgspec.convert(rows, list[CandleRow])
    assert [(b.at - a.at).total_seconds() for a, b in pairwise(candles)] == [900] * 3


def test_a_length_nobody_makes_candles_of_lists_those_there_are(defi):
    ran = defi("market", "candles", "INJ/USDT", "--resolution", "7")
    assert (ran.code, ran.out) == (8, "")
    assert "no candles of 7 min" in ran.err
    assert "minutes: 1, 3, 5, 15" in ran.err


def test_funding_is_hourly_newest_first_and_a_fraction(defi):
    ran = defi("market", "funding", "INJ/USDT PERP", "--count", "3", "--json")
    rates = msgspec.convert(ran.rows, list[FundingRow])
    assert [(a.at - b.at).total_seconds() for a, b in pairwise(rates)] == [3600] * 2
    assert all(abs(Decimal(rate.rate)) < Decimal("0.01") for rate in rates)
    assert datetime.fromisoformat(ran.document["generated_at"]) >= rates[0].at


def test_people_read_funding_in_basis_points_beside_the_fraction(defi):
    line = cells(defi("market", "funding", "INJ/USDT PERP", "--count", "1").out, "plain")[1]
    assert Decimal(line[1]) == Decimal(line[2]) * 10_000


def test_spot_pays_no_funding(defi):
    ran = defi("market", "funding", "INJ/USDT", "--json")
    assert (ran.code, ran.error["code"]) == (8, "NOT_FOUND")
    assert "only a perpetual pays funding" in ran.error["message"]
    assert "*PERP" in ran.error["hint"]


def test_a_bridged_base_is_noted_once_and_a_native_one_is_not(defi):
    (bridged,) = defi("market", "show", "WETH/USDT", "--json").rows
    assert bridged["note"] == "ETH on Injective is WETH bridged from Ethereum, not the native asset"
    (native,) = defi("market", "show", "INJ/USDT", "--json").rows
    assert native["note"] == ""
    assert "note\tETH on Injective is WETH" in defi("market", "show", "WETH/USDT").out


@pytest.mark.parametrize(
    "asked",
    [
        ("market", "candles", "INJ/USDT", "--count", "2"),
        ("market", "funding", "INJ/USDT PERP", "--count", "2"),
        ("predict", "BTC"),
    ],
)
def test_times_in_a_pipe_have_one_form(defi, asked):
    header, *lines = (line.split("\t") for line in defi(*asked, "-o", "plain").out.splitlines())
    [place] = [n for n, name in enumerate(header) if name in {"Open time", "Hour ended", "Target"}]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line[place])
