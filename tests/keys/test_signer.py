import copy
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.errors import AuthError, WrongState
from defi_analytics.keys.libraries import keccak
from defi_analytics.keys.mnemonic import private_key_of
from defi_analytics.keys.signer import KeySigner, public_key_of, wipe
from defi_analytics.ports import Signer
from tests.shared_data import shared_json

HEX = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Hardhat's first test key, published everywhere."""
ADDRESS = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
DOCUMENT = b"what is signed"


def signer(text=HEX):
    return KeySigner(private_key_of(text))


def verified(public_key, document, signature):
    """By the official SDK's own library, which shares no code with the one that signs."""
    from ecdsa import SECP256k1, VerifyingKey

    key = VerifyingKey.from_string(public_key, SECP256k1)
    return key.verify_digest(signature, keccak(document))


@pytest.mark.parametrize("number", [0, 1])
def test_golden_keys_have_their_golden_addresses(number):
    golden = shared_json("samples/injective/golden/addresses.json")["vectors"][number]
    made = signer(golden["private_key_hex"])
    assert made.address == golden["inj"]
    assert golden.get("compressed_pubkey_hex", made.public_key.hex()) == made.public_key.hex()


def test_a_golden_document_is_signed_so_that_others_can_verify_it():
    golden = shared_json("samples/injective/golden/signed_tx.json")
    document = bytes.fromhex(golden["sign_doc_hex"])
    made: Signer = signer()
    signature = made.sign(document)
    assert len(signature) == 64
    assert verified(made.public_key, document, signature)
    assert verified(made.public_key, document, bytes.fromhex(golden["signature_hex"]))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, ORDER - 1), st.binary(max_size=300))
def test_every_signature_verifies_and_has_its_low_half(scalar, document):
    with KeySigner(bytearray(scalar.to_bytes(32, "big"))) as made:
        signature = made.sign(document)
        assert made.sign(document) == signature, "the nonce is not deterministic"
        assert verified(made.public_key, document, signature)
        assert 0 < int.from_bytes(signature[32:], "big") <= ORDER // 2


def test_the_nonce_is_that_of_rfc_6979_as_ethereum_uses_it():
    """Compared with a second implementation, in plain Python."""
    from eth_keys.backends import NativeECCBackend
    from eth_keys.datatypes import PrivateKey

    other = PrivateKey(bytes.fromhex(HEX), NativeECCBackend()).sign_msg_hash(keccak(DOCUMENT))
    assert signer().sign(DOCUMENT) == other.to_bytes()[:64]


@pytest.mark.parametrize("scalar", [0, ORDER, 2**256 - 1])
def test_a_number_outside_of_the_curves_order_is_no_key(scalar):
    with pytest.raises(AuthError, match="not a private key"):
        KeySigner(bytearray(scalar.to_bytes(32, "big")))


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_key_of_another_length_is_no_key(length):
    with pytest.raises(AuthError) as error:
        public_key_of(b"\x11" * length)
    assert "11" not in str(error.value) + error.value.hint


def test_a_signer_shows_its_address_and_never_its_key():
    made = signer()
    raw = bytes.fromhex(HEX)
    shown = [repr(made), str(made), f"{made!r:>80}", f"{made}", str([made]), str({"signer": made})]
    assert all(ADDRESS in text for text in shown)
    assert not any(HEX in text or str(raw)[2:-1] in text for text in shown)
    assert not hasattr(made, "__dict__")


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_a_signer_is_neither_stored_nor_copied(copied):
    with pytest.raises(TypeError) as error:
        copied(signer())
    assert HEX not in str(error.value)


def test_a_closed_signer_has_forgotten_its_key_and_signs_no_more():
    secret = private_key_of(HEX)
    with KeySigner(secret) as made:
        assert made.sign(DOCUMENT)
    assert secret == bytes(32)
    with pytest.raises(WrongState, match="wiped"):
        made.sign(DOCUMENT)
    assert made.address == ADDRESS


def test_wiping_changes_the_bytes_themselves():
    secret = bytearray(b"secret")
    alias = secret
    wipe(secret)
    assert alias == bytes(6)
