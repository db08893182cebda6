from dataclasses import replace
from decimal import Decimal

import pytest

from defi_analytics.cli.market_rows import (
    LIST_COLUMNS,
    PEOPLE,
    book_lines,
    book_row,
    candle_row,
    listing_order,
    market_row,
    warning_rows,
)
from defi_analytics.domain.book import Candle
from defi_analytics.domain.snapshot import Problem
from tests.builders import a_book, a_market, a_top
from tests.fakes import NOON

MARKET = a_market()
BOOK = a_book(MARKET, [(24.999, 2.0), (24.998, 3.0)], [(25.001, 1.0), (25.002, 4.0), (25.003, 1.0)])


def test_prices_land_on_the_markets_grid():
    row = market_row(MARKET, a_top(MARKET, 24.999000000000002, 25.001, mark=25.0001, funding_hourly=-0.00002))
    assert (row.bid, row.ask, row.mid) == ("24.999", "25.001", "25")
    assert (row.mark, row.funding_hourly) == ("25.0001", "-0.00002")


def test_a_side_nobody_quotes_is_null():
    row = market_row(MARKET, a_top(MARKET, None, 25.001))
    assert (row.bid, row.ask, row.mid) == (None, "25.001", None)


def test_a_market_without_a_top_has_no_prices():
    row = market_row(MARKET, None)
    assert (row.bid, row.ask, row.mid, row.mark, row.funding_hourly) == (None,) * 5
    assert (row.price_tick, row.min_quantity, row.taker_fee) == ("0.001", "0", "0.001")


def test_an_asset_that_was_not_proven_is_said_to_be_so():
    asset = next(column for column in LIST_COLUMNS if column.name == "Asset")
    assert asset.text(market_row(MARKET, None)) == "INJ/USDT"
    assert asset.text(market_row(replace(MARKET, base="", quote=""), None)) == "not verified"


def test_fees_are_fractions_in_rows_and_basis_points_in_columns():
    fee = next(column for column in LIST_COLUMNS if column.name == "Taker bps")
    row = market_row(replace(MARKET, taker_fee=Decimal("0.0005")), None)
    assert row.taker_fee == "0.0005"
    assert fee.text(row) == "5.0"


def test_verified_markets_come_first_whatever_others_call_themselves():
    impostor = replace(MARKET, ticker=" AAA/USDT", base="", quote="")
    later = a_market(base="ZZZ")
    assert sorted([impostor, later, MARKET], key=listing_order) == [MARKET, later, impostor]


def test_cumulative_is_the_notional_up_to_each_level():
    row = book_row(MARKET, BOOK, 2)
    assert [level.price for level in row.bids] == ["24.999", "24.998"]
    assert [level.cumulative for level in row.bids] == ["49.998", "124.992"]
    assert [level.cumulative for level in row.asks] == ["25.001", "125.009"]


@pytest.mark.parametrize(("depth", "truncated"), [(2, True), (3, False)])
def test_a_book_says_whether_more_was_left_out(depth, truncated):
    assert book_row(MARKET, BOOK, depth).truncated is truncated


def test_a_book_the_venue_cut_stays_truncated():
    assert book_row(MARKET, replace(BOOK, truncated=True), 100).truncated


def test_the_best_prices_meet_in_the_middle():
    lines = book_lines(book_row(MARKET, BOOK, 2))
    assert [(line.side, line.price) for line in lines] == [
        ("ask", "25.002"),
        ("ask", "25.001"),
        ("bid", "24.999"),
        ("bid", "24.998"),
    ]


def test_a_candle_keeps_its_time_and_figures():
    row = candle_row(Candle(NOON, 1.0, 2.5, 0.5, 1.25, 1e6))
    assert (row.at, row.open, row.high, row.low, row.close, row.volume) == (
        NOON, "1", "2.5", "0.5", "1.25", "1000000"
    )  # fmt: skip


def test_a_problem_names_its_source_in_the_warning():
    (row,) = warning_rows([Problem("okx", "STALE", "too old")])
    assert (row.code, row.message, row.source) == ("STALE", "okx: too old", "okx")


def test_a_markets_fees_and_margins_are_per_cent_for_people():
    row = market_row(replace(MARKET, taker_fee=Decimal("0.0005")), None)
    assert PEOPLE["taker_fee"](row.taker_fee) == "0.05 %"
