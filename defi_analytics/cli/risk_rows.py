"""An account's risk, line by line, as `defi risk` prints it."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import reduce
from typing import NamedTuple

from defi_analytics.app.past import Event
from defi_analytics.app.standing import Looked, Standing
from defi_analytics.app.stopping import Step, lifted_by
from defi_analytics.cli.figures import decimal_text
from defi_analytics.cli.schemas_risk import (
    BreachRow,
    RiskActionRow,
    RiskCheckRow,
    RiskEventRow,
    RiskRow,
    StressRow,
)
from defi_analytics.domain.market import MarketKey, MarketKind
from defi_analytics.engine.ledger import Ledger
from defi_analytics.risk.codes import TradingState
from defi_analytics.risk.examined import Examined
from defi_analytics.risk.explained import DENIALS, LIMITS
from defi_analytics.risk.exposure import LineKey, exposures
from defi_analytics.risk.halting import market_text
from defi_analytics.risk.limits import RiskLimits, tightened
from defi_analytics.risk.losses import RiskState, day_loss, day_lost, drawdown, rolled, week_loss
from defi_analytics.risk.stress import Stress
from defi_analytics.risk.views import NEVER_S

_DIGITS = 6


class _Measure(NamedTuple):
    item: str
    value: float
    limit_name: str
    about: str = ""
    limits: RiskLimits | None = None
    """A market's own; None for those of the account."""


def status_rows(standing: Standing, now: datetime) -> Iterator[RiskRow]:
    """What is known, in the order a person asks: may it trade, what is lost, what is at stake."""
    yield from _trading(standing)
    pid = standing.limits.pid
    whose = "the settings" if pid is None else f"process {pid}"
    yield _said("limits", whose, "as the agent that runs was told them" if pid else "no agent runs")
    if standing.ledger is None:
        return
    state = rolled(standing.risk, now)
    for item, value in (("equity", state.equity), ("peak_equity", state.peak_equity)):
        yield _row(item, value, unit="account currency", note=_note(standing, value))
    yield _capital(standing, state)
    for measure in _measures(standing, state):
        yield _measured(standing, measure)
    yield from _largest_orders(standing)
    yield from _held(standing)
    yield from _unresolved(standing.ledger)
    yield from _cooldowns(standing, state, now)


def _trading(standing: Standing) -> Iterator[RiskRow]:
    state = standing.ledger.risk if standing.ledger else RiskState()
    journal = standing.unreadable or state.reason
    yield _said("trading", standing.trading.name, journal or standing.told)
    if standing.trading is not TradingState.ACTIVE:
        lifted = lifted_by(standing.account, standing.code)
        yield _said("code", standing.code.name, f"to lift it: {lifted}")
        yield _said("by", state.by or ("person" if standing.told else "risk"))
        yield _said("since", _time(state.since))
    yield _said("stop_file", "there" if standing.told else "none", standing.told)


def _capital(standing: Standing, state: RiskState) -> RiskRow:
    """What losses are measured by; an agent that runs keeps to what it began with."""
    next_one = math.inf if standing.limits.capital is None else standing.limits.capital
    later = "" if next_one == state.capital else "; the next run: " + _risked(next_one)
    if not state.allotted:
        return _said("capital", "whole account", f"losses are measured by it{later}")
    note = f"losses are measured by it; {_text(state.apart)} of the equity lies apart{later}"
    return _row("capital", state.capital, unit="account currency", note=note)


def _risked(capital: float) -> str:
    return "whole account" if math.isinf(capital) else _text(capital) or ""


