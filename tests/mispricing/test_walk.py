import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.book import Levels
from defi_analytics.domain.edge import Reason
from defi_analytics.mispricing.walk import (
    Terms,
    best_quantity,
    held,
    price_at,
    priced,
    steps,
    taken,
    top_edge,
)
from tests.builders import levels
from tests.shared_data import shared_json

FREE = Terms()


def _published() -> tuple[Levels, Levels, dict]:
    cases = shared_json("samples/theory/two_books_expected.json")["published_small_cases"]
    return levels(*cases["asks"]), levels(*cases["bids"]), cases


def test_the_published_two_book_case_is_met() -> None:
    asks, bids, cases = _published()
    trade = priced(asks, bids, FREE)
    assert trade.quantity == cases["three_asks_two_bids"]["volume"]
    assert trade.profit == pytest.approx(1.6)
    # They multiply the average prices back and cut the hundredfold, a hair below 160, to an integer.
    gain = trade.sell_price * trade.quantity - trade.buy_price * trade.quantity
    assert int(gain * 100) == cases["three_asks_two_bids"]["profit_x100_int"]


def test_the_published_top_only_case_is_met() -> None:
    asks, bids, cases = _published()
    trade = priced(
        Levels(asks.prices[:1], asks.quantities[:1]), Levels(bids.prices[:1], bids.quantities[:1]), FREE
    )
    assert trade.quantity == cases["top_only"]["volume"]
    assert int(trade.profit * 100) == cases["top_only"]["profit_x100_int"]


def test_the_published_uncrossed_case_trades_nothing() -> None:
    _, bids, cases = _published()
    trade = priced(levels(*cases["not_crossed"]["asks"]), bids, FREE)
    assert (trade.quantity, trade.profit) == (cases["not_crossed"]["volume"], cases["not_crossed"]["profit"])
    assert trade.reason == Reason.NOT_CROSSED


@pytest.mark.parametrize("index", range(4))
def test_the_published_converted_crossings_are_met_at_every_stretch(index: int) -> None:
    """Their rule grows while the average earns; the stretches it chooses from are the same as ours."""
    table = shared_json("samples/theory/amm_and_book_vectors.json")["hummingbot_two_book_crossing"]
    case = table["cases"][index]
    asks = levels(*((float(p), float(q)) for p, q in case["asks_1"]))
    bids = levels(*((float(p), float(q)) for p, q in case["bids_2"]))
    rate = float(table["quote_conversion_market_2"])
    walked = steps(asks, bids, Terms(sell_rate=rate, sell_mid_rate=rate))
    if "steps" in case:
        told = [(float(b), float(a), float(q)) for b, a, q in case["steps"]]
        assert [(pytest.approx(s.bid * rate), s.ask, s.quantity) for s in walked] == told
        return
    chosen = {}
    quantity = cost = revenue = 0.0
    for step in walked:
        quantity, cost = quantity + step.quantity, cost + step.ask * step.quantity
        revenue += step.bid * rate * step.quantity
        if revenue / cost >= 1 + float(case["min_profitability"]):
            chosen = {"amount": quantity, "profitability": revenue / cost}
    assert chosen["amount"] == float(case["amount"])
    assert chosen["profitability"] == pytest.approx(float(case["profitability_exact"]), rel=1e-14)


def test_only_units_that_earn_after_both_fees_are_taken() -> None:
    asks, bids = levels((100, 1), (100.5, 1), (101, 1)), levels((101, 5))
    assert best_quantity(asks, bids, FREE) == 2
    assert best_quantity(asks, bids, Terms(buy_fee=0.003, sell_fee=0.003)) == 1
    assert best_quantity(asks, bids, Terms(buy_fee=0.01)) == 0


def test_a_maker_rebate_makes_an_equal_price_profitable() -> None:
    trade = priced(levels((100, 1)), levels((100, 1)), Terms(buy_fee=-0.001))
    assert trade.profit == pytest.approx(0.1)
    assert trade.reason == Reason.NONE


def test_size_shrinks_until_the_whole_trade_keeps_the_asked_edge() -> None:
    asks, bids = levels((100, 1), (101, 100)), levels((102, 200))
    trade = priced(asks, bids, Terms(min_edge=0.015))
    # 2 + 1 x over 100 (1 + x) is 1.5 % at x = 1.
    assert trade.quantity == pytest.approx(2.0)
    assert trade.profit / trade.notional == pytest.approx(0.015)


