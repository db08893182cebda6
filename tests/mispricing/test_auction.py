from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.decision import BUY, MOST_CASH, SELL, Ladder
from defi_analytics.mispricing.auction import (
    NOT_EXECUTED,
    Crossing,
    Executed,
    clearing_half_ticks,
    crosses,
    crossing,
    fee_units,
    limit_fill,
    market_fill,
    traded_through,
)
from tests.builders_core import ladder, sides
from tests.shared_data import shared_json

ASKS = ladder((100, 1), (101, 1), (102, 1))
NOTHING = ladder()


def published(index: int) -> dict:
    return shared_json("samples/injective/golden/fba_matching.json")["cases"][index]


def scaled(rows, tick="1", step="0.1") -> list[tuple[int, int]]:
    return [(int(Decimal(p) / Decimal(tick)), int(Decimal(q) / Decimal(step))) for p, q in rows]


def rest(side: Ladder, lots: int) -> Ladder:
    out = []
    for ticks, there in zip(*side, strict=True):
        gone = min(lots, there)
        lots -= gone
        if there > gone:
            out.append((ticks, there - gone))
    return ladder(*out)


def all_market(side: int, orders, resting: Ladder) -> tuple[list[int], Executed, Ladder]:
    """The orders of one side in the auction's own sequence: most permissive first."""
    lots = cash = 0
    each = []
    for worst, wanted in sorted(orders, key=lambda order: -side * order[0]):
        done = market_fill(side, wanted, worst, resting)
        resting = rest(resting, done.lots)
        each.append(done.lots)
        lots, cash = lots + done.lots, cash + done.cash
    return each, Executed(lots, cash), resting


def test_the_published_market_orders_are_matched_to_the_unit():
    case = published(0)
    asks = ladder(*sorted(scaled(case["resting_sells"])))
    bids = ladder(*sorted(scaled(case["resting_buys"]), reverse=True))
    buys = scaled((o["worst"], o["qty"]) for o in case["market_buys"])
    sells = scaled((o["worst"], o["qty"]) for o in case["market_sells"])
    wanted = case["expected"]
    each, bought, asks_left = all_market(BUY, buys, asks)
    assert each == [int(Decimal(o["filled"]) * 10) for o in wanted["buy_order_fills"]]
    assert Fraction(bought.cash, bought.lots) == Fraction(wanted["buy_clearing_price"])
    each, sold, bids_left = all_market(SELL, sells, bids)
    assert each == [int(Decimal(o["filled"]) * 10) for o in wanted["sell_order_fills"]]
    average = Decimal(sold.cash) / Decimal(sold.lots)
    assert average.quantize(Decimal("1e-18")) == Decimal(wanted["sell_clearing_price"])
    assert bids_left == ladder(*scaled(wanted["book_after"]["buys"]))
    assert asks_left == ladder(*sorted(scaled(wanted["book_after"]["sells"])))


def test_the_published_limit_orders_clear_at_the_clamped_mid_or_the_mark_price():
    case = published(1)
    wanted = case["expected"]
    resting_sells, resting_buys = scaled(case["resting_sells"]), scaled(case["resting_buys"])
    asks = ladder(*sorted((*resting_sells, *scaled(o for o in case["new_sells"]))))
    bids = ladder(*sorted((*resting_buys, *scaled(o for o in case["new_buys"])), reverse=True))
    cross = crossing(bids, asks)
    assert (cross.last_buy, cross.last_sell) == (
        int(wanted["last_buy_price"]),
        int(wanted["last_sell_price"]),
    )
    best_bid, best_ask = max(resting_buys)[0], min(resting_sells)[0]
    assert (best_bid + best_ask) == 2 * int(wanted["resting_mid"])
    assert clearing_half_ticks(cross, best_bid, best_ask, 0) == 2 * int(wanted["spot_clearing_price"])
    marked = clearing_half_ticks(cross, best_bid, best_ask, 64300)
    assert marked == 2 * int(wanted["derivative_clearing_price_with_mark_64300"])


def test_the_derived_lone_taker_pays_the_worst_level_by_limit_and_the_average_by_market():
    case = published(2)
    wanted = case["expected"]
    asks = ladder(*scaled(case["resting_sells"], "0.1", "1"))
    limit, market = case["limit_buy"], case["market_buy"]
    ((ticks, lots),) = scaled([(limit["price"], limit["qty"])], "0.1", "1")
    assert limit_fill(BUY, lots, ticks, asks, 0).cash == Decimal(wanted["limit_cost"]) * 10
    ((ticks, lots),) = scaled([(market["worst"], market["qty"])], "0.1", "1")
    assert market_fill(BUY, lots, ticks, asks).cash == Decimal(wanted["market_cost"]) * 10


def test_a_market_order_stops_at_its_worst_price_and_the_rest_is_cancelled():
    assert market_fill(BUY, 5, 101, ASKS) == Executed(2, 201)
    assert market_fill(SELL, 5, 99, ladder((99, 2), (98, 9))) == Executed(2, 198)
    assert market_fill(BUY, 5, 99, ASKS) == market_fill(BUY, 5, 99, NOTHING) == NOT_EXECUTED


def test_a_market_order_takes_no_more_of_its_last_level_than_it_lacks():
    assert market_fill(BUY, 3, 105, ladder((100, 1), (101, 5))) == Executed(3, 302)


