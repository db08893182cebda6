from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.cli.scan_rows import COLUMNS, explanation, scan_row
from defi_analytics.domain.edge import (
    Costs,
    Edge,
    EdgeKind,
    Input,
    Pricing,
    Reason,
    Rejection,
    Side,
    Signal,
    SizePoint,
)
from defi_analytics.domain.market import MarketKind
from tests.builders import a_market, a_rate
from tests.fakes import NOON

COSTS = Costs(
    buy_fee=0.5, sell_fee=0.25, slippage=0.0, conversion=0.125, carry=-0.0625, exit_fee=0.0, fixed=0.0
)
PRICING = Pricing(
    quote="USDT",
    quantity=Decimal(40),
    notional=1000.0,
    gross=10.8125,
    costs=COSTS,
    profit=10.0,
    buy_price=25.0,
    sell_price=25.27,
    curve=(SizePoint(20.0, 500.0, 0.012, 6.0),),
)
PERPETUAL = a_market("binance", ticker="INJUSDT", kind=MarketKind.PERPETUAL)
EDGE = Edge(
    EdgeKind.CROSS_VENUE,
    a_market(),
    "binance",
    side=Side.BUY,
    reference=PERPETUAL,
    pricing=PRICING,
    indicative=0.02,
    rates=(a_rate(bid=0.999, ask=1.001, at=NOON - timedelta(seconds=2)),),
    inputs=(Input("injective book", NOON, 0.0), Input("binance book", NOON - timedelta(seconds=3), 3.0)),
    notes=("thin",),
)
BARE = Edge(
    EdgeKind.ORACLE,
    a_market(),
    "pyth",
    rejection=Rejection(Reason.STALE_ORACLE, 120.0, 180.5, "s", "pyth INJ"),
)


def told(edge):
    return list(explanation(scan_row(edge, NOON)))


def cells(edge):
    row = scan_row(edge, NOON)
    return {column.name: column.text(row) for column in COLUMNS}


def test_a_priced_edge_is_explained_from_gross_to_net():
    assert told(EDGE) == [
        "INJ/USDT against binance (cross-venue): stands",
        "  do          buy on injective, sell INJUSDT (perpetual) on binance",
        "  size        40 base, 1,000.00 USDT",
        "  prices      buy at 25, sell at 25.27 on average",
        "  gross         10.8125 USDT (108.1 bps)",
        "  - buy fee     0.5000 USDT",
        "  - sell fee    0.2500 USDT",
        "  - conversion  0.1250 USDT",
        "  - funding     -0.0625 USDT",
        "  net           10.0000 USDT (100.0 bps)",
        "  rate        USDC/USDT 0.999 to 1.001 from binance",
        "  at size     500.00 USDT: net 120.0 bps, 6.0000 USDT",
        "  input       injective book, 0.0 s old",
        "  input       binance book, 3.0 s old",
        "  note        thin",
    ]


@settings(max_examples=50)
@given(st.lists(st.floats(-50, 50), min_size=7, max_size=7), st.floats(-100, 100))
def test_the_costs_that_are_told_lead_from_gross_to_net(parts, profit):
    costs = Costs(*parts)
    edge = replace(EDGE, pricing=replace(PRICING, costs=costs, profit=profit, gross=profit + costs.total))
    figures = [line.split() for line in told(edge) if line.startswith(("  gross", "  - ", "  net"))]
    gross, *minus, net = (float(words[-2 if words[0] == "-" else 1].replace(",", "")) for words in figures)
    assert gross - sum(minus) == pytest.approx(net, abs=0.001)
    assert net == pytest.approx(profit, abs=0.0001)


def test_closing_a_perpetual_again_is_a_cost_of_its_own():
    edge = replace(EDGE, pricing=replace(PRICING, costs=replace(COSTS, exit_fee=0.75, fixed=0.001)))
    assert "  - exit fees   0.7500 USDT" in told(edge)
    assert "  - gas         0.0010 USDT" in told(edge)
    assert scan_row(edge, NOON).costs.exit_fee == "0.75"


def test_what_was_rejected_before_a_side_was_known_tells_only_why():
    assert told(BARE) == [
        "INJ/USDT against pyth (oracle): STALE_ORACLE",
        "  why not     STALE_ORACLE value 180.5 limit 120 s (pyth INJ)",
    ]
    assert told(replace(BARE, rejection=Rejection(Reason.NO_BOOK)))[1] == "  why not     NO_BOOK"


@pytest.mark.parametrize(
    ("probability", "said"), [(0.625, ", probability 0.625 (not calibrated)"), (None, "")]
)
def test_a_fair_value_is_told_with_its_doubt(probability, said):
    edge = replace(EDGE, side=Side.SELL, reference=None, signal=Signal(25.5, 0.001, -2.5, probability))
    assert told(edge)[1] == "  do          sell on injective, close at the fair value"
    assert "  fair value  25.5 USDT, uncertainty 10.0 bps" in told(edge)
    assert f"  gap         -2.50 times the uncertainty{said}" in told(edge)


def test_a_row_shows_the_net_edge_and_where_there_is_none_what_the_top_of_the_books_indicates():
    assert (cells(EDGE)["Net bps"], cells(EDGE)["Gross bps"], cells(EDGE)["Age"]) == (
        "100.0",
        "108.1",
        "3.0 s",
    )
    unpriced = replace(BARE, indicative=0.0042)
    assert (cells(unpriced)["Net bps"], cells(unpriced)["Gross bps"]) == ("42.0", "")
    assert (cells(BARE)["Net bps"], cells(BARE)["Side"], cells(BARE)["Age"]) == ("", "", "")


def test_only_what_stands_is_emphasised():
    (style,) = (column.style for column in COLUMNS if column.name == "Verdict")
    assert (style(scan_row(EDGE, NOON)), style(scan_row(BARE, NOON))) == ("bold green", "dim")
    assert (cells(EDGE)["Verdict"], cells(BARE)["Verdict"]) == ("stands", "STALE_ORACLE")


def test_ages_are_milliseconds_as_of_the_snapshot():
    row = scan_row(EDGE, NOON)
    assert row.rates[0].age_ms == 2000
    assert [seen.age_ms for seen in row.inputs] == [0, 3000]


def test_text_that_strangers_chose_cannot_steer_a_terminal():
    hostile = "\x1b[2JINJ\u202e\n/USDT"
    edge = replace(EDGE, reference=replace(PERPETUAL, ticker=hostile), notes=(hostile,), against=hostile)
    edge = replace(edge, market=a_market(ticker=hostile), inputs=(Input(hostile, NOON, 0.0),))
    for line in told(edge):
        assert not {"\x1b", "\u202e", "\n"} & set(line)


def test_a_note_on_the_market_follows_those_of_the_arithmetic():
    edge = Edge(EdgeKind.CROSS_VENUE, a_market(), "binance", notes=("first",))
    assert scan_row(edge, NOON, "bridged").notes == ["first", "bridged"]
    assert scan_row(edge, NOON).notes == ["first"]
