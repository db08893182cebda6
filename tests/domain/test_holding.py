from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.decision import BUY, MOST_CASH, MOST_LOTS, SELL, Holding
from defi_analytics.domain.holding import after_fill, realised, worth


def test_a_purchase_is_held_at_what_it_cost_without_the_fee():
    assert after_fill(Holding(), BUY, 3, 300, 2, 7.0) == Holding(3, 300, 7.0, 0.0, -302, 2)


def test_buying_more_keeps_the_time_of_entry():
    held = after_fill(after_fill(Holding(), BUY, 3, 300, 0, 7.0), BUY, 1, 110, 0, 8.0)
    assert (held.lots, held.cost, held.entered_s) == (4, 410, 7.0)


def test_closing_a_part_takes_its_share_of_the_cost_rounded_down():
    held = after_fill(Holding(3, 100, 7.0, 0.0, -100, 0), SELL, 1, 40, 0, 8.0)
    assert (held.lots, held.cost, held.exited_s) == (2, 67, 0.0)
    assert realised(held) == 40 - 33


def test_closing_all_leaves_no_cost_and_the_cash_is_the_profit():
    held = after_fill(Holding(-3, 300, 7.0, 0.0, 300, 0), BUY, 3, 270, 1, 9.0)
    assert held == Holding(0, 0, 7.0, 9.0, 29, 1)
    assert realised(held) == 29


def test_a_fill_beyond_zero_starts_a_holding_of_its_own():
    held = after_fill(Holding(2, 200, 7.0, 0.0, -200, 0), SELL, 5, 550, 0, 9.0)
    assert (held.lots, held.cost, held.entered_s, held.exited_s) == (-3, 330, 9.0, 9.0)
    assert realised(held) == 20


def test_a_fill_of_nothing_changes_nothing():
    held = Holding(2, 200, 7.0, 0.0, -200, 0)
    assert after_fill(held, SELL, 0, 0, 0, 9.0) == held
    assert after_fill(Holding(), BUY, 0, 0, 0, 9.0) == Holding(), "nothing was entered"
    assert after_fill(held, BUY, 0, 0, 3, 9.0) == Holding(2, 200, 7.0, 0.0, -203, 3)


@pytest.mark.parametrize(("lots", "cost", "entered"), [(1, 67, 7.0), (2, 34, 7.0), (3, 0, 7.0), (4, 12, 9.0)])
def test_up_to_the_last_lot_a_fill_closes_and_the_next_one_opens(lots, cost, entered):
    """Of three lots that cost 100; what is closed takes its share rounded down."""
    held = after_fill(Holding(3, 100, 7.0, 0.0, -100, 0), SELL, lots, 12 * lots, 0, 9.0)
    assert (held.lots, held.cost, held.entered_s) == (3 - lots, cost, entered)
    assert held.exited_s == (9.0 if lots >= 3 else 0.0)


def test_a_short_of_one_lot_has_realised_nothing_yet():
    assert realised(after_fill(Holding(), SELL, 1, 100, 0, 9.0)) == 0


def test_open_lots_are_worth_what_they_would_bring():
    assert worth(Holding(2, 200, 7.0, 0.0, -201, 1), 110) == 19
    assert worth(Holding(-2, 200, 7.0, 0.0, 199, 1), 110) == -21


fills = st.tuples(
    st.sampled_from((BUY, SELL)),
    st.integers(0, 1000),
    st.integers(1, 10**6),
    st.integers(-50, 50),
)


@given(st.lists(fills, max_size=30))
def test_money_is_neither_made_nor_lost_on_the_way(done):
    held = Holding()
    for number, (side, lots, ticks, fee) in enumerate(done):
        held = after_fill(held, side, lots, lots * ticks, fee, float(number))
    assert held.lots == sum(side * lots for side, lots, _, _ in done)
    assert held.cash == -sum(side * lots * ticks + fee for side, lots, ticks, fee in done)
    assert held.fees == sum(fee for *_, fee in done)
    assert held.cost >= 0
    assert (held.cost == 0) == (held.lots == 0)
    closing = after_fill(held, SELL if held.lots > 0 else BUY, abs(held.lots), abs(held.lots) * 77, 0, 99.0)
    assert (closing.lots, closing.cost) == (0, 0)
    assert realised(closing) == closing.cash == worth(held, 77)


@given(st.integers(2, MOST_LOTS), st.integers(1, MOST_CASH - 1), st.data())
def test_a_share_is_exact_and_no_product_outgrows_64_bits(lots, cost, data):
    part = data.draw(st.integers(1, lots - 1))
    held = after_fill(Holding(lots, cost, 0.0, 0.0, -cost, 0), SELL, part, 1, 0, 1.0)
    assert held.cost == cost - int(Fraction(cost) * part / lots)
    assert cost % lots * part < 2**63


@pytest.mark.parametrize("side", [BUY, SELL])
def test_long_and_short_are_mirror_images(side):
    held = after_fill(after_fill(Holding(), side, 7, 700, 3, 1.0), -side, 3, 310, 2, 2.0)
    assert realised(held) == side * (310 - 300) - 5
