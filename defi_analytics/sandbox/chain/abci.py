"""What a transaction comes to: accepted or refused by CheckTx, and its result in a block.

Source: abci.ExecTxResult and cosmos.base.abci.v1beta1.TxResponse.
"""

from datetime import datetime
from typing import Any, NamedTuple


class Event(NamedTuple):
    kind: str
    attributes: tuple[tuple[str, str], ...]
    """Values of typed events are JSON."""


class TxResult(NamedTuple):
    """One transaction in a block; without a height, what CheckTx said of it."""

    tx_hash: str
    code: int = 0
    codespace: str = ""
    log: str = ""
    data: bytes = b""
    """A serialised cosmos.base.abci.v1beta1.TxMsgData."""
    gas_wanted: int = 0
    gas_used: int = 0
    events: tuple[Event, ...] = ()
    height: int = 0
    at: datetime | None = None
    tx: Any = None
    """The transaction itself, decoded; None for what never decoded."""
