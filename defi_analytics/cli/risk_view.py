"""How `defi risk` looks in a table, plain or CSV."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from defi_analytics.cli.common import Common, Output
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.figures import time_text
from defi_analytics.cli.render import Column, emit
from defi_analytics.cli.schemas_risk import (
    RiskActionRow,
    RiskCheckRow,
    RiskEventRow,
    RiskLimitRow,
    RiskRow,
    StressRow,
)
from defi_analytics.cli.units import labelled, money, per_cent, worded

_SHOWN = 13
"""Characters of a market's id, of which its beginning is enough."""
_COLOURS = {"HALTED": "bold red", "REDUCING": "yellow", "ACTIVE": "green"}
_VERDICTS = {"refused": "bold red", "near": "yellow", "passed": "green"}


def _value(row: RiskRow) -> str:
    return "?" if row.value is None else row.value


def _first(row: StressRow) -> str:
    if not row.breaches:
        return "none"
    first = row.breaches[0]
    return f"{first.code} {first.about}: {first.value or '?'} of {first.limit or '?'}"


STATUS: Sequence[Column[RiskRow]] = (
    Column("Item", lambda r: r.item),
    Column("About", lambda r: r.about),
    Column("Value", _value),
    Column("Limit", lambda r: r.limit or "", number=True),
    Column("Room", lambda r: r.room or "", number=True),
    Column("Unit", lambda r: r.unit),
    Column("Note", lambda r: r.note),
)
"""For programs: a person gets `write_status`."""


def write_status(document: Document, rows: Sequence[RiskRow], currency: str, common: Common) -> None:
    """One list for programs; for people what is so, and then what is measured against a limit."""
    if common.format is not Output.TABLE:
        emit(document, STATUS, common)
        return
    facts, measured = [r for r in rows if r.limit is None], [r for r in rows if r.limit is not None]
    emit(replace(document, rows=facts, warnings=()), _facts(currency), common)
    emit(replace(document, rows=measured), _measured(currency), common)


def _facts(currency: str) -> Sequence[Column[RiskRow]]:
    return (
        Column("Item", _item),
        Column(
            "What is so",
            lambda r: "; ".join(filter(None, (_human(r.value, r, currency), r.note))),
            style=lambda r: _COLOURS.get(r.value or "", ""),
            fold=True,
        ),
    )


def _measured(currency: str) -> Sequence[Column[RiskRow]]:
    return (
        Column("Item", _item, fold=True),
        Column("Value", lambda r: _human(r.value, r, currency), number=True),
        Column("Limit", lambda r: worded(r.limit, r.unit, currency), number=True),
        Column("Room", lambda r: worded(r.room, r.unit, currency), number=True, spare=60),
        Column("Note", lambda r: r.note, fold=True, spare=80),
    )


_ITEMS = {
    "stop_file": "STOP file",
    "peak_equity": "Highest equity",
    "capital": "Capital at risk",
    "drawdown_soft": "Drawdown, reduces at",
    "drawdown_hard": "Drawdown, halts at",
    "day_lost": "Lost since 00:00 UTC",
    "day_loss": "Worst loss today",
    "week_loss": "Worst loss this week",
    "exposure_total": "Exposure, all",
    "exposure_asset": "Exposure",
    "exposure_market": "Exposure",
    "position_size": "Position",
    "active_positions": "Positions held",
    "position": "Held",
    "unresolved": "Not yet resolved",
    "unresolved_order": "Tx",
    "cooldown": "Pause since leaving",
}
"""What a person reads, where it is not the item's own name."""


def _item(row: RiskRow) -> str:
    return f"{_ITEMS.get(row.item) or labelled(row.item)} {row.about}".strip()


def _human(value: str | None, row: RiskRow, currency: str) -> str:
    if value is None:
        return "" if row.item == "unresolved_order" else "?"
    return worded(value, row.unit, currency) if row.unit else value


