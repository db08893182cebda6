"""A transaction from signing to proof, on a chain where bytes may be sent again but never signed again."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Block:
    height: int
    at: datetime
    """By the chain's own clock."""
    chain_id: str


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """Everything that is needed to send it, to find it, and to know when it can no longer happen.

    Never made without a timeout height: beyond it, "not found" is proof.
    """

    tx_hash: str
    """SHA-256 of the bytes, upper-case hexadecimal."""
    tx_bytes: bytes
    account: str
    sequence: int
    timeout_height: int
    client_order_ids: tuple[str, ...]
    """Of the orders it places, as they were handed over; empty for one that only cancels."""
    gas: int
    fee: Decimal
    """INJ, charged whole whatever is used."""
    signed_at: datetime
    expiry_height: int = 0
    """The last block in which a resting order of it can be on the book; 0 when none rests."""
    height: int = 0
    """The latest block when it was signed, so it is in none up to there; 0 where that is not known."""


class Sent(StrEnum):
    """What a broadcast told. `rejected` is proof only of not having entered the mempool this time."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Submission:
    outcome: Sent
    code: int = 0
    codespace: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True)
class OrderResult:
    """What the transaction's result says of one order of its."""

    client_order_id: str
    """Empty where the chain does not say which."""
    order_hash: str = ""
    error_code: int = 0
    """The exchange module's; 0 when the order entered the block."""


@dataclass(frozen=True, slots=True)
class TransactionResult:
    """A transaction that is in a block, successful or not."""

    tx_hash: str
    height: int
    at: datetime
    code: int
    """0 is success of the transaction, not of its orders."""
    codespace: str
    log: str
    gas_used: int
    orders: tuple[OrderResult, ...] = ()
