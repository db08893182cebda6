import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.book import Levels, Top, checked_book, checked_top
from defi_analytics.domain.market import MarketKey
from tests.fakes import NOON

KEY = MarketKey("venue", "id")
EMPTY = Levels((), ())
positive = st.floats(min_value=1e-12, max_value=1e12)
bad = st.sampled_from([0.0, -1.0, math.nan, math.inf, -math.inf])


@st.composite
def good_sides(draw):
    prices = sorted(draw(st.sets(positive, min_size=1, max_size=12)), reverse=True)
    cut = draw(st.integers(0, len(prices)))
    quantities = draw(st.lists(positive, min_size=len(prices), max_size=len(prices)))
    bids = Levels(tuple(prices[cut:]), tuple(quantities[cut:]))
    return bids, Levels(tuple(reversed(prices[:cut])), tuple(quantities[:cut]))


@given(good_sides())
def test_a_sorted_positive_uncrossed_book_is_accepted(sides):
    bids, asks = sides
    book = checked_book(KEY, bids, asks, NOON, 7, truncated=True)
    assert (book.bids, book.asks, book.sequence, book.truncated) == (bids, asks, 7, True)
    assert (book.mid is None) == (not bids.prices or not asks.prices)


@given(good_sides(), st.data())
def test_one_bad_number_anywhere_refuses_the_book(sides, data):
    spoiled = [list(column) for side in sides for column in side]
    column = data.draw(st.sampled_from([column for column in spoiled if column]))
    column[data.draw(st.integers(0, len(column) - 1))] = data.draw(bad)
    with pytest.raises(ValueError, match=r"sorted|positive|crossed"):
        checked_book(KEY, Levels(*map(tuple, spoiled[:2])), Levels(*map(tuple, spoiled[2:])), NOON)


@given(good_sides(), st.data())
def test_two_levels_at_one_price_refuse_the_book(sides, data):
    bids, asks = sides
    side = data.draw(st.sampled_from([side for side in sides if side.prices]))
    doubled = Levels((side.prices[0], *side.prices), (1.0, *side.quantities))
    with pytest.raises(ValueError, match="not sorted"):
        checked_book(KEY, *(doubled if one is side else one for one in (bids, asks)), NOON)


def test_a_crossed_or_lopsided_book_is_refused():
    with pytest.raises(ValueError, match="crossed"):
        checked_book(KEY, Levels((2.0,), (1.0,)), Levels((2.0,), (1.0,)), NOON)
    with pytest.raises(ValueError, match="2 prices but 1 quantities"):
        checked_book(KEY, Levels((2.0, 1.0), (1.0,)), EMPTY, NOON)


def test_a_one_sided_book_has_no_mid():
    assert checked_book(KEY, Levels((2.0,), (1.0,)), EMPTY, NOON).mid is None
    assert checked_book(KEY, Levels((2.0,), (1.0,)), Levels((4.0,), (1.0,)), NOON).mid == 3.0


def test_a_top_of_book_is_checked_the_same_way():
    top = Top(KEY, NOON, bid=1.0, ask=2.0, mid=1.5, mark=1.4, funding_hourly=-1e-4)
    assert checked_top(top) is top
    with pytest.raises(ValueError, match="crossed"):
        checked_top(replace(top, bid=2.0))
    with pytest.raises(ValueError, match="mark"):
        checked_top(replace(top, mark=math.inf))
    with pytest.raises(ValueError, match="funding"):
        checked_top(replace(top, funding_hourly=math.nan))
