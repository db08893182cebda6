import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.text import safe


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("INJ/USDT PERP", "INJ/USDT PERP"),
        ("APP/INJ ", "APP/INJ"),
        ("\x1b[2JINJ\x07/\x9bUSDT\x00", "[2JINJ/USDT"),
        ("INJ\u202e/TDSU", "INJ/TDSU"),
        ("INJ\n/USDT\u2028x", "INJ/USDTx"),
        ("\ud800INJ", "INJ"),
        ("\uff29\uff2e\uff2a", "INJ"),
        ("", "?"),
        ("   ", "?"),
        ("\x1b\u200b", "?"),
    ],
)
def test_text_of_strangers_becomes_one_plain_line(raw, shown):
    assert safe(raw) == shown


def test_long_text_is_cut():
    assert safe("A" * 100) == "A" * 32
    assert safe("A" * 100, 66) == "A" * 66


def test_eight_characters_are_examined_for_each_that_is_kept():
    assert safe("\0" * 255 + "A") == "A"
    assert safe("\0" * 256 + "A") == "?"
    assert safe("\0" * 31 + "A", 4) == "A"
    assert safe("\0" * 32 + "A", 4) == "?"


@given(st.text(alphabet=st.characters()), st.integers(1, 80))
def test_nothing_that_moves_a_cursor_survives(text, limit):
    shown = safe(text, limit)
    assert 1 <= len(shown) <= limit
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in shown)