def test_size_shrinks_until_slippage_is_within_bounds() -> None:
    asks, bids = levels((100, 1), (102, 100)), levels((105, 200))
    trade = priced(asks, bids, Terms(max_slippage=0.01))
    # 2 x over 100 (1 + x) is 1 % at x = 1.
    assert trade.quantity == pytest.approx(2.0)
    assert trade.slippage / trade.notional == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("asks", "bids", "terms"),
    [
        (levels((100, 1), (110, 9)), levels((300, 20)), Terms(buy_mid_rate=2.0, max_slippage=0.05)),
        (levels((100, 20)), levels((300, 1), (290, 9)), Terms(sell_mid_rate=2.0, max_slippage=0.1)),
        (levels((100, 20)), levels((300, 1), (280, 9)), Terms(sell_mid_rate=0.5, max_slippage=0.05)),
    ],
)
def test_slippage_on_either_side_is_counted_in_the_settlement_quote(asks, bids, terms) -> None:
    """At two units: one of them ten or twenty dearer than the best, in a leg that is converted."""
    assert best_quantity(asks, bids, terms) == pytest.approx(2.0)
    trade = price_at(asks, bids, terms, 2.0)
    assert trade.slippage / trade.notional == pytest.approx(terms.max_slippage)


def test_size_shrinks_until_the_edge_is_kept_after_the_fixed_cost() -> None:
    """Powers of two: 8 - 4 on the first unit, 3 - 4 on the others, and 2 in any case."""
    asks, bids, terms = levels((128, 9)), levels((136, 1), (131, 9)), Terms(min_edge=1 / 32, fixed=2.0)
    trade = priced(asks, bids, terms)
    assert (trade.reason, trade.quantity, trade.profit) == (Reason.NONE, 3.0, 12.0)
    assert best_quantity(asks, bids, terms._replace(fixed=4.0)) == 1.0
    assert best_quantity(asks, bids, terms._replace(fixed=4.5)) == 0.0


def test_a_trade_costs_nothing_and_is_bound_by_nothing_unless_told() -> None:
    assert Terms() == (0.0, 0.0, 1.0, 1.0, 1.0, 1.0, *[0.0] * 7, math.inf, math.inf, 0.0, 0.0)
    standing = price_at(levels((100, 1)), levels((101, 1)), FREE, 1.0)
    assert standing[:5] == (Reason.NONE, 0.0, 0.0, 1.0, 0)
    assert priced(levels((101, 1)), levels((101, 1)), FREE) == (Reason.NOT_CROSSED, *[0.0] * 16)


def test_a_bound_itself_still_stands() -> None:
    asks, bids = levels((128, 2)), levels((132, 2))
    exact = Terms(min_quantity=2.0, min_buy_notional=256.0, min_sell_notional=264.0, min_edge=1 / 32)
    assert priced(asks, bids, exact._replace(min_profit=8.0)).reason == Reason.NONE
    assert priced(asks, bids, exact._replace(min_profit=8.5)).reason == Reason.BELOW_MIN_PROFIT
    assert priced(asks, bids, Terms(fixed=8.0)).reason == Reason.BELOW_MIN_EDGE, "nothing is left of it"
    edges = (math.nextafter(1 / 32, 0), math.nextafter(1 / 32, 1))
    assert [priced(asks, bids, exact._replace(min_edge=e)).reason for e in edges] == [
        Reason.NONE,
        Reason.BELOW_MIN_EDGE,
    ]


def test_a_fixed_cost_larger_than_the_gain_leaves_nothing() -> None:
    trade = priced(levels((100, 1)), levels((101, 1)), Terms(fixed=2.0, step=0.1))
    assert trade.reason == Reason.BELOW_MIN_EDGE
    assert trade.value < 0


def test_a_level_is_left_only_when_all_of_it_is_taken() -> None:
    asks, bids = levels((100, 3), (101, 1)), levels((105, 2), (104, 1.5), (103, 9))
    walked = [(100, 105, 2), (100, 104, 1), (101, 104, 0.5), (101, 103, 0.5)]
    assert steps(asks, bids, FREE) == walked
    assert steps(asks, bids, Terms(max_quantity=2.5)) == [(100, 105, 2), (100, 104, 0.5)]


def test_one_step_is_taken_where_only_a_part_of_it_earns_by_itself() -> None:
    asks, bids = levels((100, 0.0625), (103, 1)), levels((102, 1))
    trade = priced(asks, bids, Terms(step=0.125))
    assert (trade.reason, trade.lots, trade.profit) == (Reason.NONE, 1, 0.0625)
    refused = priced(asks, bids, Terms(step=0.125, max_quantity=0.12))
    assert (refused.reason, refused.lots) == (Reason.BELOW_MIN_QUANTITY, 0)


