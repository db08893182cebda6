"""What `run` prints of each round: the same rules as `schemas`."""

from datetime import datetime

import msgspec

from defi_analytics.cli.row import Row


class SaidRow(Row, frozen=True, kw_only=True):
    strategy: str
    market: str
    market_id: str
    said: str
    """idle, entry, exit-converged, exit-stop, exit-time, exit-liquidation, exit-emergency; or what kept the
    strategy from asking."""


class OrderRow(Row, frozen=True, kw_only=True):
    client_order_id: str
    strategy: str
    market: str
    market_id: str
    side: str
    kind: str
    price: str
    """Quote per base: the limit, or the worst price of a market order."""
    quantity: str
    """Base."""
    reduce_only: bool
    state: str
    """planned (by --plan), unsent (held back, or refused before it left), signed, unknown, open, done,
    rejected or absent."""
    filled: str
    """Base."""
    error_code: int
    """The venue's, 0 for none."""
    bound_by: str = ""
    """What kept it from being larger: strategy (its own max_notional), max_trade_size, book (what it offers
    at a profit) or holding (it closes no more than there is)."""


class RefusedRow(Row, frozen=True, kw_only=True):
    client_order_id: str
    strategy: str
    market: str
    code: str
    limit: str | None
    value: str | None
    unit: str


class RunRow(Row, frozen=True, kw_only=True):
    cycle: int
    at: datetime
    took_s: float
    decision: str
    """Its id in the journal; empty where the markets could not be read."""
    trading: str
    equity: str | None
    """Account currency; as the round began, before its orders. `positions` are those after them."""
    considered: list[SaidRow]
    orders: list[OrderRow]
    refused: list[RefusedRow]
    positions: dict[str, str]
    """Base, by market id."""
    error: str
    """Why the markets or the account could not be read, if so."""
    halted_because: str = ""
    unreachable_since: datetime | None = None
    """Of the first of the rounds in a row in which nobody answered."""
    candidates: int = 0
    """What was looked at, as `defi scan` counts it."""
    standing: int = 0
    """How many of them stand."""
    rejected: dict[str, int] = msgspec.field(default_factory=dict)
    """Why the others do not: how many by code, the commonest first."""
    happened: str
    """All of it in one line for a person."""
