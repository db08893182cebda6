"""A market against a fair value that it should come back to, held until it has."""

from typing import NamedTuple

from defi_analytics.domain.decision import Holding, Intent, View
from defi_analytics.strategies.sizing import Entry, Exit, entered, left


class Params(NamedTuple):
    """Fractions are of the price, z in units of the fair value's uncertainty."""

    min_z: float
    min_gap: float
    exit_z: float
    min_edge: float
    """After the taker fees of both ways."""
    max_notional: float = 100.0
    """Quote, of one entry."""
    max_slippage: float = 0.005
    stop_loss: float = 0.02
    """Of what the holding cost, fees included."""
    max_holding_s: float = 3_600.0
    urgent_slippage: float = 0.02
    """When stopped or out of time."""


CONVERGENCE = Params(min_z=2.0, min_gap=0.0, exit_z=0.0, min_edge=0.0005)
"""Against the middle of another venue's executable prices."""
ORACLE = Params(min_z=1.0, min_gap=0.005, exit_z=0.2, min_edge=0.001)
"""Against the oracle that it is marked by or measured with, which need not publish before the price moved by
about `min_gap`: a smaller one says nothing."""


def intend(view: View, holding: Holding, params: Params) -> Intent:
    if holding.lots != 0:
        return left(
            view,
            holding,
            Exit(
                params.exit_z,
                params.stop_loss,
                params.max_holding_s,
                params.max_slippage,
                params.urgent_slippage,
            ),
        )
    return entered(
        view,
        Entry(params.min_z, params.min_gap, params.min_edge, params.max_notional, params.max_slippage),
    )
