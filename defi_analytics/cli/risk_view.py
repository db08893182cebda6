"""How `defi risk` looks in a table, plain or CSV."""

from collections.abc import Sequence

from defi_analytics.cli.render import Column
from defi_analytics.cli.schemas_risk import (
    RiskActionRow,
    RiskCheckRow,
    RiskEventRow,
    RiskLimitRow,
    RiskRow,
    StressRow,
)

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
    Column("Value", _value, style=lambda r: _COLOURS.get(r.value or "", "")),
    Column("Limit", lambda r: r.limit or "", number=True),
    Column("Room", lambda r: r.room or "", number=True, spare=60),
    Column("Unit", lambda r: r.unit, spare=80),
    Column("Note", lambda r: r.note, fold=True),
)
LIMITS: Sequence[Column[RiskLimitRow]] = (
    Column("Limit", lambda r: r.name),
    Column("Market", lambda r: r.market, spare=50),
    Column("Value", lambda r: r.value, number=True),
    Column("Unit", lambda r: r.unit),
    Column("Meaning", lambda r: r.meaning, fold=True),
    Column("Code", lambda r: r.code, spare=60),
    Column("Setting", lambda r: r.setting, spare=80, fold=True),
    Column("Origin", lambda r: r.origin, spare=90, fold=True),
)
CHECK: Sequence[Column[RiskCheckRow]] = (
    Column("Rule", lambda r: r.rule),
    Column("Verdict", lambda r: r.verdict, style=lambda r: _VERDICTS.get(r.verdict, "")),
    Column("Value", lambda r: r.value or "", number=True),
    Column("Limit", lambda r: r.limit or "", number=True),
    Column("Unit", lambda r: r.unit, spare=60),
    Column("Code", lambda r: r.code, spare=50),
)
ACTION: Sequence[Column[RiskActionRow]] = (
    Column("Network", lambda r: r.network, spare=60),
    Column("Account", lambda r: r.account, spare=50),
    Column("Where", lambda r: r.where),
    Column("Done", lambda r: "yes" if r.done else "NO", style=lambda r: "green" if r.done else "bold red"),
    Column("What", lambda r: r.message, fold=True),
)
HISTORY: Sequence[Column[RiskEventRow]] = (
    Column("Time", lambda r: f"{r.at:%Y-%m-%d %H:%M:%S}", exact=lambda r: f"{r.at:%Y-%m-%dT%H:%M:%S.%fZ}"),
    Column("Kind", lambda r: r.kind),
    Column("Code", lambda r: r.code),
    Column("About", lambda r: r.about, spare=60),
    Column("Value", lambda r: r.value or "", number=True),
    Column("Limit", lambda r: r.limit or "", number=True),
    Column("Unit", lambda r: r.unit, spare=80),
    Column("By", lambda r: r.by, spare=90),
    Column("Reason", lambda r: r.reason, fold=True, spare=70),
)
STRESS: Sequence[Column[StressRow]] = (
    Column("Shock", lambda r: r.shock, number=True),
    Column("Asset", lambda r: r.asset or "all", spare=60),
    Column("Equity", lambda r: r.equity or "not known", number=True),
    Column("Change", lambda r: r.change or "", number=True, spare=80),
    Column("Exposure", lambda r: r.exposure or "not known", number=True, spare=70),
    Column("First limit that breaks", _first, fold=True),
    Column("Liquidated", lambda r: ", ".join(r.liquidated), fold=True),
)
