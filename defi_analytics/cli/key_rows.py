from datetime import datetime
from typing import Any

from defi_analytics.cli.row import Row


class KeyRow(Row, frozen=True, kw_only=True):
    name: str
    address: str
    file: str
    problem: str
    """Why it cannot be used, where it cannot."""


class GrantRow(Row, frozen=True, kw_only=True):
    granter: str
    grantee: str
    subaccount_id: str
    allows: list[str]
    """The types of all messages that the key may then send for the granter."""
    revokes: list[str]
    markets: list[str]
    expires: datetime | None
    transaction: dict[str, Any]
    """Unsigned, as wallets read it."""