def test_a_limit_order_that_does_not_cross_gets_nothing_at_once():
    assert limit_fill(BUY, 5, 99, ASKS, 0) == limit_fill(SELL, 5, 99, NOTHING, 98) == NOT_EXECUTED


def test_the_mark_price_of_a_perpetual_counts_between_the_last_sell_and_the_limit():
    assert limit_fill(BUY, 2, 105, ASKS, 104) == Executed(2, 208)
    assert limit_fill(BUY, 2, 105, ASKS, 106) == limit_fill(BUY, 2, 105, ASKS, 100) == Executed(2, 202)
    assert limit_fill(SELL, 2, 95, ladder((99, 3)), 97) == Executed(2, 194)


@pytest.mark.parametrize(
    ("bid", "ask", "price"), [(0, 0, 205), (0, 110, 208), (102, 0, 204), (102, 103, 205), (1, 2, 202)]
)
def test_the_mid_is_clamped_and_an_empty_side_leaves_the_others_best(bid, ask, price):
    assert clearing_half_ticks(Crossing(1, 104, 101), bid, ask, 0) == price


@given(sides(descending=True), sides(descending=False), st.integers(900, 1100), st.integers(1, 200))
def test_a_lone_limit_order_gets_what_the_full_auction_gives_it(bids, asks, limit, lots):
    while bids.ticks and asks.ticks and bids.ticks[0] >= asks.ticks[0]:
        bids, asks = Ladder(bids.ticks[1:], bids.lots[1:]), Ladder(asks.ticks[1:], asks.lots[1:])
    best_bid, best_ask = (bids.ticks or (0,))[0], (asks.ticks or (0,))[0]
    for side, other in ((BUY, asks), (SELL, bids)):
        alone = ladder((limit, lots))
        cross = crossing(alone, other) if side == BUY else crossing(other, alone)
        for mark in (0, 950, 1000, 1050):
            got = limit_fill(side, lots, limit, other, mark)
            assert got.lots == cross.lots
            price = clearing_half_ticks(cross, best_bid, best_ask, mark)
            assert 2 * got.cash == got.lots * price or got.lots == 0
            assert got.cash * side <= got.lots * limit * side


def test_a_level_that_several_of_the_other_side_meet_is_used_up_before_the_next():
    bids = ladder((105, 2), (104, 2), (103, 9))
    assert crossing(bids, ladder((100, 5), (101, 3), (104, 7))) == Crossing(8, 103, 101)
    assert crossing(ladder((105, 5), (104, 9)), ladder((100, 2), (101, 2), (104, 4))) == Crossing(8, 104, 104)


@given(sides(descending=False), st.integers(900, 1100), st.integers(1, 200))
def test_a_market_order_never_pays_more_than_its_worst_price_nor_more_than_a_limit_order(asks, worst, lots):
    got, limited = market_fill(BUY, lots, worst, asks), limit_fill(BUY, lots, worst, asks, 0)
    assert got.lots == limited.lots <= lots
    assert got.cash <= limited.cash <= got.lots * worst


def test_a_post_only_order_that_meets_the_other_side_is_rejected():
    assert crosses(BUY, 100, ASKS)
    assert not crosses(BUY, 99, ASKS)
    assert crosses(SELL, 99, ladder((99, 1)))
    assert not crosses(SELL, 100, ladder((99, 1)))
    assert not crosses(BUY, 100, NOTHING)


def test_a_resting_order_fills_only_when_the_market_goes_beyond_its_price():
    assert traded_through(BUY, 100, 99, 110)
    assert not traded_through(BUY, 100, 100, 110)
    assert traded_through(SELL, 100, 90, 101)
    assert not traded_through(SELL, 100, 90, 100)


@given(
    st.integers(0, MOST_CASH),
    st.integers(-(10**9), 10**9).map(lambda n: Decimal(n).scaleb(-9)),
)
def test_a_fee_is_exact_and_rounded_against_us(cash, fraction):
    exact = (Fraction(cash) * Fraction(fraction)).__ceil__()
    assert fee_units(cash, float(fraction)) == exact
    assert abs(exact) < 2**63


def test_a_fraction_counts_to_nine_decimals_however_large_the_fill_is():
    assert fee_units(10**18, 0.333333333) == 333_333_333 * 10**9
    assert fee_units(10**18, 0.3333333334) == 333_333_333 * 10**9
    assert fee_units(10**18, 0.3333333336) == 333_333_334 * 10**9
    assert (fee_units(10**18, 1.0), fee_units(10**18, -1.0), fee_units(10**18, 0.0)) == (10**18, -(10**18), 0)


@pytest.mark.parametrize(
    ("mark", "price"), [(0, 210), (99, 210), (100, 200), (101, 202), (110, 220), (111, 210), (1, 210)]
)
def test_a_mark_price_is_taken_between_the_last_sell_and_the_last_buy_both_included(mark, price):
    assert clearing_half_ticks(Crossing(5, 110, 100), 100, 110, mark) == price


def test_a_mark_of_a_single_tick_is_a_mark():
    assert limit_fill(SELL, 3, 1, ladder((2, 3)), 1) == Executed(3, 3)
    assert limit_fill(SELL, 3, 1, ladder((2, 3)), 0) == Executed(3, 6)
    assert clearing_half_ticks(Crossing(3, 2, 1), 2, 2, 1) == 2


def test_a_rebate_is_rounded_down_and_a_fee_up():
    assert fee_units(1001, -0.001) == -1
    assert fee_units(1001, 0.001) == 2
