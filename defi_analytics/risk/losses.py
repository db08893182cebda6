"""What an account was worth and lost, and what of it is risked: the state that `risk.halting` folds.

Losses are fractions of what is risked: of all of an account, or of the capital it was given. What lies apart
from that is part of every equity here, and cancels out of every loss.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from defi_analytics.domain.market import Market
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.verdict import lost

FIGURES = (
    "equity", "apart", "peak_equity", "day_start_equity", "day_low_equity", "week_start_equity",
    "week_low_equity", "day_basis",
)  # fmt: skip
"""The fields of a `RiskState` that losses are made of."""


@dataclass(frozen=True, slots=True)
class RiskState:
    """Amounts are in account currency; NaN until the first equity is known."""

    trading: TradingState = TradingState.ACTIVE
    code: Denial = Denial.NONE
    """Why it is not active; the latest reason, which is the one to acknowledge."""
    reason: str = ""
    by: str = ""
    since: datetime | None = None
    equity: float = math.nan
    """The last that was known."""
    unvalued_since: datetime | None = None
    """When a price was first missing; None while the last equity is that of now."""
    peak_equity: float = math.nan
    day: str = ""
    """UTC, as 2026-01-31; never goes back, whatever the clock does."""
    day_start_equity: float = math.nan
    day_low_equity: float = math.nan
    week: str = ""
    """The day of its Monday."""
    week_start_equity: float = math.nan
    week_low_equity: float = math.nan
    trades_today: int = 0
    gas_today: float = 0.0
    """INJ."""
    exits: Mapping[str, datetime] = field(default_factory=dict)
    """When a market was last left, by `market_text`."""
    capital: float = math.inf
    """What it was given to risk; infinite for all it has."""
    apart: float = 0.0
    """The part of every equity above that is not risked: losses are fractions of the rest."""
    day_basis: float = math.nan
    """Equity the UTC day started with, plus what was paid in since: less the equity, what the day lost."""

    @property
    def allotted(self) -> bool:
        """Whether a part of the account is not risked."""
        return self.capital < math.inf

    def left_out(self, reserved: Mapping[str, Decimal], markets: Iterable[Market]) -> Mapping[str, Decimal]:
        """By asset, what is not valued of those of these markets: where capital was given, the owner's own.

        Its ups and downs are no gain and no loss of that capital.
        """
        assets = {asset for market in markets for asset in (market.base, market.quote)}
        return {a: own for a, own in reserved.items() if a in assets} if self.allotted else {}


class Carried(NamedTuple):
    """How it went before, as fractions of what was risked at last."""

    peak: float
    day_start: float
    day_low: float
    week_start: float
    week_low: float


def rolled(state: RiskState, at: datetime) -> RiskState:
    """The state at this time: at 00:00 UTC the day's counts start anew, from the last equity known.

    On Mondays so do the week's.
    """
    today = at.astimezone(UTC).date()
    day, week = today.isoformat(), (today - timedelta(days=today.weekday())).isoformat()
    if day <= state.day:
        return state
    if week > state.week:
        state = replace(state, week=week, week_start_equity=state.equity, week_low_equity=state.equity)
    return replace(
        state,
        day=day,
        day_start_equity=state.equity,
        day_low_equity=state.equity,
        day_basis=state.equity,
        trades_today=0,
        gas_today=0.0,
    )


def drawdown(state: RiskState) -> float:
    """Fraction of peak equity that is lost; NaN when either is not known."""
    return lost(state.peak_equity - state.apart, state.equity - state.apart)


def day_loss(state: RiskState) -> float:
    """The worst of the day so far, as a fraction of the equity it started with; NaN when not known."""
    return lost(state.day_start_equity - state.apart, state.day_low_equity - state.apart)


def day_lost(state: RiskState) -> float:
    """Account currency, of the day so far and as it stands now; negative for a gain, NaN when not known."""
    return state.day_basis - state.equity


def week_loss(state: RiskState) -> float:
    """The same of the week."""
    return lost(state.week_start_equity - state.apart, state.week_low_equity - state.apart)


def carried(state: RiskState) -> Carried | None:
    """What another chain, or another account, may begin with; None where nothing is left to measure by."""
    own = state.equity - state.apart
    if not own > 0.0:
        return None
    before = (
        state.peak_equity, state.day_start_equity, state.day_low_equity,
        state.week_start_equity, state.week_low_equity,
    )  # fmt: skip
    return Carried._make((one - state.apart) / own for one in before)


def begun(state: RiskState, equity: float, shares: Carried) -> RiskState:
    """The first equity, with these losses before it."""
    return replace(
        state,
        equity=equity,
        peak_equity=equity * shares.peak,
        day_start_equity=equity * shares.day_start,
        day_low_equity=equity * shares.day_low,
        day_basis=equity * shares.day_start,
        week_start_equity=equity * shares.week_start,
        week_low_equity=equity * shares.week_low,
    )


def rescaled(state: RiskState, equity: float, risked: float) -> RiskState:
    """The same fractions lost, now of `risked` out of an equity, and as much of the account's currency.

    Raises ValueError where nothing is left.
    """
    before, apart = state.equity - state.apart, equity - risked
    if risked != before and not (before > 0.0 and risked > 0.0):
        raise ValueError("nothing is left to measure losses from")
    scale = 1.0 if risked == before else risked / before

    def scaled(one: float) -> float:
        return apart + (one - state.apart) * scale

    return replace(
        state,
        equity=equity,
        apart=apart,
        peak_equity=scaled(state.peak_equity),
        day_start_equity=scaled(state.day_start_equity),
        day_low_equity=scaled(state.day_low_equity),
        day_basis=state.day_basis + equity - state.equity,
        week_start_equity=scaled(state.week_start_equity),
        week_low_equity=scaled(state.week_low_equity),
    )


def paid(state: RiskState, amount: float) -> RiskState:
    """Scales what losses are measured from, so that none grows or shrinks by paying in or out.

    What is not risked takes all that is paid in, and gives what is paid out as long as it can. An account in
    which there never was anything begins with what is paid in. Raises ValueError where nothing is left.
    """
    if math.isnan(state.equity):
        return state
    equity = state.equity + amount
    if state.peak_equity == 0.0 < amount and not state.allotted:
        return begun(state, equity, Carried(1.0, 1.0, 1.0, 1.0, 1.0))
    if not state.allotted:
        return rescaled(state, equity, equity)
    return rescaled(state, equity, min(equity, state.equity - state.apart))
