from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.errors import ExecutionError
from defi_analytics.venues.injective.chain.amounts import from_dec, margin, to_dec


@given(st.integers(0, 10**40), st.integers(0, 18))
def test_a_decimal_of_18_places_comes_back_as_it_went(units: int, places: int):
    value = Decimal(f"{units}e-{places}")
    assert to_dec(value).isdecimal()
    assert from_dec(to_dec(value)) == value


def test_more_digits_than_the_default_context_holds_are_not_rounded():
    assert (
        to_dec(Decimal("12345678901234567890.123456789012345678")) == "12345678901234567890123456789012345678"
    )


@pytest.mark.parametrize(
    "text", ["5.1234567890123456789", "-1", "NaN", "Infinity", "1e50", "1e-19", "1e999999"]
)
def test_what_the_chain_cannot_hold_exactly_is_refused_and_never_floored(text: str):
    with pytest.raises(ExecutionError, match="nothing was signed"):
        to_dec(Decimal(text))


@pytest.mark.parametrize("text", ["", "1.5", "-1", "01", "1e3", "\u0661", "9" * 61])
def test_only_plain_integers_are_read_back(text: str):
    with pytest.raises(ValueError, match="integer"):
        from_dec(text)


@given(
    st.integers(1, 10**30),
    st.decimals("1", "1000", places=3),
    st.integers(0, 18),
)
def test_a_margin_is_enough_and_less_than_one_smallest_unit_too_much(
    units: int, leverage: Decimal, places: int
):
    price = Decimal(f"{units}e-12")
    held = margin(price, Decimal(3), leverage, places)
    with localcontext(prec=80):
        unit = Decimal(1).scaleb(-places)
        assert held * leverage >= price * 3 > (held - unit) * leverage
        assert held % unit == 0


def test_a_margin_beyond_all_digits_is_refused():
    with pytest.raises(ExecutionError, match="margin"):
        margin(Decimal("1e50"), Decimal("1e10"), Decimal(1), 18)
