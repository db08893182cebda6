"""Cross-venue convergence: the market against the middle of another venue's executable prices."""

from typing import NamedTuple

from defi_analytics.domain.decision import Holding, Intent, View
from defi_analytics.strategies.sizing import Entry, Exit, entered, left


class Params(NamedTuple):
    """Fractions are of the price, z in units of the fair value's uncertainty."""

    min_z: float = 2.0
    exit_z: float = 0.0
    min_edge: float = 0.0005
    """After the taker fees of both ways."""
    max_notional: float = 100.0
    """Quote, of one entry."""
    max_slippage: float = 0.005
    stop_loss: float = 0.02
    """Of what the holding cost, fees included."""
    max_holding_s: float = 3_600.0
    urgent_slippage: float = 0.02
    """When stopped or out of time."""


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
    return entered(view, Entry(params.min_z, 0.0, params.min_edge, params.max_notional, params.max_slippage))
