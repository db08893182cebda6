import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.market import MarketKind
from defi_analytics.venues.injective.units import (
    HUMAN,
    chain_units,
    derivative_units,
    human,
    price_or_none,
    scaled,
    spot_units,
)
from tests.shared_data import shared_json
from tests.venues.injective.payloads import market


def rows():
    return shared_json("samples/injective/golden/unit_conversion.json")["rows"]


def units(row):
    if row["kind"] == "spot":
        return spot_units(row["base_decimals"], row["quote_decimals"])
    return derivative_units(row["quote_decimals"])


def test_every_golden_grid_converts_exactly():
    assert len(rows()) == 11
    for row in rows():
        chain, expected = row["chain_v1"], row["human_v2"]
        assert human(chain["min_price_tick"], units(row).price) == Decimal(expected["min_price_tick"])
        assert human(chain["min_quantity_tick"], units(row).quantity) == Decimal(
            expected["min_quantity_tick"]
        )
        assert human(chain["min_notional"], units(row).notional) == Decimal(expected["min_notional"])


def test_every_golden_order_converts_exactly_on_each_surface():
    for row in rows():
        example = row["example"]
        price, quantity = Decimal(example["human_price"]), Decimal(example["human_quantity"])
        for name, expected, exponent in (
            ("v1_chain_price (indexer string)", price, units(row).price),
            ("v1_lcd_price", price, units(row).price),
            ("v2_lcd_price", price, HUMAN.price),
            ("v1_chain_quantity (indexer string)", quantity, units(row).quantity),
            ("v1_chain_quantity", quantity, units(row).quantity),
            ("v1_lcd_quantity", quantity, units(row).quantity),
            ("v2_lcd_quantity", quantity, HUMAN.quantity),
            ("v1_protobuf_price", price, units(row).price - 18),
            ("v1_protobuf_quantity", quantity, units(row).quantity - 18),
            ("v2_protobuf_price", price, -18),
            ("v2_protobuf_quantity", quantity, -18),
        ):
            if name in example:
                assert human(example[name], exponent) == expected, name


def test_a_market_knows_its_own_units():
    assert chain_units(market(decimals=(18, 6))) == spot_units(18, 6)
    assert chain_units(market(MarketKind.PERPETUAL, decimals=(0, 18))) == derivative_units(18)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**20), max_value=10**20),
       st.integers(-30, 30))  # fmt: skip
def test_shifting_there_and_back_loses_nothing(value, exponent):
    shifted = human(f"{value:f}", exponent)
    assert Fraction(shifted) == Fraction(value) * Fraction(10) ** exponent
    assert shifted.as_tuple().exponent <= 0
    assert "." not in f"{shifted:f}" or not f"{shifted:f}".endswith("0")


@pytest.mark.parametrize(
    "text", ["", "1e9", "nan", "Infinity", "-", "1_0", "\u0661", " 1", "1.", ".5", "9" * 61, "1" * 9999]
)
def test_anything_but_a_plain_decimal_is_refused(text):
    with pytest.raises(ValueError, match="plain decimal"):
        human(text, 0)


def test_no_price_is_printed_in_three_ways():
    assert price_or_none(None) is price_or_none("0.000000000000000000") is price_or_none("0") is None
    assert price_or_none("29.414000000000000000") == 29.414


@given(st.lists(st.floats(1e-36, 1e36), max_size=20), st.integers(-18, 18))
def test_scaled_floats_are_within_an_ulp_of_exact(numbers, exponent):
    for number, found in zip(numbers, scaled(numbers, exponent), strict=True):
        exact = Decimal(number).scaleb(exponent)
        assert abs(Decimal(found) - exact) <= Decimal(math.ulp(found))
