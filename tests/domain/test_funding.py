from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.funding import paid

amounts = st.decimals("-1000", "1000", places=18)


def test_a_long_pays_what_the_index_rose_and_a_short_receives_it() -> None:
    assert paid(Decimal(3), Decimal("0.5"), Decimal("0.7")) == Decimal("0.6")
    assert paid(Decimal(-3), Decimal("0.5"), Decimal("0.7")) == Decimal("-0.6")


def test_nothing_is_paid_for_nothing_or_by_an_index_that_was_not_told() -> None:
    assert paid(Decimal(0), Decimal(1), Decimal(2)) == 0
    assert paid(Decimal(1), None, Decimal(2)) == paid(Decimal(1), Decimal(2), None) == 0


def test_a_payment_is_rounded_half_to_even_at_the_eighteenth_place() -> None:
    half = Decimal("0.000000000000000005")
    assert paid(Decimal("0.1"), Decimal(0), half) == 0
    assert paid(Decimal("0.1"), Decimal(0), 3 * half) == Decimal("2e-18")


@given(amounts, amounts, amounts)
def test_the_two_sides_of_a_market_pay_each_other(quantity: Decimal, since: Decimal, index: Decimal) -> None:
    assert paid(quantity, since, index) == -paid(-quantity, since, index)
