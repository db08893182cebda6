from dataclasses import replace

import pytest

from defi_analytics.domain.transaction import Sent, Submission, TransactionResult
from defi_analytics.engine.records import Resolved, refused_for_good
from tests.engine.fake_chain import FakeChain
from tests.fakes import NOON

FOUND = TransactionResult("T1", 7, NOON, 0, "", "", 1)


def test_a_transaction_that_is_in_a_block_without_an_error_came_about() -> None:
    assert not Resolved.included(FOUND).failed
    assert Resolved.included(replace(FOUND, code=11, codespace="sdk", log="out of gas")).failed


async def test_a_transaction_that_is_in_no_block_came_to_nothing_and_says_why() -> None:
    made = await FakeChain().sign([])
    assert Resolved.never(made, "too late").failed
    told = Submission(Sent.REJECTED, 5, "sdk", "insufficient funds")
    record = Resolved.never(made, "refused", told)
    assert (record.height, record.code, record.codespace, record.log) == (0, 5, "sdk", "insufficient funds")


@pytest.mark.parametrize(
    ("told", "for_good"),
    [
        (Submission(Sent.REJECTED, 13, "sdk"), True),
        (Submission(Sent.REJECTED, 32, "sdk"), False),
        (Submission(Sent.UNKNOWN), False),
        (Submission(Sent.ACCEPTED), False),
    ],
)
def test_a_node_that_is_behind_refuses_nothing_for_good(told: Submission, for_good: bool) -> None:
    assert refused_for_good(told) == for_good
