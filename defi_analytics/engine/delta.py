"""What changed between two trees of plain values, small where little did; exact, to the sign of a zero.

A tree is what MessagePack gives back: mappings, lists, text, whole numbers, floats, booleans, None and times.
A delta is told against a tree and means nothing without it:
- `0`: nothing changed;
- `{"": value}`: this instead;
- for a time, the microseconds to add; for a whole number, what to add;
- for a float, what to add in units of its last decimal place, or `[units, places]` with another place;
- for a mapping, the deltas of the entries that changed;
- for a list, the delta of each element; what is beyond the old list's end is told against its last element;
- for a table (a list of mappings with the same keys), `{"rows": …, "columns": {key: [delta of each row]}}`:
  columns compress where rows do not. `rows` names the old row that each new one is told against, and is left
  out where they are the same in number and order.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Any

_SAME = 0
_INSTEAD = ""
_ROWS, _COLUMNS = "rows", "columns"
_MICROSECOND = timedelta(microseconds=1)
_MOST_UNITS = 2**53
_MOST_PLACES = 15
"""A float with more decimal places was computed: its difference is no shorter than itself."""


def delta(old: Any, new: Any) -> Any:
    """What makes `new` of `old`."""
    if type(old) is not type(new):
        return {_INSTEAD: new}
    if isinstance(new, dict):
        return _of_mapping(old, new)
    if isinstance(new, list):
        return _of_table(old, new) if _table(old) else _of_list(old, new)
    if _same(old, new):
        return _SAME
    moved = _of_leaf(old, new)
    return {_INSTEAD: new} if moved is None else moved


def patched(old: Any, change: Any) -> Any:
    """`new` again. Raises ValueError, TypeError, KeyError or IndexError for a delta of something else."""
    if change == _SAME and isinstance(change, int):
        return old
    if isinstance(change, dict) and _INSTEAD in change:
        return change[_INSTEAD]
    if isinstance(old, dict):
        return {key: patched(value, change.get(key, _SAME)) for key, value in old.items()}
    if isinstance(old, list):
        return _patched_table(old, change) if _table(old) else _patched_list(old, change)
    return _patched_leaf(old, change)


def _patched_leaf(old: Any, change: Any) -> Any:
    if isinstance(old, datetime):
        return old + change * _MICROSECOND
    return _moved(old, change) if isinstance(old, float) else old + change


def _same(old: Any, new: Any) -> bool:
    """Of two leaves of one type; zeros have a sign, and a NaN is itself."""
    return repr(old) == repr(new) if isinstance(new, float) else bool(old == new)


def _of_leaf(old: Any, new: Any) -> Any:
    """None where the difference would be no shorter."""
    if isinstance(new, datetime):
        return (new - old) // _MICROSECOND
    if isinstance(new, float):
        return _of_float(old, new)
    if isinstance(new, int) and not isinstance(new, bool):
        return new - old if abs(new - old) < _MOST_UNITS else None
    return None


def _of_float(old: float, new: float) -> Any:
    if not (math.isfinite(old) and math.isfinite(new)):
        return None
    before, after = _places(old), _places(new)
    places = max(before, after)
    if places > _MOST_PLACES:
        return None
    units = int((Decimal(repr(new)) - Decimal(repr(old))).scaleb(places))
    change = units if places == before else [units, places]
    small = 0 < abs(units) < _MOST_UNITS
    return change if small and _same(_moved(old, change), new) else None


def _moved(old: float, change: Any) -> float:
    units, places = change if isinstance(change, list) else (change, _places(old))
    return float(Decimal(repr(old)) + Decimal(units).scaleb(-places))


def _places(value: float) -> int:
    exponent = Decimal(repr(value)).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _of_mapping(old: Mapping[str, Any], new: Mapping[str, Any]) -> Any:
    if list(old) != list(new):
        return {_INSTEAD: new}
    changes = {key: change for key in new if (change := delta(old[key], new[key])) != _SAME}
    return {_INSTEAD: new} if _INSTEAD in changes else changes or _SAME


def _of_list(old: Sequence[Any], new: Sequence[Any]) -> Any:
    if not old or not new:
        return _SAME if old == new else {_INSTEAD: new}
    changes = [delta(before, after) for before, after in zip(_stretched(old, len(new)), new, strict=True)]
    return changes if len(old) != len(new) or any(changes) else _SAME


def _patched_list(old: Sequence[Any], change: Sequence[Any]) -> list[Any]:
    return [patched(before, each) for before, each in zip(_stretched(old, len(change)), change, strict=True)]


def _stretched(old: Sequence[Any], length: int) -> Iterator[Any]:
    return (old[min(place, len(old) - 1)] for place in range(length))


def _table(rows: Sequence[Any]) -> bool:
    keys = list(rows[0]) if rows and isinstance(rows[0], dict) else []
    return bool(keys) and all(isinstance(row, dict) and list(row) == keys for row in rows)


def _of_table(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> Any:
    if not _table(new) or list(old[0]) != list(new[0]):
        return {_INSTEAD: new}
    order = _aligned(old, new)
    columns = {}
    for key in new[0]:
        changes = [delta(old[place][key], row[key]) for place, row in zip(order, new, strict=True)]
        if any(changes):
            columns[key] = changes
    told = {_COLUMNS: columns} if columns else {}
    if order != list(range(len(old))):
        return {_ROWS: order, **told}
    return told or _SAME


def _patched_table(old: Sequence[dict[str, Any]], change: Mapping[str, Any]) -> list[Any]:
    order = change.get(_ROWS, range(len(old)))
    columns = change.get(_COLUMNS, {})
    return [
        {
            key: patched(value, columns[key][row] if key in columns else _SAME)
            for key, value in old[at].items()
        }
        for row, at in enumerate(order)
    ]


def _aligned(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> list[int]:
    """For each new row the old one of the same name; of those of no such name, the one in its place."""
    places: dict[Any, list[int]] = {}
    for place, row in enumerate(old):
        places.setdefault(_name(row), []).append(place)
    found = [places.get(_name(row), []) for row in new]
    return [same.pop(0) if same else min(place, len(old) - 1) for place, same in enumerate(found)]


def _name(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What a row is about: the texts at its beginning, or in the list it begins with; two at most."""
    first, *rest = row.values()
    texts = first if isinstance(first, list) else [first, *rest]
    return tuple(takewhile(lambda text: isinstance(text, str), texts[:2]))
