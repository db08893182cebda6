"""All strategies by name: run and backtest know a new one from its line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from defi_analytics.domain.decision import Holding, Intent, View
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.ports import Strategy
from defi_analytics.strategies import prediction, reversion


@dataclass(frozen=True, slots=True)
class PureStrategy:
    name: str
    kind: EdgeKind
    params: Any
    """Defaults; their type is the type of every other set."""
    intend: Callable[[View, Holding, Any], Intent]


_ALL: tuple[Strategy, ...] = (
    PureStrategy("convergence", EdgeKind.CROSS_VENUE, reversion.CONVERGENCE, reversion.intend),
    PureStrategy("oracle", EdgeKind.ORACLE, reversion.ORACLE, reversion.intend),
    PureStrategy("prediction", EdgeKind.PREDICTION, prediction.Params(), prediction.intend),
)

STRATEGIES: Mapping[str, Strategy] = MappingProxyType({strategy.name: strategy for strategy in _ALL})