def limits(currency: str) -> Sequence[Column[RiskLimitRow]]:
    return (
        Column("Limit", _limit, fold=True, exact=lambda r: r.name),
        Column("Market", lambda r: r.market, machine=True),
        Column("Value", lambda r: worded(r.value, r.unit, currency), number=True, exact=lambda r: r.value),
        Column("Unit", lambda r: r.unit, machine=True),
        Column("Meaning", lambda r: r.meaning, fold=True, spare=50),
        Column("Code", lambda r: r.code, spare=60),
        Column("Setting", lambda r: r.setting, spare=80, fold=True),
        Column("Origin", lambda r: r.origin, spare=90, fold=True),
    )


def _limit(row: RiskLimitRow) -> str:
    label = labelled(row.name.removesuffix("_s"))
    return f"{label} on {row.market[:_SHOWN]}" if row.market else label


def _against_a_limit(currency: str) -> Sequence[Column[Any]]:
    """What was held against a limit, and the limit; programs get the plain numbers and their unit."""
    return (
        Column(
            "Value", lambda r: worded(r.value, r.unit, currency), number=True, exact=lambda r: r.value or ""
        ),
        Column(
            "Limit", lambda r: worded(r.limit, r.unit, currency), number=True, exact=lambda r: r.limit or ""
        ),
        Column("Unit", lambda r: r.unit, machine=True),
    )


def check(currency: str) -> Sequence[Column[RiskCheckRow]]:
    return (
        Column("Rule", lambda r: r.rule),
        Column("Verdict", lambda r: r.verdict, style=lambda r: _VERDICTS.get(r.verdict, "")),
        *_against_a_limit(currency),
        Column("Code", lambda r: r.code, spare=50),
    )


ACTION: Sequence[Column[RiskActionRow]] = (
    Column("Network", lambda r: r.network, spare=60),
    Column("Account", lambda r: r.account, spare=50),
    Column("Where", lambda r: r.where),
    Column("Done", lambda r: "yes" if r.done else "NO", style=lambda r: "green" if r.done else "bold red"),
    Column("What", lambda r: r.message, fold=True),
)


def history(currency: str) -> Sequence[Column[RiskEventRow]]:
    return (
        Column("Time", lambda r: f"{r.at:%Y-%m-%d %H:%M:%S}", exact=lambda r: time_text(r.at)),
        Column("Kind", lambda r: r.kind),
        Column("Code", lambda r: r.code),
        Column("About", lambda r: r.about, spare=60),
        *_against_a_limit(currency),
        Column("By", lambda r: r.by, spare=90),
        Column("Reason", lambda r: r.reason, fold=True, spare=70),
    )


def stress(currency: str) -> Sequence[Column[StressRow]]:
    return (
        Column("Shock", lambda r: per_cent(r.shock), number=True, exact=lambda r: r.shock),
        Column("Asset", lambda r: r.asset or "all", spare=60),
        Column("Equity", lambda r: _money(r.equity, currency), number=True, exact=_exactly("equity")),
        Column(
            "Change",
            lambda r: _money(r.change, currency),
            number=True,
            spare=80,
            exact=lambda r: r.change or "",
        ),
        Column(
            "Exposure",
            lambda r: _money(r.exposure, currency),
            number=True,
            spare=70,
            exact=_exactly("exposure"),
        ),
        Column("First limit that breaks", lambda r: _broken(r, currency), fold=True, exact=_first),
        Column("Liquidated", lambda r: ", ".join(r.liquidated), fold=True),
    )


def _money(value: str | None, currency: str) -> str:
    return "not known" if value is None else money(value, currency)


def _exactly(name: str) -> Callable[[StressRow], str]:
    return lambda row: getattr(row, name) or "not known"


def _broken(row: StressRow, currency: str) -> str:
    if not row.breaches:
        return "none"
    first = row.breaches[0]
    value, limit = (worded(text, first.unit, currency) or "?" for text in (first.value, first.limit))
    return f"{first.code} {first.about}: {value} of {limit}"
