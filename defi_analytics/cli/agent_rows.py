"""An agent as a row: what the kernel says of it now, and what it last said of itself."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from defi_analytics.app.accounts import Account
from defi_analytics.app.agents import Seen, number
from defi_analytics.cli.figures import ago, decimal_text
from defi_analytics.cli.render import Column
from defi_analytics.cli.schemas_audit import AgentRow
from defi_analytics.domain.text import safe
from defi_analytics.storage.journal import SqliteJournal

_RECORDS = 5
_MB = 1_000_000
_COLOURS = {"running": "green", "died": "bold red"}
COLUMNS: Sequence[Column[AgentRow]] = (
    Column("State", lambda r: r.state, style=lambda r: _COLOURS.get(r.state, "")),
    Column("Network", lambda r: r.network),
    Column("Account", lambda r: r.account, fold=True),
    Column("Pid", lambda r: str(r.pid or ""), number=True, spare=50),
    Column("Trading", lambda r: r.trading or "", spare=40),
    Column("Equity", lambda r: r.equity or "", number=True, spare=30),
    Column("Round", lambda r: str(r.cycle or ""), number=True, spare=60),
    Column("MB", lambda r: f"{(r.rss_bytes or 0) / _MB:.0f}" if r.rss_bytes else "", number=True, spare=70),
    Column("Markets", lambda r: ", ".join(r.markets), fold=True, spare=80),
    Column("Degraded", lambda r: "; ".join(r.degraded), fold=True, spare=20),
)


def _took(seconds: str) -> str:
    return ago(float(seconds))


def _moment(rfc3339: str) -> str:
    """As it is where a status file says something else."""
    try:
        return f"{datetime.fromisoformat(rfc3339):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return rfc3339


PEOPLE: Mapping[str, Callable[[str], str]] = {
    "started_at": _moment,
    "written_at": _moment,
    "last_cycle_s": _took,
    "usual_cycle_s": _took,
    "cpu_s": _took,
    "rss_bytes": lambda text: f"{float(text) / _MB:.0f} MB",
}


def agent_row(account: Account, found: Seen, records: list[str]) -> AgentRow:
    told = found.told
    cycle, process = _group(told, "cycle"), _group(told, "process")
    return AgentRow(
        state=found.state,
        network=account.network,
        account=account.address,
        execution=account.execution,
        pid=found.pid,
        started_at=_text(told, "started_at"),
        written_at=_text(told, "written_at"),
        strategies=_texts(told, "strategies"),
        markets=_texts(told, "markets"),
        trading=_text(told, "trading"),
        halted_because=_text(told, "halted_because") or "",
        equity=_figure(told, "equity"),
        currency=_text(told, "currency") or "",
        cycle=_count(cycle, "number"),
        last_cycle_s=_figure(cycle, "took_s"),
        usual_cycle_s=_figure(process, "usual_cycle_s"),
        last_error=_text(cycle, "error") or "",
        degraded=found.degraded,
        rss_bytes=found.rss_bytes,
        cpu_s=decimal_text(found.cpu_s),
        open_files=found.open_files,
        threads=found.threads,
        live_orders=_count(told, "live_orders") or 0,
        unproven=_count(told, "unresolved_transactions") or 0,
        records=records,
    )


def record_lines(account: Account, home: Path) -> list[str]:
    """The journal's last records; none where there is no journal."""
    path = account.journal(home)
    if not path.exists():
        return []
    with SqliteJournal(path, reading=True) as journal:
        return [f"{at:%Y-%m-%dT%H:%M:%SZ} {kind}" for at, kind in journal.tail(_RECORDS)]


def _group(told: dict[str, Any], name: str) -> dict[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _text(told: dict[str, Any], name: str) -> str | None:
    found = told.get(name)
    return safe(found, 200) if isinstance(found, str) and found else None


def _texts(told: dict[str, Any], name: str) -> list[str]:
    found = told.get(name)
    return [safe(each, 40) for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _figure(told: dict[str, Any], name: str) -> str | None:
    return decimal_text(number(told.get(name)))


def _count(told: dict[str, Any], name: str) -> int | None:
    found = number(told.get(name))
    return None if found is None else int(found)
