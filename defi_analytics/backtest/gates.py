"""What the risk gate is told in a replay, and what it remembers there.

A replay has one account on one market, valued in its quote: nothing is ever pending, unresolved, sent twice
or skewed, inputs are of the row's own time, the mid stands for the oracle, and no fill is recent. Every rule
is asked all the same. The memory is what `risk.halting` folds from a journal: equity, its peak, the day, and
the halt.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

import math
from collections.abc import MutableSequence
from typing import NamedTuple

from defi_analytics.domain.decision import BUY, Grid, Holding, Intent, View, Why
from defi_analytics.risk.codes import Denial, MarketState, TradingState
from defi_analytics.risk.gate import judge
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.liquidation import Margined, distance, with_order
from defi_analytics.risk.verdict import Verdict, below, lost
from defi_analytics.risk.views import NEVER_S, AccountFacts, MarketFacts, OrderFacts
from defi_analytics.strategies.sizing import expected_edge

DAY_S = 86_400.0
MINUTE_S = 60.0


class Rules(NamedTuple):
    """What a replay trades under."""

    grid: Grid
    limits: RiskLimits
    capital: float
    """Quote the account starts with."""
    leverage: float = 1.0
    """Notional per margin of a perpetual."""
    maintenance_margin: float = 0.0
    """Fraction of notional; a perpetual that has none is refused."""


class Account(NamedTuple):
    """What the gate remembers; amounts in quote."""

    state: int
    """A TradingState; halted stays halted."""
    equity: float
    peak: float
    day_end_s: float
    """Since 1970; when the UTC day is over that the next three are of."""
    day_start: float
    day_low: float
    trades_today: int
    week_end_s: float
    """As `day_end_s`, of the week that begins on Monday."""
    week_start: float
    week_low: float


def opened(rules: Rules, time_s: float) -> Account:
    return Account(
        TradingState.ACTIVE.value,
        rules.capital,
        rules.capital,
        _day_end(time_s),
        rules.capital,
        rules.capital,
        0,
        _week_end(time_s),
        rules.capital,
        rules.capital,
    )


def observed(account: Account, time_s: float, equity: float, limits: RiskLimits) -> Account:
    """The account once it was valued; a new UTC day, or week, starts from the last value known."""
    if time_s < account.day_end_s and equity == account.equity:
        return account
    end_s, start, low, trades = account.day_end_s, account.day_start, account.day_low, account.trades_today
    if time_s >= end_s:
        end_s, start, low, trades = _day_end(time_s), account.equity, account.equity, 0
    week_s, monday, lowest = account.week_end_s, account.week_start, account.week_low
    if time_s >= week_s:
        week_s, monday, lowest = _week_end(time_s), account.equity, account.equity
    peak = max(account.peak, equity)
    low = min(low, equity)
    # What did not fall is no deeper in the drawdown that was judged before.
    gone = lost(peak, equity) if equity < account.equity else 0.0
    halts = below(Denial.DRAWDOWN_HARD, gone, limits.portfolio_stop_loss).code != 0
    state = TradingState.HALTED.value if halts else account.state
    return Account(state, equity, peak, end_s, start, low, trades, week_s, monday, min(lowest, equity))


def _day_end(time_s: float) -> float:
    return (math.floor(time_s / DAY_S) + 1.0) * DAY_S


def _week_end(time_s: float) -> float:
    """1970 began on a Thursday."""
    return (math.floor((time_s / DAY_S + 3.0) / 7.0) * 7.0 + 4.0) * DAY_S


def counted(account: Account, intent: Intent) -> Account:
    """The account once an order was approved."""
    if intent.reduce_only:
        return account
    return Account(
        account.state,
        account.equity,
        account.peak,
        account.day_end_s,
        account.day_start,
        account.day_low,
        account.trades_today + 1,
        account.week_end_s,
        account.week_start,
        account.week_low,
    )


def judged(
    intent: Intent,
    view: View,
    holding: Holding,
    account: Account,
    recent: MutableSequence[float],
    rules: Rules,
) -> Verdict:
    """`recent` holds the times of the last orders, see `remember`."""
    order = _order(intent, view, rules)
    return judge(
        order,
        market_of(view, rules),
        _account(order, view, holding, account, recent, rules),
        rules.limits,
    )


def remember(recent: MutableSequence[float], time_s: float) -> None:
    """Puts the time of an order in the place of the oldest."""
    oldest = 0
    for i in range(len(recent)):
        if recent[i] < recent[oldest]:
            oldest = i
    recent[oldest] = time_s


def _order(intent: Intent, view: View, rules: Rules) -> OrderFacts:
    grid, side = rules.grid, intent.side
    against = view.asks if side == BUY else view.bids
    best = float(against.ticks[0]) if len(against.ticks) > 0 else math.nan
    lots, mid = float(intent.lots), _mid(view)
    dearest = max(float(intent.ticks), mid)
    return OrderFacts(
        side,
        intent.kind,
        intent.ticks,
        intent.lots,
        intent.trigger,
        intent.reduce_only,
        False,
        False,
        lots * dearest * _unit(grid),
        expected_edge(view, intent),
        (float(intent.ticks) - best) * float(side) / best if best > 0.0 else math.nan,
        rules.leverage if grid.perpetual else 1.0,
        _needs(intent, rules),
        0.0,
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


def market_of(view: View, rules: Rules) -> MarketFacts:
    bid = float(view.bids.ticks[0]) if len(view.bids.ticks) > 0 else math.nan
    ask = float(view.asks.ticks[0]) if len(view.asks.ticks) > 0 else math.nan
    mid = _mid(view)
    return MarketFacts(
        rules.grid,
        MarketState.ACTIVE.value,
        bid,
        ask,
        mid,
        mid,
        rules.grid.perpetual,
        0.0,
        0.0,
        0.0,
        1.0,
        rules.maintenance_margin,
    )


def _account(
    order: OrderFacts,
    view: View,
    holding: Holding,
    account: Account,
    recent: MutableSequence[float],
    rules: Rules,
) -> AccountFacts:
    grid = rules.grid
    net = float(holding.lots) * _mid(view) * _unit(grid) if holding.lots != 0 else 0.0
    if grid.perpetual:
        free = account.equity - float(holding.cost) * _unit(grid) / rules.leverage
    else:
        free = rules.capital + float(holding.cash) * _unit(grid) if order.side == BUY else float(holding.lots)
    since_s = view.time_s - holding.exited_s if holding.exited_s > 0.0 else NEVER_S
    return AccountFacts(
        account.state,
        account.equity,
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
        since_s,
        _within(recent, view.time_s - MINUTE_S),
        0,
        False,
        False,
        free,
        0.0,
        _liquidation_distance(order, view, holding, rules),
        0.0,
        0.0,
        account.week_start,
        account.week_low,
        math.nan,
        NEVER_S,
    )


def _liquidation_distance(order: OrderFacts, view: View, holding: Holding, rules: Rules) -> float:
    """With the order filled at its worst price; 1 on spot."""
    if not rules.grid.perpetual:
        return 1.0
    lots, cost = float(holding.lots), float(holding.cost)
    held = Margined(lots, cost / abs(lots) if lots != 0.0 else 0.0, cost / rules.leverage)
    after = with_order(held, float(order.side * order.lots), float(order.ticks), rules.leverage)
    return distance(after.quantity, after.entry, after.margin, _mid(view), rules.maintenance_margin)


def _within(recent: MutableSequence[float], since_s: float) -> int:
    count = 0
    for i in range(len(recent)):
        count += 1 if recent[i] > since_s else 0
    return count


def _unit(grid: Grid) -> float:
    """`Grid.unit`, which is a property and so not for compiled code."""
    return grid.price_tick * grid.quantity_tick
