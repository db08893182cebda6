"""What was paid in or out, declared after equities that include it were written already.

A run values an account round by round, and says with each equity what of it is missing for no reason that the
books know. Once that is declared, losses are what they would be had each part of it been recorded before the
first equity with it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, Self

from defi_analytics.risk.halting import EQUITY, FLOW, apply
from defi_analytics.risk.losses import FIGURES, RiskState, paid

UNEXPLAINED = "unexplained"
_ZERO = Decimal(0)
Row = tuple[datetime, str, Mapping[str, Any]]


def figures(rows: Callable[[], Iterable[Row]], at: datetime, flow: Mapping[str, Any]) -> dict[str, float]:
    """What to add to the body of a flow that comes after these records; nothing where it is not valued yet.

    `rows` begins anew with each call, and nothing of it is kept: a journal tells of every round. Raises
    ValueError where they cannot be folded with the flow, or nothing is left to measure losses from.
    """

    def every() -> Iterable[Row]:
        yield from rows()
        yield at, FLOW, flow

    parts = _Parts.of(every())
    if parts.late:
        return {}
    state = _folded(every(), parts.amounts)
    return {name: getattr(state, name) for name in FIGURES}


def _folded(rows: Iterable[Row], amounts: Mapping[int, float]) -> RiskState:
    state = RiskState()
    for place, (at, kind, body) in enumerate(rows):
        if place in amounts:
            state = paid(state, amounts[place])
        if not _is_declared(kind, body):
            state = apply(state, kind, at, body)
    return state


def _is_declared(kind: str, body: Mapping[str, Any]) -> bool:
    return kind == FLOW and "asset" in body


@dataclass(slots=True)
class _Parts:
    """What was paid, by the place of the record that it has to come before."""

    amounts: dict[int, float] = field(default_factory=dict)
    late: bool = True
    """Whether no equity includes anything of the last flow."""
    _levels: dict[str, dict[Decimal, int]] = field(default_factory=dict)
    """By asset: how much was unexplained, and from which record on, since it was last declared."""

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Self:
        parts = cls()
        for place, (_, kind, body) in enumerate(rows):
            if kind == EQUITY:
                parts._valued(place, _told(body))
            elif _is_declared(kind, body):
                parts._declared(place, body)
        return parts

    def _valued(self, place: int, told: Mapping[str, Decimal]) -> None:
        for asset in {*told, *self._levels}:
            self._reached(asset, place, told.get(asset, _ZERO))

    def _reached(self, asset: str, place: int, level: Decimal) -> None:
        """Back at a level of before, what lay between was a fill that was counted late, and nobody's flow."""
        levels = self._levels.setdefault(asset, {_ZERO: -1})
        if level not in levels:
            levels[level] = place
        while next(reversed(levels)) != level:
            levels.popitem()

    def _declared(self, place: int, body: Mapping[str, Any]) -> None:
        asset, quantity, amount = body["asset"], _number(body["quantity"]), float(_number(body["amount"]))
        if not quantity:
            raise ValueError("a flow of nothing")
        self._reached(asset, place, quantity)
        levels = self._levels.pop(asset)
        self.late = all(where in (-1, place) for where in levels.values())
        for (before, _), (level, where) in pairwise(levels.items()):
            share = float((level - before) / quantity)
            self.amounts[where] = self.amounts.get(where, 0.0) + amount * share


def _told(body: Mapping[str, Any]) -> dict[str, Decimal]:
    told = body.get(UNEXPLAINED, {})
    if not isinstance(told, Mapping):
        raise ValueError(f"an equity says that {told!r} is unexplained")  # noqa: TRY004 - of a file, not of a call
    return {str(asset): _number(amount) for asset, amount in told.items()}


def _number(value: object) -> Decimal:
    """Raises ValueError for what is none."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is no number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is no number")
    return number
