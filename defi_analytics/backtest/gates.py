"""What the risk gate is told in a replay.

A replay has one account on one market, valued in its quote: nothing is ever pending, unresolved, sent twice
or skewed. The oracle and the ages of what was read are the history's, where it has them. Every rule is asked.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

import math
from collections.abc import MutableSequence
from typing import NamedTuple

from defi_analytics.backtest.account import Account, Rules, elapsed_s, sent_within
from defi_analytics.domain.decision import BUY, Grid, Holding, Intent, View, Why
from defi_analytics.domain.holding import realised
from defi_analytics.risk.codes import MarketState
from defi_analytics.risk.gate import judge
from defi_analytics.risk.liquidation import Margined, distance, with_order
from defi_analytics.risk.verdict import Verdict
from defi_analytics.risk.views import NEVER_S, AccountFacts, MarketFacts, OrderFacts
from defi_analytics.strategies.sizing import expected_edge

MINUTE_S = 60.0


class Told(NamedTuple):
    """One row of a history's inputs, see `history.Inputs`."""

    oracle: float
    oracle_age_s: float
    book_age_s: float
    prediction_age_s: float
    published: bool


def at_hand(oracle: float) -> Told:
    """Nothing but a price that stands for the oracle, as fresh as the row; on spot nobody publishes it."""
    return Told(oracle, 0.0, 0.0, 0.0, False)


class Seen(NamedTuple):
    """One row of a history."""

    shown: View
    told: Told


def judged(
    intent: Intent,
    seen: Seen,
    holding: Holding,
    account: Account,
    recent: MutableSequence[float],
    rules: Rules,
) -> Verdict:
    """`recent` holds the times of the last orders, see `account.remember`."""
    order = _order(intent, seen, rules)
    return judge(
        order,
        market_of(seen, rules),
        _account(order, seen, holding, account, recent, rules),
        rules.limits,
    )


def mark_of(seen: Seen) -> float:
    """Ticks: what the account is valued by, the oracle or else the middle of the book; NaN for neither."""
    oracle = seen.told.oracle
    return oracle if 0.0 < oracle < math.inf else _mid(seen.shown)


def holding_distance(seen: Seen, holding: Holding, rules: Rules) -> float:
    """How far a perpetual holding is from being taken over, a fraction of the mark price."""
    held = _margined(holding, rules)
    return distance(held.quantity, held.entry, held.margin, seen.told.oracle, rules.maintenance_margin)


def _order(intent: Intent, seen: Seen, rules: Rules) -> OrderFacts:
    grid, side, view = rules.grid, intent.side, seen.shown
    against = view.asks if side == BUY else view.bids
    best = float(against.ticks[0]) if len(against.ticks) > 0 else math.nan
    lots, mark = float(intent.lots), mark_of(seen)
    # `max` may hide a NaN behind a number.
    dearest = math.nan if math.isnan(mark) else max(float(intent.ticks), mark)
    return OrderFacts(
        side,
        intent.kind,
        intent.ticks,
        intent.lots,
        intent.trigger,
        intent.reduce_only,
        False,
        rules.uses_prediction,
        lots * dearest * _unit(grid),
        expected_edge(view, intent),
        (float(intent.ticks) - best) * float(side) / best if best > 0.0 else math.nan,
        rules.leverage if grid.perpetual else 1.0,
        _needs(intent, rules),
        rules.gas_per_order,
        intent.why == Why.EXIT_STOP.value,
    )


def _needs(intent: Intent, rules: Rules) -> float:
    """As `risk.facts.needs`, which counts in Decimals: margin on perpetuals, the whole on spot."""
    grid = rules.grid
    notional, fee = float(intent.ticks) * float(intent.lots) * _unit(grid), max(grid.taker_fee, 0.0)
    if grid.perpetual:
        return 0.0 if intent.reduce_only else notional * (1.0 / rules.leverage + fee)
    return float(intent.lots) if intent.side != BUY else notional * (1.0 + fee)


def _mid(view: View) -> float:
    """NaN without two sides."""
    if len(view.bids.ticks) == 0 or len(view.asks.ticks) == 0:
        return math.nan
    return 0.5 * (float(view.bids.ticks[0]) + float(view.asks.ticks[0]))


def market_of(seen: Seen, rules: Rules) -> MarketFacts:
    view, told = seen.shown, seen.told
    return MarketFacts(
        rules.grid,
        MarketState.ACTIVE.value,
        float(view.bids.ticks[0]) if len(view.bids.ticks) > 0 else math.nan,
        float(view.asks.ticks[0]) if len(view.asks.ticks) > 0 else math.nan,
        _mid(view),
        told.oracle,
        told.published or rules.grid.perpetual,
        told.book_age_s,
        told.oracle_age_s,
        told.prediction_age_s,
        1.0,
        rules.maintenance_margin,
    )


def _account(
    order: OrderFacts,
    seen: Seen,
    holding: Holding,
    account: Account,
    recent: MutableSequence[float],
    rules: Rules,
) -> AccountFacts:
    time_s = seen.shown.time_s
    net = float(holding.lots) * mark_of(seen) * _unit(rules.grid) if holding.lots != 0 else 0.0
    worth = math.nan if math.isnan(net) else account.equity
    return AccountFacts(
        account.state,
        worth,
        account.peak,
        account.day_start,
        account.day_low,
        abs(net),
        abs(net),
        net,
        net,
        holding.lots,
        0,
        0,
        1 if holding.lots != 0 else 0,
        account.trades_today,
        elapsed_s(holding.exited_s, time_s) if holding.exited_s > 0.0 else NEVER_S,
        sent_within(recent, time_s, MINUTE_S),
        0,
        False,
        False,
        _free(order, holding, rules),
        account.gas_today,
        _liquidation_distance(order, seen, holding, rules),
        0.0,
        0.0,
        account.week_start,
        account.week_low,
        account.last_fill,
        elapsed_s(account.filled_s, time_s) if account.filled_s > 0.0 else NEVER_S,
        account.day_start - worth,
    )


def _free(order: OrderFacts, holding: Holding, rules: Rules) -> float:
    """Of what the order spends: base on a spot market's sale, else quote that is no margin."""
    grid = rules.grid
    if grid.perpetual:
        locked = float(holding.cost) / rules.leverage
        return rules.capital + (float(realised(holding)) - locked) * _unit(grid)
    return rules.capital + float(holding.cash) * _unit(grid) if order.side == BUY else float(holding.lots)


def _liquidation_distance(order: OrderFacts, seen: Seen, holding: Holding, rules: Rules) -> float:
    """With the order filled at its worst price; 1 on spot."""
    if not rules.grid.perpetual:
        return 1.0
    held = _margined(holding, rules)
    after = with_order(held, float(order.side * order.lots), float(order.ticks), rules.leverage)
    return distance(after.quantity, after.entry, after.margin, seen.told.oracle, rules.maintenance_margin)


def _margined(holding: Holding, rules: Rules) -> Margined:
    lots, cost = float(holding.lots), float(holding.cost)
    return Margined(lots, cost / abs(lots) if lots != 0.0 else 0.0, cost / rules.leverage)


def _unit(grid: Grid) -> float:
    """`Grid.unit`, which is a property and so not for compiled code."""
    return grid.price_tick * grid.quantity_tick
