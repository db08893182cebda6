"""Dictionaries whose changes can be taken back, so that a transaction happens whole or not at all."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Undo:
    def __init__(self) -> None:
        self._depth = 0
        self._steps: list[Callable[[], object]] = []

    def add(self, step: Callable[[], object]) -> None:
        if self._depth:
            self._steps.append(step)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Whatever is raised inside takes back what was changed inside; may be nested."""
        mark, self._depth = len(self._steps), self._depth + 1
        try:
            yield
        except BaseException:
            while len(self._steps) > mark:
                self._steps.pop()()
            raise
        finally:
            self._depth -= 1
            if not self._depth:
                self._steps.clear()


class Table(Generic[_Key, _Value]):
    """A dictionary. The sequence of its items is not kept when a change is taken back."""

    def __init__(self, undo: Undo) -> None:
        self._undo = undo
        self._values: dict[_Key, _Value] = {}

    @property
    def all(self) -> Mapping[_Key, _Value]:
        return self._values

    def get(self, key: _Key, default: _Value) -> _Value:
        return self._values.get(key, default)

    def find(self, key: _Key) -> _Value | None:
        return self._values.get(key)

    def put(self, key: _Key, value: _Value) -> None:
        if key in self._values:
            old = self._values[key]
            self._undo.add(lambda: self._values.__setitem__(key, old))
        else:
            self._undo.add(lambda: self._values.pop(key))
        self._values[key] = value

    def drop(self, key: _Key) -> None:
        """A missing key is no error."""
        if key in self._values:
            old = self._values.pop(key)
            self._undo.add(lambda: self._values.__setitem__(key, old))

    def take(self, other: "Table[_Key, _Value]") -> None:
        """Everything of the other, as it is now. Only outside of `atomic`."""
        self._values = dict(other.all)

    def clear(self) -> None:
        """Only outside of `atomic`."""
        self._values.clear()
