"""What the risk gate remembers in a replay: what `risk.halting` folds from a journal, in numbers.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

import math
from collections.abc import MutableSequence
from typing import NamedTuple

from defi_analytics.domain.decision import Grid, Intent
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.verdict import below, lost

DAY_S = 86_400.0


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
    gas_per_order: float = 0.0
    """INJ."""
    uses_prediction: bool = False
    """Whether the age of a forecast counts; said by the strategy's kind, see `replay`."""


class Account(NamedTuple):
    """What the gate remembers; amounts in quote."""

    state: int
    """A TradingState; halted stays halted."""
    equity: float
    peak: float
    day_end_s: float
    """Since 1970; when the UTC day is over that the next four are of."""
    day_start: float
    day_low: float
    trades_today: int
    gas_today: float
    """INJ."""
    week_end_s: float
    """As `day_end_s`, of the week that begins on Monday."""
    week_start: float
    week_low: float
    last_fill: float
    """Ticks; what the newest fill was at, NaN for none."""
    filled_s: float
    """Since 1970; 0 for never."""


def opened(rules: Rules, time_s: float) -> Account:
    capital = float(rules.capital)
    return Account(
        TradingState.ACTIVE.value,
        capital,
        capital,
        _day_end(time_s),
        capital,
        capital,
        0,
        0.0,
        _week_end(time_s),
        capital,
        capital,
        math.nan,
        0.0,
    )


def observed(account: Account, time_s: float, equity: float, limits: RiskLimits) -> Account:
    """The account once it was valued; a new UTC day, or week, starts from the last value known.

    An equity that is no number is not remembered.
    """
    if (time_s < account.day_end_s and equity == account.equity) or not math.isfinite(equity):
        return account
    end_s, start, low = account.day_end_s, account.day_start, account.day_low
    trades, gas = account.trades_today, account.gas_today
    if time_s >= end_s:
        end_s, start, low, trades, gas = _day_end(time_s), account.equity, account.equity, 0, 0.0
    week_s, monday, lowest = account.week_end_s, account.week_start, account.week_low
    if time_s >= week_s:
        week_s, monday, lowest = _week_end(time_s), account.equity, account.equity
    peak = max(account.peak, equity)
    # What did not fall is no deeper in the drawdown that was judged before.
    gone = lost(peak, equity) if equity < account.equity else 0.0
    fallen = below(Denial.DRAWDOWN_HARD, gone, limits.portfolio_stop_loss).code == Denial.DRAWDOWN_HARD
    # Nothing reaches an infinite largest loss, or one that is NaN; the gate refuses by the second.
    halts = fallen or start - equity >= limits.max_loss
    state = TradingState.HALTED.value if halts else account.state
    low, lowest = min(low, equity), min(lowest, equity)
    told = account.last_fill, account.filled_s
    return Account(state, equity, peak, end_s, start, low, trades, gas, week_s, monday, lowest, *told)


def counted(account: Account, intent: Intent, gas: float) -> Account:
    """The account once an order was approved."""
    return Account(
        account.state,
        account.equity,
        account.peak,
        account.day_end_s,
        account.day_start,
        account.day_low,
        account.trades_today + (0 if intent.reduce_only else 1),
        account.gas_today + gas,
        account.week_end_s,
        account.week_start,
        account.week_low,
        account.last_fill,
        account.filled_s,
    )


def traded(account: Account, price: float, time_s: float) -> Account:
    """The account once an order has filled, at so many ticks on average."""
    return Account(
        account.state,
        account.equity,
        account.peak,
        account.day_end_s,
        account.day_start,
        account.day_low,
        account.trades_today,
        account.gas_today,
        account.week_end_s,
        account.week_start,
        account.week_low,
        price,
        time_s,
    )


def remember(recent: MutableSequence[float], time_s: float) -> None:
    """Puts the time of an order in the place of the oldest."""
    oldest = 0
    for i in range(len(recent)):
        if recent[i] < recent[oldest]:
            oldest = i
    recent[oldest] = time_s


def sent_within(recent: MutableSequence[float], time_s: float, span_s: float) -> int:
    """How many of the orders that `recent` remembers were sent in the last `span_s`."""
    count = 0
    for i in range(len(recent)):
        count += 1 if elapsed_s(recent[i], time_s) <= span_s else 0
    return count


def elapsed_s(since_s: float, time_s: float) -> float:
    """To the microsecond that dates are told in: as floats, times since 1970 are off by less than that."""
    return math.floor(max(-1e9, min(1e10, time_s - since_s)) * 1e6 + 0.5) / 1e6


def _day_end(time_s: float) -> float:
    return (math.floor(time_s / DAY_S) + 1.0) * DAY_S


def _week_end(time_s: float) -> float:
    """1970 began on a Thursday."""
    return (math.floor((time_s / DAY_S + 3.0) / 7.0) * 7.0 + 4.0) * DAY_S