def test_a_fixed_cost_is_paid_once() -> None:
    trade = priced(levels((100, 10)), levels((101, 10)), Terms(fixed=2.0))
    assert trade.profit == pytest.approx(8.0)


def test_quantity_is_floored_to_the_common_grid() -> None:
    trade = priced(levels((100, 0.37)), levels((101, 1)), Terms(step=0.1))
    assert (trade.lots, trade.quantity) == (3, pytest.approx(0.3))


def test_a_quantity_on_the_grid_is_not_lost_to_rounding() -> None:
    assert price_at(levels((100, 1)), levels((101, 1)), Terms(step=0.1), 0.3).lots == 3


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (Terms(step=10.0), Reason.BELOW_MIN_QUANTITY),
        (Terms(min_quantity=2.0), Reason.BELOW_MIN_QUANTITY),
        (Terms(min_buy_notional=101.0), Reason.BELOW_MIN_NOTIONAL),
        (Terms(min_sell_notional=103.0), Reason.BELOW_MIN_NOTIONAL),
        (Terms(min_profit=2.5), Reason.BELOW_MIN_PROFIT),
        (Terms(min_edge=0.03), Reason.BELOW_MIN_EDGE),
        (Terms(buy_fee=0.03), Reason.NOT_CROSSED),
    ],
)
def test_a_trade_that_breaks_a_bound_says_which(terms: Terms, reason: Reason) -> None:
    trade = priced(levels((100, 1)), levels((102, 1)), terms)
    assert trade.reason == reason
    assert math.isfinite(trade.limit)
    assert math.isfinite(trade.value)


def test_a_step_too_big_to_stay_within_the_slippage_bound_is_refused() -> None:
    asks, bids = levels((100, 1), (104, 100)), levels((110, 200))
    assert priced(asks, bids, Terms(max_slippage=0.001, step=10.0)).reason == Reason.ABOVE_MAX_SLIPPAGE


def test_what_breaks_a_bound_is_told_as_a_fraction_whatever_the_size() -> None:
    asks, bids = levels((100, 1), (104, 100)), levels((110, 200))
    slid = priced(asks, bids, Terms(max_slippage=0.001, step=10.0))
    assert (slid.limit, slid.value) == (0.001, pytest.approx(36 / slid.notional))
    thin = priced(asks, bids, Terms(min_edge=0.09, step=10.0))
    assert (thin.reason, thin.limit) == (Reason.BELOW_MIN_EDGE, 0.09)
    assert thin.value == pytest.approx(64 / thin.notional)


@pytest.mark.parametrize("step", [0.01, 10.0])
def test_a_bound_is_one_of_fractions_whatever_the_size(step: float) -> None:
    """A whole step slides by 2 %, or earns 2 %, of what it comes to."""
    asks = levels((100, step / 2), (104, step))
    slid = priced(asks, levels((110, step)), Terms(max_slippage=0.03, step=step))
    thin = priced(asks, levels((104.04, step)), Terms(min_edge=0.01, step=step))
    assert (slid.reason, slid.quantity) == (Reason.NONE, step)
    assert (thin.reason, thin.quantity) == (Reason.NONE, step)


def test_a_stretch_has_to_earn_the_funding_and_the_way_out_too() -> None:
    asks, bids = levels((100, 1), (101, 1)), levels((102, 2))
    assert len(steps(asks, bids, FREE)) == 2
    assert len(steps(asks, bids, Terms(carry=0.01, exit_fee=0.005))) == 1


def test_an_empty_side_is_not_crossed() -> None:
    nothing = levels()
    for asks, bids in ((nothing, levels((1, 1))), (levels((1, 1)), nothing)):
        assert top_edge(asks, bids, FREE) == -1
        assert best_quantity(asks, bids, FREE) == 0
        assert steps(asks, bids, FREE) == []
        assert priced(asks, bids, FREE).reason == Reason.NOT_CROSSED


def test_conversion_pays_the_spread_of_the_rate_on_the_leg_it_touches() -> None:
    asks, bids = levels((100, 1)), levels((102, 1))
    sold = price_at(asks, bids, Terms(sell_rate=0.99, sell_mid_rate=1.0), 1)
    bought = price_at(asks, bids, Terms(buy_rate=1.01, buy_mid_rate=1.0), 1)
    assert (sold.conversion, bought.conversion) == (pytest.approx(1.02), pytest.approx(1.0))


