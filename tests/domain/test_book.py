import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.book import LEAST, MOST, Levels, OrderBook, Top, checked_book, checked_top
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


def test_the_best_prices_alone_make_the_mid_and_decide_whether_a_book_is_crossed():
    asks = Levels((4.0, 9.0), (1.0, 1.0))
    assert checked_book(KEY, Levels((2.0, 1.0), (1.0, 1.0)), asks, NOON).mid == 3.0
    with pytest.raises(ValueError, match=r"best bid 4.0 >= best ask 4.0"):
        checked_book(KEY, Levels((4.0, 1.0), (1.0, 1.0)), asks, NOON)
    with pytest.raises(ValueError, match=r"best bid 5.0 >= best ask 4.0"):
        checked_book(KEY, Levels((5.0, 1.0), (1.0, 1.0)), asks, NOON)


@pytest.mark.parametrize("quantities", [(1.0, 0.0), (0.0, 1.0), (1.0, math.nan), (math.nan, 1.0)])
def test_one_bad_quantity_is_not_hidden_by_a_good_one(quantities):
    with pytest.raises(ValueError, match="bids hold a quantity"):
        checked_book(KEY, Levels((2.0, 1.0), quantities), EMPTY, NOON)


def test_a_top_of_book_is_checked_the_same_way():
    top = Top(KEY, NOON, bid=1.0, ask=2.0, mid=1.5, mark=1.4, funding_hourly=-1e-4)
    assert checked_top(top) is top
    with pytest.raises(ValueError, match="crossed"):
        checked_top(replace(top, bid=2.0))
    with pytest.raises(ValueError, match="crossed"):
        checked_top(replace(top, bid=3.0))


@pytest.mark.parametrize("name", ["bid", "ask", "mid", "mark"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_each_price_of_a_top_is_positive_and_finite(name, value):
    top = Top(KEY, NOON, bid=0.5, ask=0.75, mid=0.625, mark=0.5)
    assert checked_top(replace(top, **{name: 0.625}))
    with pytest.raises(ValueError, match=f"{name} .* is not a positive price"):
        checked_top(replace(top, **{name: value}))


@pytest.mark.parametrize("known", [{}, {"bid": 1.0}, {"ask": 1.0}, {"mid": 1.0}, {"funding_hourly": 0.0}])
def test_a_top_may_leave_out_what_its_venue_does_not_tell(known):
    top = Top(KEY, NOON, **known)
    assert checked_top(top) is top


@pytest.mark.parametrize("rate", [math.nan, math.inf, -math.inf])
def test_a_funding_rate_is_finite(rate):
    with pytest.raises(ValueError, match="funding"):
        checked_top(Top(KEY, NOON, funding_hourly=rate))


def one_level(price: float, quantity: float) -> Levels:
    return Levels((price,), (quantity,))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (one_level(LEAST, 1.0), one_level(math.nextafter(LEAST, 0), 1.0)),
        (one_level(MOST, 1.0), one_level(math.nextafter(MOST, math.inf), 1.0)),
        (one_level(1.0, LEAST), one_level(1.0, math.nextafter(LEAST, 0))),
        (one_level(1.0, MOST), one_level(1.0, math.nextafter(MOST, math.inf))),
        (Levels((2.0, 1.0), (MOST / 2, MOST / 2)), Levels((2.0, 1.0), (MOST / 2, MOST))),
        (Levels((MOST, LEAST), (1.0, 1.0)), Levels((MOST, LEAST / 2), (1.0, 1.0))),
        (Levels((MOST, LEAST), (1.0, 1.0)), Levels((MOST * 2, LEAST), (1.0, 1.0))),
    ],
)
def test_prices_and_depth_may_reach_the_bounds_of_what_chains_can_express(good, bad):
    """Whole, on either side of a book."""
    assert (LEAST, MOST) == (1e-18, 1e18)
    for side in ("bids", "asks"):
        made = [
            Levels(*(column[:: 1 if side == "bids" else -1] for column in levels)) for levels in (good, bad)
        ]
        accepted, refused = ({"bids": EMPTY, "asks": EMPTY, side: levels} for levels in made)
        assert checked_book(KEY, **accepted, at=NOON)
        with pytest.raises(ValueError, match=f"{side} hold a"):
            checked_book(KEY, **refused, at=NOON)


def test_an_empty_book_is_a_book_and_is_not_taken_for_a_cut_one():
    book = checked_book(KEY, EMPTY, EMPTY, NOON)
    assert (book.mid, book.sequence, book.truncated) == (None, None, False)
    assert OrderBook(KEY, EMPTY, EMPTY, NOON) == book
