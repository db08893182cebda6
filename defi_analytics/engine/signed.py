"""What a signed transaction must be before its bytes may leave."""

import hashlib
from collections.abc import Sequence

from defi_analytics.domain.order import OrderRequest
from defi_analytics.domain.transaction import SignedTransaction
from defi_analytics.errors import ExecutionError


def transaction_hash(tx_bytes: bytes) -> str:
    """Source: CometBFT, a transaction's key is the SHA-256 of its bytes."""
    return hashlib.sha256(tx_bytes).hexdigest().upper()


def checked(transaction: SignedTransaction, requests: Sequence[OrderRequest]) -> None:
    """What the write-ahead promise rests on. Raises ExecutionError; nothing was sent."""
    ids = tuple(request.client_order_id for request in requests)
    if transaction.timeout_height <= 0:
        raise ExecutionError("a transaction without a timeout height could never be proven absent")
    if transaction.client_order_ids != ids:
        raise ExecutionError("the signed transaction is not for the orders that were approved")
    if transaction_hash(transaction.tx_bytes) != transaction.tx_hash:
        raise ExecutionError("the signed transaction's hash is not that of its bytes")


def whole(transaction: SignedTransaction) -> None:
    """Raises ExecutionError for bytes that changed since: they may be those of anything."""
    if transaction_hash(transaction.tx_bytes) != transaction.tx_hash:
        raise ExecutionError(f"the stored bytes of {transaction.tx_hash} are not those that were signed")