def _measures(standing: Standing, state: RiskState) -> Iterator[_Measure]:
    lost = drawdown(state)
    yield _Measure("drawdown_soft", lost, "max_soft_drawdown")
    yield _Measure("drawdown_hard", lost, "portfolio_stop_loss")
    if standing.limits.general.max_loss < math.inf:
        yield _Measure("day_lost", day_lost(state), "max_loss")
    yield _Measure("day_loss", day_loss(state), "max_daily_loss")
    yield _Measure("week_loss", week_loss(state), "max_weekly_loss")
    yield _Measure("trades_today", state.trades_today, "max_daily_trades")
    yield _Measure("gas_today", state.gas_today, "max_gas_per_day")
    if standing.looked is None:
        for item in ("exposure_total", "active_positions"):
            yield _Measure(item, math.nan, _EXPOSED[item])
    else:
        yield from _exposed(standing.looked)


_EXPOSED = {"exposure_total": "max_exposure_total", "active_positions": "max_active_positions"}


def _exposed(looked: Looked) -> Iterator[_Measure]:
    found = exposures(looked.valued)
    yield _Measure("exposure_total", found.total, _EXPOSED["exposure_total"])
    yield _Measure("active_positions", found.active, _EXPOSED["active_positions"])
    for asset in dict.fromkeys(key.asset for key in found.lines):
        long, short = found.of_asset(asset)
        # `max` may hide a NaN behind a number.
        worst = math.nan if math.isnan(long + short) else max(long, -short)
        yield _Measure("exposure_asset", worst, "max_exposure_asset", asset)
    names = {market.key: market.ticker for market in looked.markets}
    for key, line in found.lines.items():
        about = names.get(key.perpetual, key.perpetual.market_id) if key.perpetual else f"{key.asset} spot"
        own = _limits_on(looked, key)
        yield _Measure("exposure_market", line.worst, "max_exposure_market", about, own)
        yield _Measure("position_size", line.worst, "max_position_size", about, own)


def _largest_orders(standing: Standing) -> Iterator[RiskRow]:
    """In general, and on the markets that have a limit of their own."""
    general = standing.limits.general.max_trade_size
    yield _row("largest_order", general, unit=LIMITS["max_trade_size"].unit, note="")
    for market in standing.looked.markets if standing.looked else ():
        own = standing.looked.terms.on(market.key).max_trade_size if standing.looked else general
        if own != general:
            yield RiskRow(
                item="largest_order",
                about=market.ticker,
                value=_text(own),
                unit=LIMITS["max_trade_size"].unit,
            )


def _limits_on(looked: Looked, key: LineKey) -> RiskLimits:
    """Of a perpetual, or the tightest of the spot markets of an asset."""
    keys = [
        market.key
        for market in looked.markets
        if (key.perpetual is None and market.kind is MarketKind.SPOT and market.base == key.asset)
        or market.key == key.perpetual
    ]
    return reduce(tightened, map(looked.terms.on, keys), looked.terms.limits)


def _measured(standing: Standing, measure: _Measure) -> RiskRow:
    limit = float(getattr(measure.limits or standing.limits.general, measure.limit_name))
    return RiskRow(
        item=measure.item,
        about=measure.about,
        value=_text(measure.value),
        limit=_text(limit),
        room=_text(limit - measure.value),
        unit=LIMITS[measure.limit_name].unit,
        note=_note(standing, measure.value) or _reached(measure, limit),
    )


_ENDS_ENTRIES = {"drawdown_soft", "day_loss", "week_loss"}


def _reached(measure: _Measure, limit: float) -> str:
    """These leave trading as it is, so that nobody has to lift them; what is over is said."""
    over = measure.item in _ENDS_ENTRIES and measure.value >= limit
    return "reached: only what reduces passes" if over else ""


def _held(standing: Standing) -> Iterator[RiskRow]:
    """By the journal: what the strategies hold, whoever else uses the account."""
    books = standing.ledger.books if standing.ledger else None
    for (strategy, key), held in books.held.items() if books else ():
        market = books.markets.get(key) if books else None
        if held.quantity:
            yield RiskRow(
                item="position",
                about=market.ticker if market else key.market_id,
                value=decimal_text(held.quantity),
                unit=market.base if market else "",
                note=f"of {strategy or 'nobody here'}",
            )


