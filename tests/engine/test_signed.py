from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.order import OrderRequest
from defi_analytics.domain.transaction import SignedTransaction
from defi_analytics.engine.signed import checked, transaction_hash, whole
from defi_analytics.errors import ExecutionError
from tests.engine.test_bookkeeping import a_request
from tests.fakes import NOON


def a_transaction(*requests: OrderRequest, **changes: Any) -> SignedTransaction:
    ids = tuple(request.client_order_id for request in requests)
    tx_hash = transaction_hash(b"bytes")
    signed = SignedTransaction(tx_hash, b"bytes", "inj1a", 1, 130, ids, 100_000, Decimal(0), NOON)
    return replace(signed, **changes)


def test_a_hash_is_the_chains() -> None:
    assert transaction_hash(b"") == "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"timeout_height": 0}, "timeout height"),
        ({"client_order_ids": ("other",)}, "not for the orders"),
        ({"tx_bytes": b"others"}, "hash"),
    ],
)
def test_what_could_not_be_proven_later_is_not_to_be_sent(change: Any, said: str) -> None:
    checked(a_transaction(a_request()), [a_request()])
    with pytest.raises(ExecutionError, match=said):
        checked(a_transaction(a_request(), **change), [a_request()])


def test_bytes_that_changed_since_they_were_signed_are_not_to_be_sent() -> None:
    whole(a_transaction())
    with pytest.raises(ExecutionError, match="are not those that were signed"):
        whole(a_transaction(tx_bytes=b"others"))
