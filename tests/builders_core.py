"""Small valid values of the decision core to vary in tests."""

import math
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from defi_analytics.domain.decision import Grid, Ladder, View

NOON_S = 1_700_000_000.0


def a_grid(**changes: Any) -> Grid:
    free = Grid(0.01, 0.1, 0.0, 0.0, 1, 0, perpetual=True)
    return free._replace(**changes)


def ladder(*pairs: tuple[int, int]) -> Ladder:
    return Ladder(tuple(ticks for ticks, _ in pairs), tuple(lots for _, lots in pairs))


def a_view(
    bids: Sequence[tuple[int, int]] = ((999, 50),),
    asks: Sequence[tuple[int, int]] = ((1001, 50),),
    **changes: Any,
) -> View:
    view = View(NOON_S, ladder(*bids), ladder(*asks), 1000.0, 0.001, math.nan, a_grid())
    return view._replace(**changes)


def sides(*, descending: bool, most: int = 5) -> st.SearchStrategy[Ladder]:
    """One side of a book within 900 to 1100 ticks, best price first."""
    prices = st.lists(st.integers(900, 1100), max_size=most, unique=True)
    return st.tuples(
        prices.map(lambda p: sorted(p, reverse=descending)),
        st.lists(st.integers(1, 50), min_size=most, max_size=most),
    ).map(lambda found: Ladder(tuple(found[0]), tuple(found[1][: len(found[0])])))
