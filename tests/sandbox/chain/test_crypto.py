import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.sandbox.chain.crypto import address_of, is_signature
from tests.sandbox.chain.signing import Wallet, needs_sdk
from tests.shared_data import shared

pytestmark = needs_sdk

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def golden():
    found = json.loads(shared("samples/injective/golden/signed_tx.json").read_bytes())
    return bytes.fromhex(found["sign_doc_hex"]), bytes.fromhex(found["signature_hex"])


def test_a_signature_of_the_official_sdk_verifies_with_its_key_alone():
    document, signature = golden()
    key = Wallet().public_key
    assert is_signature(key, document, signature)
    assert not is_signature(key, document + b"\0", signature)
    assert not is_signature(Wallet("11" * 32).public_key, document, signature)


def test_addresses_are_the_official_sdks():
    assert address_of(Wallet().public_key) == "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"
    assert address_of(Wallet("11" * 32).public_key) == "inj1r8n7xah8cgfm0el8u3kvwzja6zrd4le2krtp7d"


@pytest.mark.parametrize("key", [b"", b"\2" * 32, b"\5" + b"\1" * 32])
def test_what_is_no_public_key_has_no_address(key):
    with pytest.raises(ValueError):  # noqa: PT011 -- the words are the library's
        address_of(key)


@given(st.binary(max_size=200))
def test_every_document_verifies_with_its_own_signature_in_the_low_form_alone(document):
    wallet = Wallet()
    signature = wallet.signature(document)
    assert is_signature(wallet.public_key, document, signature)
    high = signature[:32] + (ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    assert not is_signature(wallet.public_key, document, high)


@given(st.binary(min_size=60, max_size=66))
def test_arbitrary_bytes_are_never_a_signature_and_never_an_error(signature):
    assert not is_signature(Wallet().public_key, b"document", signature)


def test_numbers_beyond_the_order_are_no_signature():
    assert not is_signature(Wallet().public_key, b"document", b"\xff" * 32 + b"\1" * 32)
