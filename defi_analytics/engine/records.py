"""What is written down of our orders and transactions, as the journal holds it."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

import msgspec

from defi_analytics.domain.order import Cancel, Fill, OrderRequest
from defi_analytics.domain.transaction import (
    OrderResult,
    Sent,
    SignedTransaction,
    Submission,
    TransactionResult,
)
from defi_analytics.errors import ExecutionError

EXCHANGE = "exchange"
"""The chain's module that answers for orders, as it names itself beside its error codes."""


class Kind(StrEnum):
    """Of the records that `Bookkeeping` folds."""

    SIGNED = "signed"
    SENT = "sent"
    RESOLVED = "resolved"
    FILLS = "fills"
    CLOSED = "closed"
    REFUSED = "refused"


class Signed(msgspec.Struct, frozen=True):
    """Written ahead: durable before the first byte is sent."""

    transaction: SignedTransaction
    orders: tuple[OrderRequest, ...]
    cancels: tuple[Cancel, ...] = ()
    decision: str = ""
    """Which decision it carries out."""


class Sending(msgspec.Struct, frozen=True):
    """What one broadcast of the same bytes told."""

    tx_hash: str
    submission: Submission


class Resolved(msgspec.Struct, frozen=True):
    """Proof: in a block (`height` > 0), or refused or expired without ever having been in one."""

    tx_hash: str
    height: int
    code: int
    codespace: str
    log: str
    orders: tuple[OrderResult, ...]
    reason: str

    @classmethod
    def included(cls, found: TransactionResult) -> Self:
        told = found.code, found.codespace, found.log
        return cls(found.tx_hash, found.height, *told, found.orders, "found in a block")

    @classmethod
    def never(cls, transaction: SignedTransaction, reason: str, told: Submission | None = None) -> Self:
        """In no block; with what the node said, where that is why."""
        said = told or Submission(Sent.UNKNOWN)
        return cls(transaction.tx_hash, 0, said.code, said.codespace, said.log, (), reason)

    def results(self, order_ids: Sequence[str]) -> dict[str, OrderResult]:
        """By client id. Those that name none are of the orders left, where it is sure which is which."""
        named = {result.client_order_id: result for result in self.orders if result.client_order_id}
        left = [order_id for order_id in order_ids if order_id not in named]
        unnamed = [result for result in self.orders if not result.client_order_id]
        if len(left) == len(unnamed) and len(set(unnamed)) == 1:
            named |= dict(zip(left, unnamed, strict=True))
        return named

    @property
    def failed(self) -> bool:
        """Whether nothing of the transaction came about, nor ever can."""
        return not self.height or bool(self.code)


class Fills(msgspec.Struct, frozen=True):
    """Every fill of these blocks, and that there was no other: one record, so that none is counted twice."""

    first_height: int
    last_height: int
    fills: tuple[Fill, ...]


class Closed(msgspec.Struct, frozen=True):
    """Orders that are no longer on the book, as the venue told at `height`."""

    height: int
    client_order_ids: tuple[str, ...]


NODE_BEHIND = frozenset({("sdk", 32)})
"""Refusals that say nothing of the bytes: a node that is a block behind refuses a good sequence."""


class Refused(msgspec.Struct, frozen=True):
    """Orders to leave a position that the chain would not have taken, and so were never signed."""

    orders: tuple[OrderRequest, ...]
    at: datetime
    code: int
    codespace: str
    reason: str


TYPES: Mapping[str, type[Any]] = {
    Kind.SIGNED: Signed,
    Kind.SENT: Sending,
    Kind.RESOLVED: Resolved,
    Kind.FILLS: Fills,
    Kind.CLOSED: Closed,
    Kind.REFUSED: Refused,
}


def refused_for_good(submission: Submission) -> bool:
    """Whether a node refused the bytes for what they are."""
    refused = submission.outcome is Sent.REJECTED
    return refused and (submission.codespace, submission.code) not in NODE_BEHIND


def transaction_hash(tx_bytes: bytes) -> str:
    """Source: CometBFT, a transaction's key is the SHA-256 of its bytes."""
    return hashlib.sha256(tx_bytes).hexdigest().upper()


def check(transaction: SignedTransaction, requests: Sequence[OrderRequest]) -> None:
    """What the write-ahead promise rests on. Raises ExecutionError; nothing was sent."""
    ids = tuple(request.client_order_id for request in requests)
    if transaction.timeout_height <= 0:
        raise ExecutionError("a transaction without a timeout height could never be proven absent")
    if transaction.client_order_ids != ids:
        raise ExecutionError("the signed transaction is not for the orders that were approved")
    if transaction_hash(transaction.tx_bytes) != transaction.tx_hash:
        raise ExecutionError("the signed transaction's hash is not that of its bytes")
