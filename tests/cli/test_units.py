import pytest

from defi_analytics.cli.units import labelled, per_cent, worded


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        ("0.03", "fraction", "3 %"),
        ("0.000123", "fraction", "0.0123 %"),
        ("-0.05", "fraction", "-5 %"),
        ("0.1", "fraction of the mark price", "10 %"),
        ("50", "trades", "50"),
        ("3", "positions", "3"),
        ("100.000000", "account currency", "100 USDT"),
        ("1234.567891", "account currency", "1,234.57 USDT"),
        ("300", "s", "5 min"),
        ("12.345678", "s", "12.3 s"),
        ("30", "s", "30 s"),
        ("1.5", "times", "1.5 times"),
        ("3", "notional per margin", "3 times"),
        ("0.500000", "INJ", "0.5 INJ"),
        ("7", "", "7"),
        (None, "fraction", ""),
    ],
)
def test_a_figure_is_said_with_the_unit_a_person_uses(value, unit, said):
    assert worded(value, unit, "USDT") == said


def test_a_fraction_that_is_not_known_is_nothing():
    assert per_cent(None) == ""


def test_a_fields_name_is_words():
    assert labelled("min_notional") == "Min notional"
    assert labelled("") == ""
