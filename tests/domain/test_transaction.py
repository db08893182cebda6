from decimal import Decimal

from defi_analytics.domain.transaction import OrderResult, Sent, SignedTransaction, Submission
from tests.fakes import NOON


def test_an_answer_that_names_no_error_has_none() -> None:
    assert Submission(Sent.ACCEPTED) == Submission(Sent.ACCEPTED, 0, "", "")
    assert OrderResult("c1") == OrderResult("c1", "", 0)


def test_nothing_of_a_transaction_rests_unless_it_says_until_when() -> None:
    signed = SignedTransaction("AB", b"tx", "inj1", 7, 100, (), 200_000, Decimal("0.00003"), NOON)
    assert (signed.expiry_height, signed.height) == (0, 0)
