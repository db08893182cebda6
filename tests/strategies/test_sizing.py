import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.decision import BUY, IDLE, MOST_CASH, SELL, Holding, Intent, OrderKind, Why
from defi_analytics.strategies.sizing import (
    Entry,
    Exit,
    entered,
    gap,
    left,
    lost,
    part_of,
    takeable,
    why_leave,
)
from tests.builders_core import NOON_S, a_grid, a_view, ladder, sides

EAGER = Entry(min_z=1.0, min_gap=0.0, min_edge=0.0, max_notional=1e9, max_slippage=0.5)
PATIENT = Exit(z=0.0, stop_loss=0.5, max_holding_s=1e9, max_slippage=0.01, urgent_slippage=0.1)
LONG = Holding(10, 10_000, NOON_S, 0.0, -10_000, 0)
SHORT = Holding(-10, 10_000, NOON_S, 0.0, 10_000, 0)


def test_a_cheap_market_lies_below_its_fair_value_by_a_fraction_of_it():
    assert gap(a_view(bids=[(979, 1)], asks=[(981, 1)])) == pytest.approx(0.02)
    assert gap(a_view(bids=[(1019, 1)], asks=[(1021, 1)])) == pytest.approx(-0.02)


@pytest.mark.parametrize(
    "changes",
    [
        {"bids": ladder()},
        {"asks": ladder()},
        {"bids": ladder((1002, 1))},
        {"bids": ladder((0, 1))},
        {"fair": math.nan},
        {"fair": math.inf},
        {"fair": -1000.0},
        {"fair": 0.0},
        {"fair": 2_100.0},
        {"fair": 489.0},
        {"uncertainty": math.nan},
        {"uncertainty": 0.0},
        {"uncertainty": -0.1},
        {"uncertainty": math.inf},
    ],
)
def test_what_is_not_known_or_cannot_be_is_no_gap_and_starts_nothing(changes):
    view = a_view(bids=[(979, 9)], asks=[(981, 9)])._replace(**changes)
    assert math.isnan(gap(view))
    assert entered(view, EAGER) == IDLE
    assert why_leave(view, LONG, PATIENT) == Why.NOTHING


def test_a_cheap_market_is_bought_up_to_the_last_level_that_earns():
    view = a_view(
        bids=[(980, 9)],
        asks=[(982, 5), (990, 6), (998, 7), (999, 8)],
        grid=a_grid(taker_fee=0.001),
    )
    intent = entered(view, EAGER)
    assert intent == (BUY, OrderKind.MARKET, 998, 18, 0, False, Why.ENTRY)


def test_a_dear_perpetual_is_sold_and_dear_spot_is_left_alone():
    dear = a_view(bids=[(1020, 5), (1003, 6), (1002, 9)], asks=[(1021, 5)], grid=a_grid(taker_fee=0.001))
    assert entered(dear, EAGER) == (SELL, OrderKind.MARKET, 1003, 11, 0, False, Why.ENTRY)
    assert entered(dear._replace(grid=a_grid(perpetual=False)), EAGER) == IDLE


def test_what_is_demanded_beyond_the_fees_counts_too():
    view = a_view(bids=[(980, 9)], asks=[(982, 5), (990, 6)])
    assert entered(view, EAGER._replace(min_edge=0.015)).lots == 5
    assert entered(view, EAGER._replace(min_edge=0.03)) == IDLE
    dear = a_view(bids=[(1020, 5), (1010, 6)], asks=[(1021, 5)])
    assert entered(dear, EAGER._replace(min_edge=0.015)).lots == 5
    assert entered(dear, EAGER._replace(min_edge=1.0)) == IDLE


def test_nothing_demanded_at_all_takes_whatever_slippage_allows():
    view = a_view(bids=[(980, 9)], asks=[(982, 5), (1400, 6), (1600, 7)])
    assert entered(view, EAGER._replace(min_edge=-2.0)).lots == 11


def test_the_worst_price_lies_no_further_off_than_slippage_and_rounds_for_us():
    view = a_view(bids=[(970, 9)], asks=[(971, 5)])
    assert entered(view, EAGER._replace(max_slippage=0.002)).ticks == 972
    dear = a_view(bids=[(1029, 5)], asks=[(1030, 5)])
    assert entered(dear, EAGER._replace(max_slippage=0.002)).ticks == 1027
    assert entered(view, EAGER._replace(max_slippage=0.0)).ticks == 971


def test_no_more_is_bought_than_the_largest_notional_pays_at_the_worst_price():
    # A cash unit is 0.01 * 0.1 quote: 50 quote are 50,000 units, and a lot may cost up to 980 of them.
    view = a_view(bids=[(969, 999)], asks=[(971, 999)])
    terms = EAGER._replace(max_notional=50.0, max_slippage=0.01)
    intent = entered(view, terms)
    assert (intent.ticks, intent.lots) == (980, 51)
    dear = a_view(bids=[(1030, 999)], asks=[(1031, 999)])
    assert entered(dear, terms).lots == 50_000 // 1030
    assert entered(view, terms._replace(max_notional=0.5)) == IDLE


@pytest.mark.parametrize("grid", [a_grid(min_lots=6), a_grid(min_notional=10_000)])
def test_what_the_market_takes_for_too_small_is_not_tried(grid):
    view = a_view(bids=[(980, 9)], asks=[(982, 5)], grid=grid)
    assert entered(view, EAGER) == IDLE


