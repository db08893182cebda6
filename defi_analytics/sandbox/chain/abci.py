"""What a transaction comes to: accepted or refused by CheckTx, and its result in a block.

Source: abci.ExecTxResult and cosmos.base.abci.v1beta1.TxResponse; the codes of cosmos-sdk's types/errors.
"""

from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple

from defi_analytics.sandbox.ledger.failed import Failed

SDK = "sdk"


class SdkCode(IntEnum):
    """Codes of the codespace `sdk`."""

    TX_DECODE = 2
    UNAUTHORIZED = 4
    INSUFFICIENT_FUNDS = 5
    UNKNOWN_REQUEST = 6
    INVALID_PUBKEY = 8
    UNKNOWN_ADDRESS = 9
    OUT_OF_GAS = 11
    MEMO_TOO_LARGE = 12
    INSUFFICIENT_FEE = 13
    TOO_MANY_SIGNATURES = 14
    NO_SIGNATURES = 15
    INVALID_REQUEST = 18
    TX_IN_MEMPOOL = 19
    MEMPOOL_FULL = 20
    TX_TOO_LARGE = 21
    TIMEOUT_HEIGHT = 30
    WRONG_SEQUENCE = 32


_TEXTS = {
    SdkCode.TX_DECODE: "tx parse error",
    SdkCode.UNAUTHORIZED: "unauthorized",
    SdkCode.INSUFFICIENT_FUNDS: "insufficient funds",
    SdkCode.UNKNOWN_REQUEST: "unknown request",
    SdkCode.INVALID_PUBKEY: "invalid pubkey",
    SdkCode.UNKNOWN_ADDRESS: "unknown address",
    SdkCode.OUT_OF_GAS: "out of gas",
    SdkCode.MEMO_TOO_LARGE: "memo too large",
    SdkCode.INSUFFICIENT_FEE: "insufficient fee",
    SdkCode.TOO_MANY_SIGNATURES: "maximum number of signatures exceeded",
    SdkCode.NO_SIGNATURES: "no signatures supplied",
    SdkCode.INVALID_REQUEST: "invalid request",
    SdkCode.TX_IN_MEMPOOL: "tx already in mempool",
    SdkCode.MEMPOOL_FULL: "mempool is full",
    SdkCode.TX_TOO_LARGE: "tx too large",
    SdkCode.TIMEOUT_HEIGHT: "tx timeout height",
    SdkCode.WRONG_SEQUENCE: "incorrect account sequence",
}


def rejected(code: SdkCode, detail: str = "") -> Failed:
    """As cosmos-sdk wraps its errors: the detail, then the error's own text."""
    return Failed(int(code), SDK, f"{detail}: {_TEXTS[code]}" if detail else _TEXTS[code])


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
