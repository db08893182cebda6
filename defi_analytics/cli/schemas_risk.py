"""What `defi risk` prints with `--json`; the rules are those of `cli/schemas.py`."""

from datetime import datetime

from defi_analytics.cli.row import Row


class RiskRow(Row, frozen=True, kw_only=True):
    """One thing about an account's risk, measured against its limit where there is one."""

    item: str
    """trading, why, by, since, equity, peak_equity, drawdown_soft, …: the same names each time."""
    about: str = ""
    """An asset, a market or an order; empty for the account."""
    value: str | None
    """Null where it is not known; `note` then says why."""
    limit: str | None = None
    room: str | None = None
    """What is left until the limit."""
    unit: str = ""
    note: str = ""


class RiskLimitRow(Row, frozen=True, kw_only=True):
    name: str
    market: str
    """Empty for the limit that holds everywhere; a market's own can only be tighter."""
    value: str
    unit: str
    setting: str
    """The settings key; empty for one that cannot be set."""
    origin: str
    meaning: str
    code: str
    """What an order beyond it is refused with."""


class RiskCheckRow(Row, frozen=True, kw_only=True):
    """One rule's verdict, in the order in which the gate asks."""

    rule: str
    verdict: str
    """passed, near (within a tenth of the limit), refused, or exempt: it reduces."""
    code: str
    limit: str | None
    value: str | None
    unit: str


class RiskActionRow(Row, frozen=True, kw_only=True):
    network: str
    account: str
    """Empty for what concerns every account of this home."""
    where: str
    """journal, stop-file or venue."""
    done: bool
    message: str


class RiskEventRow(Row, frozen=True, kw_only=True):
    at: datetime
    kind: str
    """halt, reduce, resume, flow, unreadable or denial."""
    code: str
    about: str
    limit: str | None
    value: str | None
    unit: str
    by: str
    reason: str


class BreachRow(Row, frozen=True, kw_only=True):
    code: str
    about: str
    limit: str | None
    value: str | None
    unit: str


class StressRow(Row, frozen=True, kw_only=True):
    shock: str
    """A fraction: -0.2 is a fall by a fifth."""
    asset: str
    """The only one that moves; empty for all but cash."""
    equity: str | None
    change: str | None
    exposure: str | None
    breaches: list[BreachRow]
    """Every limit that would be broken, the account's own first."""
    liquidated: list[str]
    """Markets."""


RISK_SCHEMAS: dict[str, type[Row]] = {
    "risk": RiskRow,
    "risk-limits": RiskLimitRow,
    "risk-check": RiskCheckRow,
    "risk-action": RiskActionRow,
    "risk-history": RiskEventRow,
    "risk-stress": StressRow,
}
