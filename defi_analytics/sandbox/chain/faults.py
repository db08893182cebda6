"""Faults on demand: what a network does to a client between signing and knowing.

Everything is drawn from one seed, so the same requests in the same order meet the same faults again.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from random import Random
from typing import NamedTuple

from defi_analytics.errors import UsageError

_SPEC = re.compile(r"(?P<kind>[a-z_]+)(=(?P<value>[0-9.]{1,12}))?(@(?P<chance>[0-9.]{1,12}))?")
_NUMBER = re.compile(r"\d+(\.\d+)?|\.\d+")


class Kind(StrEnum):
    LATENCY = "latency"
    """Any answer waits VALUE seconds."""
    DROP_BEFORE = "drop_before"
    """A broadcast's connection is reset, and nothing arrived."""
    DROP_AFTER = "drop_after"
    """A broadcast arrives, and its connection is reset before the answer."""
    HANG_AFTER = "hang_after"
    """A broadcast arrives and is never answered."""
    ERROR_BEFORE = "error_before"
    """A broadcast is answered 503, and nothing arrived."""
    ERROR_AFTER = "error_after"
    """A broadcast is answered 503 although it arrived."""
    LATE_INCLUSION = "late_inclusion"
    """A broadcast is included VALUE blocks later than the next."""
    SEQUENCE_MISMATCH = "sequence_mismatch"
    """A broadcast or simulation is told that its sequence is wrong, although it is right."""
    FOREIGN_TX = "foreign_tx"
    """Another transaction of the account takes the sequence just before a broadcast."""
    STALE_NODE = "stale_node"
    """A read is answered as it was one block ago."""
    RPC_BEHIND = "rpc_behind"
    """The node's own RPC answers as it was VALUE blocks ago."""
    TX_INDEX_LAG = "tx_index_lag"
    """A transaction is found by its hash only VALUE blocks after its own."""
    INDEXER_LAG = "indexer_lag"
    """The indexer answers as it was VALUE blocks ago."""
    BASE_FEE = "base_fee"
    """Gas costs VALUE times the least; with @CHANCE it only became so just before a broadcast."""
    HALT = "halt"
    """No blocks for VALUE seconds: at once, or with @CHANCE after a broadcast."""


_DEFAULTS = {
    Kind.LATENCY: 0.25,
    Kind.LATE_INCLUSION: 3.0,
    Kind.HALT: 5.0,
    Kind.RPC_BEHIND: 1.0,
    Kind.TX_INDEX_LAG: 2.0,
    Kind.INDEXER_LAG: 20.0,
    Kind.BASE_FEE: 1.5,
}
"""The kinds that have a value beside their chance."""


class Fault(NamedTuple):
    kind: Kind
    value: float = 0.0
    """Seconds, blocks or a multiple, for the kinds that have one."""
    chance: float | None = None
    """Of meeting it, per request it can happen to; None when it was not said."""


def parse(text: str) -> Fault:
    """`KIND[=VALUE][@CHANCE]`; where a kind has no value, `KIND=CHANCE`. Raises UsageError."""
    found = _SPEC.fullmatch(text.strip())
    if found is None or found["kind"] not in set(Kind):
        raise UsageError(f"{text[:60]!r} is not a fault", hint=f"one of: {', '.join(Kind)}")
    kind, value, chance = Kind(found["kind"]), _number(found["value"]), _number(found["chance"])
    if kind in _DEFAULTS:
        fault = Fault(kind, _DEFAULTS[kind] if value is None else value, chance)
    else:
        fault = Fault(kind, 0.0, chance if value is None else value)
    if fault.chance is not None and fault.chance > 1:
        raise UsageError(f"{text[:60]!r}: a chance is a fraction, from 0 to 1")
    return fault


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise UsageError(f"{text!r} is not a number")
    return float(text)


class Faults:
    """Which faults are on, and how often each happened."""

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 0) -> None:
        self.counts: Counter[str] = Counter()
        self.set(faults, seed)

    def set(self, faults: Iterable[Fault], seed: int) -> None:
        """These instead of those before; the counts go on."""
        self.seed = seed
        self._on = {fault.kind: fault for fault in faults}
        self._random = {kind: Random(f"{seed} {kind}") for kind in Kind}  # noqa: S311 -- repeats; no secret

    @property
    def on(self) -> Mapping[str, str]:
        """As they were told, by kind."""
        return {str(fault.kind): _told(fault) for fault in self._on.values()}

    @property
    def halt_now(self) -> Fault | None:
        """A halt that was not given a chance happens once, when it is set."""
        halt = self._on.get(Kind.HALT)
        return halt if halt is not None and halt.chance is None else None

    @property
    def base_fee(self) -> float:
        """What gas costs for everybody, as a multiple of the least."""
        fault = self._on.get(Kind.BASE_FEE)
        return fault.value if fault is not None and fault.chance is None else 1.0

    def blocks(self, kind: Kind) -> int:
        """By how many this answer is behind."""
        fault = self.happens(kind)
        return (round(fault.value) or 1) if fault else 0

    def happens(self, kind: Kind) -> Fault | None:
        """The fault, this time, or None. Each kind draws from numbers of its own."""
        fault = self._on.get(kind)
        if fault is None or self._random[kind].random() >= (1.0 if fault.chance is None else fault.chance):
            return None
        self.counts[kind] += 1
        return fault


def _told(fault: Fault) -> str:
    value = f"{fault.value:g}" if fault.kind in _DEFAULTS else ""
    return value if fault.chance is None else f"{value}@{fault.chance:g}"