@pytest.mark.parametrize("terms", [EAGER._replace(min_z=20.1), EAGER._replace(min_gap=0.0201)])
def test_a_gap_within_the_noise_is_left_alone(terms):
    assert entered(a_view(bids=[(979, 9)], asks=[(981, 9)]), terms) == IDLE


earning = st.builds(
    Entry, st.just(0.0), st.just(0.0), st.floats(0, 0.02), st.floats(0, 100.0), st.floats(0, 0.05)
)


@given(
    sides(descending=True),
    sides(descending=False),
    st.floats(900, 1100),
    earning,
    st.floats(-0.0005, 0.002),
)
def test_every_unit_of_an_entry_earns_after_both_ways_and_stays_in_bounds(bids, asks, fair, terms, fee):
    view = a_view(bids=(), asks=(), grid=a_grid(taker_fee=fee))._replace(bids=bids, asks=asks, fair=fair)
    intent = entered(view, terms)
    if intent == IDLE:
        return
    taken, worst, side = (asks if intent.side == BUY else bids), intent.ticks, intent.side
    out_of, into = (fair, worst) if side == BUY else (worst, fair)
    assert out_of * (1 - fee) - into * (1 + fee) >= terms.min_edge * worst - 1e-9
    assert (worst - taken.ticks[0]) * side <= terms.max_slippage * taken.ticks[0]
    assert intent.lots == takeable(taken, side, worst, intent.lots)
    assert intent.lots * max(worst, taken.ticks[0]) * view.grid.unit <= terms.max_notional + 1e-9


def test_only_what_a_side_offers_within_the_worst_price_can_be_taken():
    asks = ladder((100, 3), (101, 4), (103, 5))
    assert takeable(asks, BUY, 102, MOST_CASH) == 7
    assert takeable(asks, BUY, 102, 2) == 2
    assert takeable(asks, BUY, 99, 2) == 0
    assert takeable(ladder((100, 3), (99, 4)), SELL, 99, MOST_CASH) == 7


def test_a_gap_that_closed_ends_a_long_and_a_short():
    at_fair = a_view()
    assert left(at_fair, LONG, PATIENT) == (SELL, OrderKind.MARKET, 990, 10, 0, True, Why.EXIT_CONVERGED)
    assert left(at_fair, SHORT, PATIENT) == (BUY, OrderKind.MARKET, 1011, 10, 0, True, Why.EXIT_CONVERGED)


def test_a_gap_that_is_open_holds_on():
    assert left(a_view(bids=[(979, 9)], asks=[(981, 9)]), LONG, PATIENT) == IDLE
    assert left(a_view(bids=[(1019, 9)], asks=[(1021, 9)]), SHORT, PATIENT) == IDLE


def test_a_loss_with_the_fees_of_both_ways_stops():
    view = a_view(bids=[(979, 9)], asks=[(981, 9)], grid=a_grid(taker_fee=0.001))
    assert lost(view, LONG) == pytest.approx(210 + 0.001 * 19_790)
    assert lost(view, SHORT) == pytest.approx(-190 + 0.001 * 19_810)
    intent = left(view, LONG, PATIENT._replace(stop_loss=0.022))
    assert (intent.ticks, intent.why) == (882, Why.EXIT_STOP)


def test_time_runs_out_whatever_the_fair_value_is():
    late = a_view(fair=math.nan, time_s=NOON_S + 60)
    assert left(late, LONG, PATIENT._replace(max_holding_s=60.0)).why == Why.EXIT_TIME
    assert left(late, LONG, PATIENT._replace(max_holding_s=61.0)) == IDLE


def test_nothing_can_be_closed_against_an_empty_side():
    late = a_view(bids=[], time_s=NOON_S + 60)
    assert left(late, LONG, PATIENT._replace(max_holding_s=60.0)) == IDLE
    assert math.isnan(lost(late, LONG))


@pytest.mark.parametrize(
    "broken",
    [
        a_view(bids=[(1002, 9)]),
        a_view(bids=[(0, 9)]),
        a_view(bids=[], asks=[(0, 9)]),
    ],
)
@pytest.mark.parametrize("holding", [LONG, SHORT])
def test_a_book_that_cannot_be_true_closes_nothing(broken, holding):
    assert left(broken, holding, PATIENT._replace(max_holding_s=0.0, stop_loss=-1.0)) == IDLE


def test_a_holding_of_unknown_cost_has_no_loss_to_stop_at():
    assert math.isnan(lost(a_view(bids=[(1, 9)]), LONG._replace(cost=0)))


def test_the_worst_price_of_a_sale_stays_a_price():
    view = a_view(bids=[(1, 9)], asks=[(2, 9)], time_s=NOON_S + 60)
    assert left(view, LONG, PATIENT._replace(max_holding_s=60.0, urgent_slippage=1.0)).ticks == 1


@pytest.mark.parametrize(
    ("share", "lots", "grid", "left_over"),
    [(1.0, 9, {}, 9), (0.5, 9, {}, 5), (0.5, 9, {"min_lots": 6}, 9), (0.5, 9, {"min_notional": 5_001}, 9)],
)
def test_half_is_closed_where_the_market_trades_so_little(share, lots, grid, left_over):
    whole = Intent(SELL, OrderKind.MARKET.value, 1_000, lots, 0, True, Why.EXIT_REDUCE.value)
    assert part_of(whole, share, a_grid(**grid)) == whole._replace(lots=left_over)
