from decimal import Decimal

import pytest

from defi_analytics.sandbox.ledger.indexer_records import scale, text
from defi_analytics.sandbox.listings import LISTINGS
from tests.sandbox.ledger.wire import ATOM_USDT, INJ_PERP, INJ_USDT
from tests.shared_data import shared_json

D = Decimal


def test_the_published_conversions_hold():
    by = scale(LISTINGS[INJ_USDT])
    rows = str(shared_json("samples/injective/golden/unit_conversion.json"))
    written = text(D("5.123"), by.price), text(D("1.5"), by.quantity)
    assert written == ("0.000000000005123", "1500000000000000000")
    assert all(f"'{one}'" in rows for one in written)


def test_every_market_has_powers_of_its_own():
    assert scale(LISTINGS[ATOM_USDT]) == (0, 6, 6)
    assert scale(LISTINGS[INJ_PERP]) == (6, 0, 6)


@pytest.mark.parametrize(
    ("value", "power", "written"),
    [
        ("0", 6, "0"),
        ("0.000", 0, "0"),
        ("1.50", 6, "1500000"),
        ("10", -12, "0.00000000001"),
        ("-0.05", 6, "-50000"),
    ],
)
def test_numbers_have_no_idle_zeros_and_no_exponent(value, power, written):
    assert text(D(value), power) == written
