from base64 import b64encode
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.venues.injective.chain import wire


def test_a_decimal_without_its_18_places_may_be_in_another_unit_and_is_refused():
    assert wire.dec("-5.123000000000000000") == Decimal("-5.123")
    for text in ("5.123", "5123000000000000000", "5", "1e3", "NaN", "", "+1.000000000000000000"):
        with pytest.raises(ValueError, match="18 places"):
            wire.dec(text)
    with pytest.raises(ValueError, match="negative"):
        wire.unsigned("-0.000000000000000001")


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1e3", "1_000", "\u0661", "9" * 19])
def test_a_whole_number_is_digits(text: str):
    with pytest.raises(ValueError, match="whole number"):
        wire.integer(text)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "\u0661", "9" * 61])
def test_an_amount_is_digits_too_but_may_be_longer(text: str):
    with pytest.raises(ValueError, match="amount"):
        wire.whole(text)
    assert wire.whole("9" * 60) == int("9" * 60)


def test_bytes_come_in_base64_or_in_hexadecimal():
    assert wire.hexadecimal("0xAB") == wire.hexadecimal("qw==") == "0xab"
    for text in ("0xzz", "*", "qw"):
        with pytest.raises(ValueError, match=r".+"):
            wire.hexadecimal(text)


def test_only_the_gateways_own_error_is_one():
    assert wire.gateway_error(b'{"code":5,"message":"no","details":[]}') == wire.GatewayError(5, "no")
    for body in (b"", b"{}", b'{"code":"5"}', b"<html>", b"[" * 100_000):
        assert wire.gateway_error(body) is None


@given(
    st.binary(min_size=32, max_size=32) | st.binary(min_size=30, max_size=30).map(lambda b: b"\xd3\x1f" + b)
)
def test_a_hash_whose_base64_begins_like_hexadecimal_is_read_as_what_it_is(raw: bytes):
    """One in 4,096: until then no fill of its block could be read, nor of any block after it."""
    assert wire.hexadecimal(b64encode(raw).decode()) == wire.hexadecimal(f"0x{raw.hex()}") == f"0x{raw.hex()}"
