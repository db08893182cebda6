"""What a person declares to have paid in or out, after equities that include it were written already.

A run values an account round by round, and says with each equity what of it nothing explains. Once that is
declared, losses are what they would be had each part of it been recorded before the first equity with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from defi_analytics.risk.halting import EQUITY, FLOW, apply
from defi_analytics.risk.losses import FIGURES, RiskState, paid

UNEXPLAINED = "unexplained"
_ZERO = Decimal(0)
Row = tuple[datetime, str, Mapping[str, Any]]


def figures(rows: Sequence[Row], at: datetime, flow: Mapping[str, Any]) -> dict[str, float]:
    """What to add to the body of a flow that comes after these records; nothing where it is not valued yet.

    Nor where they cannot be folded with it: it is then as if it were not valued.
    """
    every = [*rows, (at, FLOW, flow)]
    try:
        parts = _Parts.of(every)
        if parts.late:
            return {}
        state = _folded(every, parts.amounts)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return {}
    return {name: getattr(state, name) for name in FIGURES}


def _folded(rows: Sequence[Row], amounts: Mapping[int, float]) -> RiskState:
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
    _level: dict[str, Decimal] = field(default_factory=dict)
    _open: dict[str, list[tuple[int, Decimal]]] = field(default_factory=dict)
    """By asset: the steps of what was unexplained, up to when it was declared."""
    _last: int = -1
    """The place of the last equity."""

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        parts = cls()
        for place, (_, kind, body) in enumerate(rows):
            if kind == EQUITY:
                parts._valued(place, body.get(UNEXPLAINED, {}))
            elif _is_declared(kind, body):
                parts._declared(place, body)
        return parts

    def _valued(self, place: int, told: Mapping[str, str]) -> None:
        for asset in sorted({*told, *self._level}):
            now = Decimal(told.get(asset, "0"))
            self._step(asset, place, now - self._level.get(asset, _ZERO))
            self._level[asset] = now
        self._last = place

    def _step(self, asset: str, place: int, step: Decimal) -> None:
        """What is undone by the next equity was a fill of ours between two reads, and nobody's flow."""
        steps = self._open.setdefault(asset, [])
        if steps and steps[-1] == (self._last, -step):
            steps.pop()
        elif step:
            steps.append((place, step))

    def _declared(self, place: int, body: Mapping[str, Any]) -> None:
        asset, quantity, amount = body["asset"], Decimal(body["quantity"]), float(body["amount"])
        before = self._level.get(asset, _ZERO)
        self._step(asset, place, quantity - before)
        steps = self._open.pop(asset)
        self.late = all(where == place for where, _ in steps)
        self._level[asset] = _ZERO
        for where, step in steps:
            self.amounts[where] = self.amounts.get(where, 0.0) + amount * float(step / quantity)