prices = st.floats(0.01, 1000)
quantities = st.floats(0.001, 1000)


def _sides(descending: bool) -> st.SearchStrategy[Levels]:
    pairs = st.lists(st.tuples(prices, quantities), min_size=1, max_size=12, unique_by=lambda pair: pair[0])
    return pairs.map(lambda ps: levels(*sorted(ps, reverse=descending)))


fees = st.floats(0, 0.01)
some_terms = st.tuples(fees, fees, st.floats(0, 0.001), st.floats(0, 0.5)).map(
    lambda drawn: Terms(buy_fee=drawn[0], sell_fee=drawn[1], carry=drawn[2], fixed=drawn[3])
)


@given(_sides(False), _sides(True), some_terms)
def test_gross_less_every_cost_is_the_profit(asks: Levels, bids: Levels, terms: Terms) -> None:
    trade = price_at(asks, bids, terms, 1.0)
    costs = trade.buy_fee + trade.sell_fee + trade.slippage + trade.conversion + trade.carry + trade.fixed
    assert trade.profit == pytest.approx(trade.gross - costs)
    exact = (
        Decimal(taken(bids, trade.quantity)) * (1 - Decimal(terms.sell_fee))
        - Decimal(taken(asks, trade.quantity)) * (1 + Decimal(terms.buy_fee))
        - Decimal(terms.carry) * Decimal(trade.notional)
        - Decimal(terms.fixed)
    )
    assert trade.profit == pytest.approx(float(exact), rel=1e-9, abs=1e-9 * trade.notional)


@given(_sides(False), _sides(True), some_terms, st.floats(0.01, 2))
def test_no_other_quantity_brings_more(asks: Levels, bids: Levels, terms: Terms, factor: float) -> None:
    best = best_quantity(asks, bids, terms)
    if best == 0:
        return
    at_best = price_at(asks, bids, terms, best)
    other = price_at(asks, bids, terms, best * factor)
    assert other.profit <= at_best.profit + 1e-9 * max(1.0, at_best.notional, other.notional)


@given(_sides(False), _sides(True), some_terms, st.floats(0.0001, 0.05))
def test_a_best_quantity_keeps_the_asked_edge(asks: Levels, bids: Levels, terms: Terms, edge: float) -> None:
    terms = terms._replace(min_edge=edge)
    best = best_quantity(asks, bids, terms)
    if best > 0:
        trade = price_at(asks, bids, terms, best)
        assert trade.profit >= edge * trade.notional * (1 - 1e-9) - 1e-9 * trade.notional


@given(_sides(False), _sides(True), some_terms, st.floats(0.0, 0.05))
def test_a_best_quantity_keeps_the_slippage_bound(
    asks: Levels, bids: Levels, terms: Terms, most: float
) -> None:
    best = best_quantity(asks, bids, terms._replace(max_slippage=most))
    if best > 0:
        trade = price_at(asks, bids, terms, best)
        assert trade.slippage <= most * trade.notional + 1e-9 * trade.notional


@given(_sides(False), _sides(True), some_terms, st.floats(0.001, 100))
def test_a_cap_is_never_exceeded(asks: Levels, bids: Levels, terms: Terms, cap: float) -> None:
    assert best_quantity(asks, bids, terms._replace(max_quantity=cap)) <= cap * (1 + 1e-12)


@given(_sides(False))
def test_taking_all_that_is_held_costs_every_level(asks: Levels) -> None:
    every = math.fsum(p * q for p, q in zip(asks.prices, asks.quantities, strict=True))
    assert taken(asks, held(asks)) == pytest.approx(every)


@given(_sides(False), _sides(True), some_terms)
def test_what_is_priced_as_standing_earns(asks: Levels, bids: Levels, terms: Terms) -> None:
    trade = priced(asks, bids, terms)
    assert (trade.reason == Reason.NONE) == (trade.profit > 0 and trade.quantity > 0)


@pytest.mark.parametrize("rate", [1.0, 2.0])
def test_the_edge_that_is_asked_for_is_left_after_funding_and_the_way_out(rate):
    asks, bids = levels((100 / rate, 1), (101.5 / rate, 1)), levels((103, 5))
    terms = Terms(carry=0.004, exit_fee=0.006, min_edge=0.015, buy_rate=rate, buy_mid_rate=rate)
    assert top_edge(asks, bids, terms) == pytest.approx(0.03 - 0.01)
    # Of 3 and 1.5 a unit, 1 goes to these two: 2 and half of 0.5 are 1.5 on average.
    assert best_quantity(asks, bids, terms) == pytest.approx(1.5)
