import subprocess
import sys
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.backtest.compiled import compiled
from defi_analytics.domain.book import Levels
from defi_analytics.mispricing import walk
from tests.builders import levels


def sides(*, descending: bool) -> st.SearchStrategy[Levels]:
    numbers = st.tuples(st.floats(50, 150), st.floats(0.001, 1000))
    pairs = st.lists(numbers, max_size=12, unique_by=lambda pair: pair[0])
    return pairs.map(lambda ps: levels(*sorted(ps, reverse=descending)))


RATES = st.floats(0.9, 1.1)
TERMS = st.builds(
    walk.Terms,
    buy_rate=RATES,
    sell_rate=RATES,
    buy_mid_rate=RATES,
    sell_mid_rate=RATES,
    min_quantity=st.floats(0, 5),
    min_buy_notional=st.floats(0, 50),
    min_sell_notional=st.floats(0, 50),
    buy_fee=st.floats(-0.001, 0.01),
    sell_fee=st.floats(-0.001, 0.01),
    carry=st.floats(0, 0.001),
    exit_fee=st.floats(0, 0.001),
    fixed=st.floats(0, 0.5),
    step=st.sampled_from((0.0, 0.1, 1.0)),
    max_quantity=st.floats(1, 500),
    max_slippage=st.floats(0, 0.5),
    min_edge=st.floats(0, 0.05),
    min_profit=st.floats(0, 5),
)


class Colour(IntEnum):
    RED = 3


def test_the_same_source_prices_two_books_to_the_last_bit_when_compiled():
    kernels = {f: compiled(f) for f in (walk.best_quantity, walk.priced)}
    at = compiled(walk.price_at)

    @given(sides(descending=False), sides(descending=True), TERMS)
    @settings(max_examples=100, deadline=None)
    def same(asks, bids, terms):
        arrays = [Levels(np.array(s.prices, float), np.array(s.quantities, float)) for s in (asks, bids)]
        for plain, kernel in kernels.items():
            assert repr(kernel(*arrays, terms)) == repr(plain(asks, bids, terms))
        assert repr(at(*arrays, terms, 1.5)) == repr(walk.price_at(asks, bids, terms, 1.5))

    same()


class Point(NamedTuple):
    x: int
    y: float


def numbered(colour: int) -> int:
    return int(colour)


def moved(point: Point, by: int) -> Point:
    return Point(point.x + numbered(by) + int(Colour.RED), point.y)


def test_functions_that_it_calls_and_members_of_enums_are_compiled_along():
    assert compiled(moved)(Point(1, 0.5), 2) == moved(Point(1, 0.5), 2) == Point(6, 0.5)


def test_a_function_is_compiled_once():
    assert compiled(moved) is compiled(moved)


def test_what_is_no_plain_function_is_refused():
    with pytest.raises(TypeError, match="no plain function"):
        compiled(len)


def test_nothing_is_paid_for_numba_before_something_is_compiled():
    code = "import sys, defi_analytics.backtest.compiled; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
