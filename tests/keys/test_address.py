import pytest

from defi_analytics.keys.address import account_of, bech32


def test_an_account_is_the_end_of_the_public_keys_keccak():
    account = bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")
    key = bytes.fromhex("038318535b54105d4a7aae60c08fc45f9687181b4fdfc625bd1a753fa7397fed75")
    assert account_of(key) == account
    assert bech32(account) == "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"


def test_no_point_of_the_curve_has_no_account():
    with pytest.raises(ValueError, match="public key"):
        account_of(b"\x02" + b"\xff" * 32)
