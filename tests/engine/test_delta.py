import math
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.engine.delta import delta, patched
from tests.fakes import NOON

TIMES = st.integers(0, 2**52).map(lambda number: datetime.fromtimestamp(number / 1e6, UTC))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.decimals(-1000, 1000, places=4).map(float)
    | st.sampled_from(["", "rows", "columns", "idle", "entry"])
    | TIMES
)
KEYS = st.sampled_from(["", "rows", "columns", "key", "at", "bid"])


def trees(inside: Any) -> Any:
    row = st.fixed_dictionaries({"key": st.sampled_from("abc"), "bid": inside, "at": LEAVES})
    return (
        st.lists(inside, max_size=4)
        | st.dictionaries(KEYS, inside, max_size=4)
        | st.lists(row, max_size=4)
        | st.lists(st.floats(0.01, 100).map(lambda x: round(x, 3)), max_size=6)
    )


TREES = st.recursive(LEAVES, trees, max_leaves=20)


def exact(tree: Any) -> bytes:
    """Equal for what is the same to the last bit: 0.0 is not -0.0, and 1 is not True."""
    return msgspec.msgpack.encode(tree)


@given(TREES, TREES)
def test_any_tree_is_made_of_any_other_to_the_last_bit(old: Any, new: Any) -> None:
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(delta(old, new)))
    assert exact(patched(old, stored)) == exact(new)


@given(TREES)
def test_nothing_changed_is_nothing(tree: Any) -> None:
    assert delta(tree, msgspec.msgpack.decode(exact(tree))) == 0


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (25.125, 25.127, 2),
        (25.1, 25.127, [27, 3]),
        (25.0, 25.5, 5),
        (1.0, 0.1 + 0.2, {"": 0.30000000000000004}),
        (0.0, -0.0, {"": -0.0}),
        (1.0, math.inf, {"": math.inf}),
        (1, 1.0, {"": 1.0}),
        (1, True, {"": True}),
        (False, True, {"": True}),
        (7, 10, 3),
        (NOON, NOON + timedelta(seconds=5), 5_000_000),
        ("a", "b", {"": "b"}),
        ([], [1], {"": [1]}),
        ([1, 2], [], {"": []}),
        ([1, 2], [1, 3, 5], [0, 1, 3]),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 1}),
        ({"a": 1}, {"b": 1}, {"": {"b": 1}}),
    ],
)
def test_a_change_is_told_as_shortly_as_it_can(old: Any, new: Any, change: Any) -> None:
    assert delta(old, new) == change
    assert type(patched(old, change)) is type(new)


def row(name: str, bid: float) -> dict[str, Any]:
    return {"key": ["injective", name], "bid": bid}


def test_rows_are_told_against_those_of_the_same_name_wherever_they_stood() -> None:
    old, new = [row("a", 1.5), row("b", 70.5)], [row("b", 70.6), row("c", 70.7), row("a", 1.5)]
    change = delta(old, new)
    assert change["rows"] == [1, 1, 0]
    assert change["columns"]["bid"] == [1, 2, 0]
    assert patched(old, change) == new


def test_rows_of_one_name_are_told_each_against_its_own() -> None:
    old = [{"base": "USDT", "quote": "USD", "bid": bid} for bid in (1.0, 2.0)]
    new = [{"base": "USDT", "quote": "USD", "bid": bid} for bid in (1.1, 2.0)]
    assert delta(old, new) == {"columns": {"bid": [1, 0]}}
    assert delta([{"n": 1}, {"n": 2}], [{"n": 1}, {"n": 3}]) == {"columns": {"n": [0, 1]}}