def _unresolved(ledger: Ledger) -> Iterator[RiskRow]:
    pending = ledger.books.unresolved.values()
    yield _row("unresolved", len(pending), unit="transactions", note="")
    for one in pending:
        tickers = {ledger.books.orders[i].request.market.ticker for i in one.transaction.client_order_ids}
        note = f"{', '.join(sorted(tickers))}; until block {one.transaction.timeout_height}"
        yield RiskRow(item="unresolved_order", about=one.transaction.tx_hash, value=None, note=note)


def _cooldowns(standing: Standing, state: RiskState, now: datetime) -> Iterator[RiskRow]:
    wait_s = standing.limits.general.cooldown_period_s
    names = {market_text(key): name for key, name in _names(standing).items()}
    for text, left in state.exits.items():
        gone_s = (now - left).total_seconds()
        if gone_s < wait_s:
            yield RiskRow(
                item="cooldown", about=names.get(text, text), value=_text(gone_s), limit=_text(wait_s),
                room=_text(wait_s - gone_s), unit="s", note="no new position until it is over",
            )  # fmt: skip


def _names(standing: Standing) -> dict[MarketKey, str]:
    markets = standing.ledger.books.markets if standing.ledger else {}
    return {key: market.ticker for key, market in markets.items()}


def check_rows(found: Sequence[Examined]) -> list[RiskCheckRow]:
    return [
        RiskCheckRow(
            rule=one.rule,
            verdict=one.outcome.value,
            code=one.code.name if one.code else "",
            limit=_text(one.limit),
            value=_text(one.value),
            unit=DENIALS[one.code].unit if one.code else "",
        )
        for one in found
    ]


def action_rows(steps: Sequence[Step]) -> list[RiskActionRow]:
    return [
        RiskActionRow(
            network=step.account.network if step.account else "",
            account=step.account.address if step.account else "",
            where=step.where,
            done=step.done,
            message=step.message,
        )
        for step in steps
    ]


def event_row(event: Event) -> RiskEventRow:
    return RiskEventRow(
        at=event.at, kind=event.kind, code=event.code, about=event.about, limit=_text(event.limit),
        value=_text(event.value), unit=event.unit, by=event.by, reason=event.reason,
    )  # fmt: skip


def stress_row(stress: Stress, asset: str, before: float, names: dict[MarketKey, str]) -> StressRow:
    return StressRow(
        shock=decimal_text(stress.fraction) or "0",
        asset=asset,
        equity=_text(stress.equity),
        change=_text(stress.equity - before),
        exposure=_text(stress.exposures.total),
        breaches=[
            BreachRow(
                code=breach.verdict.code.name,
                about=breach.about,
                limit=_text(breach.verdict.limit),
                value=_text(breach.verdict.value),
                unit=DENIALS[breach.verdict.code].unit,
            )
            for breach in stress.breaches
        ],
        liquidated=[names.get(key, key.market_id) for key in stress.liquidated],
    )


def _said(item: str, value: str, note: str = "") -> RiskRow:
    return RiskRow(item=item, value=value, note=note)


def _row(item: str, value: float, *, unit: str, note: str) -> RiskRow:
    return RiskRow(item=item, value=_text(value), unit=unit, note=note)


def _note(standing: Standing, value: float) -> str:
    if not math.isfinite(value):
        return f"not known: {'the venue is silent' if standing.silent else 'nothing new would be entered'}"
    if standing.looked and not standing.looked.certain:
        return "as the journal had it: an order is under way, or an amount is not explained (defi reconcile)"
    return "as the journal had it" if standing.silent else ""


def _text(value: float | None) -> str | None:
    """Null for what is not a number, or longer ago than anything was."""
    if value is None or not math.isfinite(value) or value >= NEVER_S:
        return None
    return decimal_text(round(value, _DIGITS))


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
