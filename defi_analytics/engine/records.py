"""What is written down of our orders and transactions, as the journal holds it."""

from collections.abc import Mapping
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


class Kind(StrEnum):
    """Of the records that `Bookkeeping` folds."""

    SIGNED = "signed"
    SENT = "sent"
    RESOLVED = "resolved"
    FILLS = "fills"
    CLOSED = "closed"


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
TYPES: Mapping[str, type[Any]] = {
    Kind.SIGNED: Signed,
    Kind.SENT: Sending,
    Kind.RESOLVED: Resolved,
    Kind.FILLS: Fills,
    Kind.CLOSED: Closed,
}


def refused_for_good(submission: Submission) -> bool:
    """Whether a node refused the bytes for what they are."""
    refused = submission.outcome is Sent.REJECTED
    return refused and (submission.codespace, submission.code) not in NODE_BEHIND
