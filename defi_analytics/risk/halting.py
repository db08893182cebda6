"""What the account went through, folded from the journal: halts, losses and counts that no restart forgets.

`apply` is the fold. It reads the bodies of records whose kind starts with "risk.", plain JSON objects:

| kind | body | means |
|---|---|---|
| risk.equity | equity | what the account is worth now, in account currency; what is no number halts |
| | unexplained | by asset, what is missing of it, and nothing explains why: see `risk.flows` |
| risk.unvalued | missing | from now on not all of it has a price, until the next equity or resume |
| risk.flow | amount | paid in (or, negative, out); no equity before it includes it |
| | quantity, asset | the same as the venue tells it, where it was accepted as a difference |
| | equity, peak_equity, ... | `FIGURES` from now on, where an equity before it does include it |
| risk.capital | equity, amount | so much of it is risked, which losses are fractions of; no amount: all |
| risk.carried | equity, peak, ... | the first equity, and as fractions of it the fields of `Carried` |
| risk.halt, risk.reduce | code, reason, by | trading stops, or only reduces, until a person resumes it |
| risk.resume | ack, by, rebase | lifts both if `ack` is the code that stands; with rebase 1, the peak too |
| risk.trade | market | an order that is not reducing was approved |
| risk.exit | market | a position came back to zero |
| risk.gas | inj | spent |

A record that cannot be read, or of a newer kind, halts: what it was meant to say is not known. Only an equity
begins a new day: none is written while this machine's clock and the chain's differ, and no record of another
kind, from whatever clock, may forget a day's loss.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from defi_analytics.domain.market import MarketKey
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.losses import (
    FIGURES,
    Carried,
    RiskState,
    begun,
    day_lost,
    drawdown,
    paid,
    rescaled,
    rolled,
)
from defi_analytics.risk.verdict import below, below_any

KINDS = "risk."
EQUITY, FLOW, CAPITAL, CARRIED = "risk.equity", "risk.flow", "risk.capital", "risk.carried"
UNVALUED = "risk.unvalued"
_UNREADABLE = "a record of the risk state could not be read"


class Record(NamedTuple):
    """What the engine appends to the journal, and then applies."""

    kind: str
    body: dict[str, str | int | float]


def market_text(key: MarketKey) -> str:
    return f"{key.venue}|{key.market_id}"


def apply(state: RiskState, kind: str, at: datetime, body: Mapping[str, Any]) -> RiskState:
    """The state after one record of the journal; records of other kinds change nothing. Never raises."""
    if not kind.startswith(KINDS):
        return state
    # Only what was valued ends a day; but the first one begins with whatever comes first.
    now = rolled(state, at) if kind == EQUITY or not state.day else state
    fold = _FOLDS.get(kind)
    if fold is None:
        return _stopped(now, TradingState.HALTED, Denial.RISK_STATE_UNKNOWN, f"unknown record {kind}", "", at)
    try:
        return fold(now, at, body)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return _stopped(now, TradingState.HALTED, Denial.RISK_STATE_UNKNOWN, _UNREADABLE, "", at)


def observed(
    state: RiskState, at: datetime, equity: float, limits: RiskLimits, skew_s: float = 0.0
) -> tuple[Record, ...]:
    """The records to append when the account was valued: the equity, and the halt it leads to.

    None while `skew_s`, this machine's clock less the chain's, is beyond its limit: no day may end by it.
    None of an equity that is not known either: the gate lets nothing in then, see `engine.worth`. Nor does
    what cannot be measured halt: the gate refuses by it as long as it lasts, and a halt would outlast it.
    """
    if not (math.isfinite(equity) and abs(skew_s) <= limits.max_clock_skew_s):
        return ()
    seen = Record(EQUITY, {"equity": equity})
    after = apply(state, seen.kind, at, seen.body)
    halts = (_fallen(after, limits), _lost(after, limits))
    return (seen, *[record for record in halts if record][:1])


def _fallen(state: RiskState, limits: RiskLimits) -> Record | None:
    verdict = below(Denial.DRAWDOWN_HARD, drawdown(state), limits.portfolio_stop_loss)
    if verdict.code is not Denial.DRAWDOWN_HARD:
        return None
    said = f"drawdown {verdict.value:.6g} reached the limit {verdict.limit:.6g} (fractions of peak equity)"
    return halt(verdict.code, said, "risk")


def _lost(state: RiskState, limits: RiskLimits) -> Record | None:
    verdict = below_any(Denial.MAX_LOSS, day_lost(state), limits.max_loss)
    if verdict.code is not Denial.MAX_LOSS:
        return None
    said = (
        f"{verdict.value:.6g} lost since 00:00 UTC reached the limit {verdict.limit:.6g} (account currency)"
    )
    return halt(verdict.code, said, "risk")


def halt(code: Denial, reason: str, by: str) -> Record:
    return Record("risk.halt", {"code": code.name, "reason": reason, "by": by})


def reduce(code: Denial, reason: str, by: str) -> Record:
    return Record("risk.reduce", {"code": code.name, "reason": reason, "by": by})


def resume(ack: Denial, by: str, *, rebase: bool = False) -> Record:
    """Without `rebase`, a drawdown that still stands halts again at the next equity."""
    return Record("risk.resume", {"ack": ack.name, "by": by, "rebase": int(rebase)})


def capital_given(amount: float | None, equity: float) -> Record:
    """From now on so much of an account worth `equity` is risked; None for all of it.

    No fraction lost so far grows or shrinks by it.
    """
    given = {} if amount is None else {"amount": amount}
    return Record(CAPITAL, {"equity": equity, **given})


def _equity(state: RiskState, at: datetime, body: Mapping[str, Any]) -> RiskState:
    equity, state = _number(body["equity"]), replace(state, unvalued_since=None)
    if math.isnan(state.peak_equity):
        return begun(state, equity, Carried(1.0, 1.0, 1.0, 1.0, 1.0))
    return replace(
        state,
        equity=equity,
        peak_equity=max(state.peak_equity, equity),
        day_low_equity=min(state.day_low_equity, equity),
        week_low_equity=min(state.week_low_equity, equity),
    )


def _unvalued(state: RiskState, at: datetime, body: Mapping[str, Any]) -> RiskState:
    return replace(state, unvalued_since=state.unvalued_since or at)


def _carried(state: RiskState, at: datetime, body: Mapping[str, Any]) -> RiskState:
    if not math.isnan(state.equity):
        raise ValueError("it has begun already")
    return begun(state, _number(body["equity"]), Carried._make(_number(body[f]) for f in Carried._fields))


def _flow(state: RiskState, at: datetime, body: Mapping[str, Any]) -> RiskState:
    amount = _number(body["amount"])
    if "peak_equity" in body:
        # Records of before the last figure tell the one that it is but for what was paid in that day.
        whole = {"day_basis": body["day_start_equity"], **body}
        told: dict[str, Any] = {name: _number(whole[name]) for name in FIGURES}
        return replace(state, **told)
    return paid(state, amount)


def _capital(state: RiskState, at: datetime, body: Mapping[str, Any]) -> RiskState:
    equity, amount = _number(body["equity"]), _number(body["amount"]) if "amount" in body else math.inf
    risked = min(equity, amount)
    if state.equity > state.apart:
        return replace(rescaled(state, equity, risked), capital=amount)
    # Nothing was known yet, or all of it is lost: that trading halted for it, a person has to lift.
    if not risked > 0.0:
        raise ValueError("nothing can be risked of nothing")
    fresh = begun(state, equity, Carried(1.0, 1.0, 1.0, 1.0, 1.0))
    return replace(fresh, capital=amount, apart=equity - risked)


def _halt(state: RiskState, at: datetime, body: Mapping[str, Any]) -> RiskState:
    said = Denial[body["code"]], str(body["reason"]), str(body["by"])
    return _stopped(state, TradingState.HALTED, *said, at)


def _reduce(state: RiskState, at: datetime, body: Mapping[str, Any]) -> RiskState:
    said = Denial[body["code"]], str(body["reason"]), str(body["by"])
    if state.trading is TradingState.HALTED:
        return state
    return _stopped(state, TradingState.REDUCING, *said, at)


def _resume(state: RiskState, at: datetime, body: Mapping[str, Any]) -> RiskState:
    ack, by, rebase = Denial[body["ack"]], str(body["by"]), body["rebase"] == 1
    if state.trading is TradingState.ACTIVE or ack is not state.code:
        return state
    peak = state.equity if rebase else state.peak_equity
    return replace(
        state,
        trading=TradingState.ACTIVE,
        code=Denial.NONE,
        reason="",
        by=by,
        since=at,
        unvalued_since=None,
        peak_equity=peak,
    )


def _trade(state: RiskState, at: datetime, body: Mapping[str, Any]) -> RiskState:
    return replace(state, trades_today=state.trades_today + 1)


def _exit(state: RiskState, at: datetime, body: Mapping[str, Any]) -> RiskState:
    return replace(state, exits={**state.exits, str(body["market"]): at})


def _gas(state: RiskState, at: datetime, body: Mapping[str, Any]) -> RiskState:
    spent = _number(body["inj"])
    if spent < 0.0:
        raise ValueError("gas is never paid back")
    return replace(state, gas_today=state.gas_today + spent)


_FOLDS = {
    EQUITY: _equity,
    UNVALUED: _unvalued,
    FLOW: _flow,
    CAPITAL: _capital,
    CARRIED: _carried,
    "risk.halt": _halt,
    "risk.reduce": _reduce,
    "risk.resume": _resume,
    "risk.trade": _trade,
    "risk.exit": _exit,
    "risk.gas": _gas,
}


def _stopped(
    state: RiskState, trading: TradingState, code: Denial, reason: str, by: str, at: datetime
) -> RiskState:
    """Keeps the first time and words of a stop that is said again.

    And what a limit found: who lifts what a person said later, or before, must not lift that as well.
    """
    halted = state.trading is trading is TradingState.HALTED
    if (state.trading, state.code) == (trading, code) or (halted and state.code is not Denial.HALTED):
        return state
    return replace(state, trading=trading, code=code, reason=reason, by=by, since=at)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a finite number")
    return float(value)
