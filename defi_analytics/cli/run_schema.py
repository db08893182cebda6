"""What `run` prints of each round: the same rules as `schemas`."""

from datetime import datetime

from defi_analytics.cli.row import Row


class SaidRow(Row, frozen=True, kw_only=True):
    strategy: str
    market: str
    market_id: str
    said: str
    """idle, entry, exit-converged, exit-stop, exit-time; or what kept the strategy from asking."""


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
    """planned, signed, unknown, open, done, rejected or absent."""
    filled: str
    """Base."""
    error_code: int
    """The venue's, 0 for none."""


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
    """Account currency."""
    considered: list[SaidRow]
    orders: list[OrderRow]
    refused: list[RefusedRow]
    positions: dict[str, str]
    """Base, by market id."""
    error: str
    """Why the markets or the account could not be read, if so."""
    halted_because: str = ""
    happened: str
    """All of it in one line for a person."""
