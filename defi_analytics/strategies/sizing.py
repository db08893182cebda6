"""How much, at what worst price, and when to leave again: what all strategies share.

Only levels are taken whose marginal unit still earns after the fees of the way in and the way out (a taker
both times, leaving at the fair value) and the edge that is demanded. Prices are in ticks: what is bought is
rounded down, what is sold up.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

import math
from typing import NamedTuple

from defi_analytics.domain.decision import (
    BUY,
    IDLE,
    MOST_CASH,
    MOST_LOTS,
    SELL,
    Grid,
    Holding,
    Intent,
    Ladder,
    OrderKind,
    View,
    Why,
)
from defi_analytics.mispricing.auction import market_fill

MOST_RATIO = 2.0
"""A price and a fair value that differ by more than this factor are a mistake in units, not a gap."""


class Entry(NamedTuple):
    """When it is worth to go in. Fractions are of the price."""

    min_z: float
    min_gap: float
    min_edge: float
    """After the fees of both ways."""
    max_notional: float
    """Quote."""
    max_slippage: float
    """From the best price to the worst that is accepted."""


class Exit(NamedTuple):
    """When it is time to go out."""

    z: float
    """The gap that is left, in uncertainties, at which it counts as closed."""
    stop_loss: float
    """Fraction of what the holding cost, with the fees of both ways."""
    max_holding_s: float
    max_slippage: float
    """When the gap has closed."""
    urgent_slippage: float
    """When stopped or out of time."""


def gap(view: View) -> float:
    """How far the middle of the book is below the fair value, as a fraction of it; negative when it is dear.

    NaN, which no comparison lets through, unless the book has two sides that do not cross, the fair value is
    positive and within a factor of `MOST_RATIO`, and its uncertainty, the unit it is judged in, is known.
    """
    if len(view.bids.ticks) == 0 or len(view.asks.ticks) == 0 or _broken(view):
        return math.nan
    mid = 0.5 * float(view.bids.ticks[0] + view.asks.ticks[0])
    sound = view.fair > 0.0 and 0.0 < view.uncertainty < math.inf
    if not (sound and mid <= MOST_RATIO * view.fair and view.fair <= MOST_RATIO * mid):
        return math.nan
    return 1.0 - mid / view.fair


def entered(view: View, terms: Entry) -> Intent:
    """A market order towards the fair value if the gap is large enough to earn, else `IDLE`.

    Spot is only ever bought: what is not held cannot be sold.
    """
    off = gap(view)
    if not (abs(off) >= terms.min_z * view.uncertainty and abs(off) >= terms.min_gap):
        return IDLE
    side = BUY if off > 0.0 else SELL
    if side == SELL and not view.grid.perpetual:
        return IDLE
    ladder = view.asks if side == BUY else view.bids
    worst = _worst_entry(view, side, terms)
    lots = takeable(ladder, side, worst, _most_lots(ladder, worst, terms, view.grid))
    if lots < max(1, view.grid.min_lots) or lots * worst < view.grid.min_notional:
        return IDLE
    return Intent(side, OrderKind.MARKET.value, worst, lots, 0, False, Why.ENTRY.value)


def takeable(ladder: Ladder, side: int, worst: int, most: int) -> int:
    """Lots that one side of a book offers up to the worst price (`side` is the taker's), at most `most`."""
    lots = 0
    for i in range(len(ladder.ticks)):
        if (ladder.ticks[i] - worst) * side > 0 or lots >= most:
            break
        lots += min(ladder.lots[i], most - lots)
    return lots


def left(view: View, holding: Holding, terms: Exit) -> Intent:
    """A market order that closes the holding if it is stopped, out of time, or its gap has closed."""
    why = why_leave(view, holding, terms)
    if why == Why.NOTHING.value:
        return IDLE
    slippage = terms.max_slippage if why == Why.EXIT_CONVERGED.value else terms.urgent_slippage
    return closing(view, holding, why, slippage)


def closing(view: View, holding: Holding, why: int, slippage: float) -> Intent:
    """A market order for all that is held; `IDLE` when there is nobody to trade with."""
    side = SELL if holding.lots > 0 else BUY
    ladder = view.bids if holding.lots > 0 else view.asks
    if len(ladder.ticks) == 0:
        return IDLE
    worst = _slipped(ladder.ticks[0], side, slippage)
    return Intent(side, OrderKind.MARKET.value, worst, abs(holding.lots), 0, True, why)


def part_of(whole: Intent, share: float, grid: Grid) -> Intent:
    """Half of a closing order where less than all is to be closed, unless the market trades no such half."""
    half = (whole.lots + 1) // 2
    traded = half >= grid.min_lots and half * whole.ticks >= grid.min_notional
    lots = half if share < 1.0 and traded else whole.lots
    return Intent(whole.side, whole.kind, whole.ticks, lots, whole.trigger, whole.reduce_only, whole.why)


def why_leave(view: View, holding: Holding, terms: Exit) -> int:
    """The first reason to close, as a `Why`. Stop and time need no fair value; a crossed book tells none."""
    if _broken(view):
        return Why.NOTHING.value
    if lost(view, holding) >= terms.stop_loss * float(holding.cost):
        return Why.EXIT_STOP.value
    if view.time_s - holding.entered_s >= terms.max_holding_s:
        return Why.EXIT_TIME.value
    off = gap(view)
    if (off if holding.lots > 0 else -off) <= terms.z * view.uncertainty:
        return Why.EXIT_CONVERGED.value
    return Why.NOTHING.value


def lost(view: View, holding: Holding) -> float:
    """Cash units that closing at the best price would lose, with both ways' fees.

    Negative for a gain; NaN where there is no price or the cost is not known.
    """
    ladder = view.bids if holding.lots > 0 else view.asks
    if len(ladder.ticks) == 0 or holding.cost <= 0:
        return math.nan
    cost, value = float(holding.cost), float(abs(holding.lots) * ladder.ticks[0])
    moved = cost - value if holding.lots > 0 else value - cost
    return moved + view.grid.taker_fee * (cost + value)


def expected_edge(view: View, intent: Intent) -> float:
    """What an intent earns if it is left again at the fair value, after the fees of both ways.

    A fraction of what the view's book fills it for; NaN where that is nothing.
    """
    done = market_fill(intent.side, intent.lots, intent.ticks, view.asks if intent.side == BUY else view.bids)
    if done.lots == 0:
        return math.nan
    paid, worth = float(done.cash), view.fair * float(done.lots)
    earned = worth - paid if intent.side == BUY else paid - worth
    return (earned - view.grid.taker_fee * (paid + worth)) / paid


def _broken(view: View) -> bool:
    """Crossed, or without a positive price; an empty side is no contradiction."""
    bids, asks = view.bids.ticks, view.asks.ticks
    if len(bids) == 0:
        return len(asks) > 0 and asks[0] <= 0
    return bids[0] <= 0 or (len(asks) > 0 and asks[0] < bids[0])


def _worst_entry(view: View, side: int, terms: Entry) -> int:
    """The last price at which a unit earns, but no further from the best one than slippage may go."""
    fee = view.grid.taker_fee
    if side == BUY:
        share = 1.0 + fee + terms.min_edge
        if share <= 0.0:
            return _slipped(view.asks.ticks[0], side, terms.max_slippage)
        earning = _floor(view.fair * (1.0 - fee) / share)
        return min(earning, _slipped(view.asks.ticks[0], side, terms.max_slippage))
    share = 1.0 - fee - terms.min_edge
    if share <= 0.0:
        return MOST_CASH
    earning = _ceil(view.fair * (1.0 + fee) / share)
    return max(earning, _slipped(view.bids.ticks[0], side, terms.max_slippage))


def _slipped(best: int, side: int, slippage: float) -> int:
    if side == BUY:
        return max(best, _floor(float(best) * (1.0 + slippage)))
    return max(1, min(best, _ceil(float(best) * (1.0 - slippage))))


def _most_lots(ladder: Ladder, worst: int, terms: Entry, grid: Grid) -> int:
    """What the largest notional allows at the dearest price that the order can meet."""
    room = _floor(terms.max_notional / (grid.price_tick * grid.quantity_tick))
    return min(MOST_LOTS, room // max(1, worst, ladder.ticks[0]))


def _floor(value: float) -> int:
    return math.floor(min(value, float(MOST_CASH)))


def _ceil(value: float) -> int:
    return math.ceil(min(value, float(MOST_CASH)))
