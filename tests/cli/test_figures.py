from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.cli.figures import ago, amount, bps, decimal_text, short


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=12))
def test_a_decimal_is_written_exactly_and_without_an_exponent(value):
    text = decimal_text(value)
    assert text is not None
    assert Decimal(text) == value
    assert "e" not in text.lower()


@given(st.floats(min_value=-1e18, max_value=1e18), st.integers(2, 15))
def test_a_float_keeps_its_significant_digits(value, digits):
    text = decimal_text(value, digits)
    assert text is not None
    assert float(text) == float(f"{value:.{digits}g}")
    assert "e" not in text.lower()
    assert text != "-0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("0E-7"), "0"),
        (Decimal("-0.00"), "0"),
        (Decimal(100), "100"),
        (Decimal("1.500"), "1.5"),
        (-0.0, "0"),
        (1e-7, "0.0000001"),
        (0.1 + 0.2, "0.3"),
    ],
)
def test_a_number_is_plain_and_ends_where_its_digits_do(value, text):
    assert decimal_text(value) == text


def test_what_is_not_known_is_null_for_programs_and_nothing_for_people():
    assert decimal_text(None) is None
    assert bps(None) == amount(None) == short(None) == ""


def test_fractions_become_basis_points_only_for_people():
    assert bps("0.00123") == "12.3"
    assert bps("-0.5") == "-5000.0"


def test_amounts_get_thousands_and_places():
    assert amount("1234567.891") == "1,234,567.89"
    assert amount("0.5", 0) == "0"


def test_a_short_figure_has_eight_digits():
    assert short("17.017123456789") == "17.017123"
    assert short("0") == "0"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (119.94, "119.9 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2.0 h"),
        (86400, "24.0 h"),
    ],
)
def test_a_duration_names_its_unit(seconds, text):
    assert ago(seconds) == text
