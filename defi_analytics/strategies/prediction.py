"""Prediction gap: the market against a forecast, held at most until the moment the forecast is about."""

from typing import NamedTuple

from defi_analytics.domain.decision import IDLE, Holding, Intent, View
from defi_analytics.strategies.sizing import Entry, Exit, entered, left


class Params(NamedTuple):
    """Fractions are of the price, z in units of the fair value's uncertainty."""

    min_z: float = 1.0
    exit_z: float = 0.0
    min_edge: float = 0.001
    """After the taker fees of both ways."""
    max_notional: float = 100.0
    """Quote, of one entry."""
    max_slippage: float = 0.005
    stop_loss: float = 0.02
    """Of what the holding cost, fees included."""
    min_left_s: float = 60.0
    """A forecast that is about a moment nearer than this is too late to act on."""
    max_holding_s: float = 86_400.0
    """However often the forecast is renewed."""
    urgent_slippage: float = 0.02
    """When stopped or out of time."""


def intend(view: View, holding: Holding, params: Params) -> Intent:
    if holding.lots != 0:
        # Once the forecast's moment has come, there is nothing left to wait for.
        wait_s = 0.0 if view.time_s >= view.until_s else params.max_holding_s
        return left(
            view,
            holding,
            Exit(params.exit_z, params.stop_loss, wait_s, params.max_slippage, params.urgent_slippage),
        )
    if not view.until_s - view.time_s >= params.min_left_s:
        return IDLE
    return entered(view, Entry(params.min_z, 0.0, params.min_edge, params.max_notional, params.max_slippage))
