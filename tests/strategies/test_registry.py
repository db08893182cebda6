import inspect
import math
import types

import pytest

from defi_analytics.domain.decision import IDLE, Holding
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.strategies.registry import STRATEGIES
from tests.builders_core import a_view


def test_every_kind_of_mispricing_has_its_strategy():
    assert {strategy.kind for strategy in STRATEGIES.values()} == set(EdgeKind)
    assert all(name == strategy.name for name, strategy in STRATEGIES.items())


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_the_defaults_are_finite_numbers(strategy):
    assert all(isinstance(value, float | int) and math.isfinite(value) for value in strategy.params)


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_a_strategy_is_a_plain_function_of_a_view_a_holding_and_its_parameters(strategy):
    assert isinstance(strategy.intend, types.FunctionType)
    assert list(inspect.signature(strategy.intend).parameters) == ["view", "holding", "params"]
    assert strategy.intend(a_view(), Holding(), strategy.params) == IDLE
