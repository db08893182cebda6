from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.sandbox.books import Grid, Style, ladder, significant, trade
from defi_analytics.sandbox.prices import Noise

D = Decimal
GRID = Grid(D("0.001"), D("0.01"))
STYLE = Style(half_spread=3e-4, spacing=4e-4, levels=25, notional=500.0)

noises = st.integers(0, 2**64 - 1).map(Noise)


@given(st.decimals("0.0001", "99999", places=4), st.integers(1, 8))
def test_a_tick_of_so_many_significant_figures_leaves_prices_exactly_those(price, figures):
    steps = price / significant(float(price), figures)
    assert 10 ** (figures - 1) <= steps < 10**figures


@given(st.floats(100.0, 1e6), st.sampled_from([0.0, 3e-4]), st.sampled_from(["0.001", "0.1", "1"]), noises)
def test_levels_are_at_least_a_tick_apart_and_none_is_on_the_wrong_side(ticks, half_spread, tick, noise):
    price, grid = ticks * float(tick), Grid(D(tick), D("0.01"))
    bids, asks = ladder(price, Style(half_spread, 0.0, 10, 500.0), grid, noise)
    for side, away in ((bids, -1), (asks, 1)):
        steps = [away * order.price / grid.price_tick for order in side]
        assert all(later - earlier >= 1 for earlier, later in pairwise(steps))
    # The last digit of a float may round to the next tick.
    assert float(bids[0].price) <= price * (1 + 1e-12)
    assert float(asks[0].price) >= price * (1 - 1e-12)


def test_levels_are_as_far_from_the_price_as_the_style_says_and_ever_further_apart():
    book = ladder(10.0, STYLE, Grid(D("0.00001"), D("0.01")), Noise(1))
    for side in book:
        distances = [abs(float(order.price) / 10.0 - 1) for order in side]
        assert distances[:2] == pytest.approx([3e-4, 3e-4 + 1.06 * 4e-4], abs=2e-6)
        assert distances[10] == pytest.approx(3e-4 + 16 * 4e-4, abs=2e-6)


@given(noises)
def test_deeper_levels_hold_more_and_none_holds_nothing(noise):
    for side in ladder(10.0, STYLE, GRID, noise):
        for level, order in enumerate(side):
            mean = 500.0 * (1 + 0.25 * level)
            assert 0.59 * mean <= float(order.price * order.quantity) <= 1.41 * mean
    smallest = ladder(10.0, STYLE._replace(notional=1e-6), GRID, noise)
    assert {order.quantity for side in smallest for order in side} == {GRID.quantity_step}


@given(noises, noises)
def test_what_is_told_as_traded_is_what_left_the_book(resting, taking):
    before = ladder(10.0, STYLE, GRID, resting)
    after, trades, _ = trade(before, GRID, taking, None)
    for buys, old, new in ((True, before.asks, after.asks), (False, before.bids, after.bids)):
        traded = sum(one.quantity for one in trades if one.taker_buys is buys)
        assert traded == sum(order.quantity for order in old) - sum(order.quantity for order in new)
        assert all(one.price in {order.price for order in old} for one in trades if one.taker_buys is buys)


@given(noises, noises)
def test_takers_never_take_more_than_the_best_level(resting, taking):
    before = ladder(10.0, STYLE, GRID, resting)
    after = trade(before, GRID, taking, None).book
    assert before.bids[1:] in (after.bids[1:], after.bids)
    assert before.asks[1:] in (after.asks[1:], after.asks)
