from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.sandbox.ledger.numbers import ceiling, floor, over, positive, share, times, units

D = Decimal


@pytest.mark.parametrize(
    ("a", "b", "product"),
    [
        ("1e-18", "0.5", "0"),
        ("3e-18", "0.5", "2e-18"),
        ("1e-18", "1.5", "2e-18"),
        ("-1e-18", "0.5", "0"),
        ("12.478", "0.0005", "0.006239"),
    ],
)
def test_products_are_rounded_half_to_even_at_eighteen_places(a, b, product):
    assert times(D(a), D(b)) == D(product)


def test_quotients_too():
    assert over(D(1), D(3)) == D("0.333333333333333333")
    assert over(D(2), D(3)) == D("0.666666666666666667")
    assert share(D(10), D(1), D(3)) == D("3.333333333333333333")


def test_nothing_is_too_long_for_the_chains_arithmetic():
    huge = D("1" + "0" * 75 + "1")
    assert times(huge, huge) == D("1" + "0" * 75 + "2" + "0" * 75 + "1")


@given(st.decimals("-1e12", "1e12", places=12))
def test_floor_and_ceiling_enclose(amount):
    assert amount - 1 < floor(amount) <= amount <= ceiling(amount) < amount + 1


@given(st.decimals("-1e20", "1e20", places=18), st.integers(0, 18))
def test_units_only_move_the_point(amount, decimals):
    assert units(units(amount, decimals), -decimals) == amount


def test_a_rebate_is_no_positive_rate():
    assert (positive(D("-0.1")), positive(D("0.1"))) == (0, D("0.1"))
