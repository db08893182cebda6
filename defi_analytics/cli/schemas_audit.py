"""What the commands on an account print: orders, positions, fills, results, differences, agents, journals.

Quantities are decimal strings in base, prices quote per base, exactly as the journal or the venue has them.
"""

from datetime import datetime

from defi_analytics.cli.row import Row


class TrackedRow(Row, frozen=True, kw_only=True):
    client_order_id: str
    market: str
    market_id: str
    strategy: str
    side: str
    kind: str
    state: str
    """signed, unknown, open, done, rejected or absent."""
    price: str
    """The limit, or the worst price of a market order."""
    quantity: str
    filled: str
    reduce_only: bool
    height: int
    """Of the block it is in; 0 until that is proven."""
    expiry_height: int | None
    """Beyond this block nothing of it rests; null for one that never expires by itself."""
    tx_hash: str
    order_hash: str
    signed_at: datetime
    error_code: int
    """The venue's, 0 for none."""


class PositionRow(Row, frozen=True, kw_only=True):
    market: str
    market_id: str
    kind: str
    strategy: str
    """Empty for what fills of orders that are not ours made."""
    side: str
    quantity: str
    """Negative is short."""
    entry_price: str
    mark: str | None
    """The middle of the market now; null where it could not be read."""
    unrealised: str | None
    """In quote, before the fee of leaving."""
    realised: str
    """In quote, before fees."""
    fees: str
    quote: str
    entered_at: datetime | None


class BalanceRow(Row, frozen=True, kw_only=True):
    asset: str
    """Empty for a denom nobody vouches for."""
    denom: str
    total: str
    available: str
    baseline: str | None
    """What the account had before its first order, and people moved since."""
    change: str | None


class FillRow(Row, frozen=True, kw_only=True):
    at: datetime
    height: int
    fill_id: str
    market: str
    market_id: str
    side: str
    price: str
    quantity: str
    base: str
    notional: str
    """In quote."""
    quote: str
    fee: str
    """What was charged; negative for a rebate."""
    fee_asset: str
    liquidity: str
    """maker or taker."""
    strategy: str
    client_order_id: str
    order_hash: str
    tx_hash: str


class ReportRow(Row, frozen=True, kw_only=True):
    by: str
    """day or market; total for the sum of all that was asked for, one for each quote."""
    day: str | None
    """UTC."""
    market: str | None
    """Null for gas that was for several."""
    market_id: str | None
    quote: str
    """What the amounts are in; empty for gas that was for markets of several currencies."""
    fills: int
    trades: int
    """Positions that were closed."""
    won: int
    """Of these, what earned something after fees and funding."""
    win_rate: str | None
    """A fraction; null where no trade ended."""
    realised: str
    """By what was closed, before fees and funding."""
    fees: str
    """What was charged; negative for rebates."""
    funding: str | None
    """Paid, as far as fills settled it; negative was received; null where the source did not tell."""
    gas_inj: str
    """In INJ, and not in the total."""
    total: str | None
    """Realised less fees and funding."""
    empty_because: str


class DifferenceRow(Row, frozen=True, kw_only=True):
    code: str
    about: str
    journal: str
    venue: str
    gap: str
    """What the venue has more than the journal can explain."""
    unit: str
    refuses: bool
    """Whether an agent would refuse to start."""
    meaning: str


class AgentRow(Row, frozen=True, kw_only=True):
    state: str
    """running, stopped (it ended in order), died, or never ran."""
    network: str
    account: str
    execution: str
    pid: int | None
    started_at: str | None
    written_at: str | None
    """When it last told how it is."""
    strategies: list[str]
    markets: list[str]
    """What it may trade."""
    trading: str | None
    halted_because: str
    equity: str | None
    currency: str
    cycle: int | None
    last_cycle_s: str | None
    usual_cycle_s: str | None
    last_error: str
    degraded: list[str]
    rss_bytes: int | None
    cpu_s: str | None
    open_files: int | None
    threads: int | None
    live_orders: int
    unproven: int
    """Transactions."""
    records: list[str]
    """The journal's last, with their times."""


class LogRow(Row, frozen=True, kw_only=True):
    line: str


class KindRow(Row, frozen=True, kw_only=True):
    kind: str
    records: int


class StateRow(Row, frozen=True, kw_only=True):
    path: str
    version: int
    size_bytes: int
    records: int
    kinds: list[KindRow]
    last_at: datetime | None


class VerifiedRow(Row, frozen=True, kw_only=True):
    path: str
    ok: bool
    records: int
    decisions: int
    code: str
    message: str


AUDIT_SCHEMAS: dict[str, type[Row]] = {
    "orders": TrackedRow,
    "positions": PositionRow,
    "balances": BalanceRow,
    "fills": FillRow,
    "report": ReportRow,
    "reconcile": DifferenceRow,
    "agent": AgentRow,
    "logs": LogRow,
    "state": StateRow,
    "verify": VerifiedRow,
}
"""By the name that `schema` carries."""
