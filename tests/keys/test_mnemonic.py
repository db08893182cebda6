import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.errors import AuthError
from defi_analytics.keys.libraries import library
from defi_analytics.keys.mnemonic import private_key_of
from defi_analytics.keys.signer import KeySigner
from tests.shared_data import shared_json

PHRASE = "test test test test test test test test test test test junk"
HEX = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


def test_the_golden_mnemonic_gives_the_golden_address():
    golden = shared_json("samples/injective/golden/addresses.json")["vectors"][0]
    secret = private_key_of(golden["mnemonic"])
    assert secret.hex() == golden["private_key_hex"]
    assert KeySigner(secret).address == golden["inj"]


@pytest.mark.parametrize(
    "text",
    [PHRASE, f"  {PHRASE}\n", PHRASE.upper(), PHRASE.replace(" ", "\n"), PHRASE.replace(" ", "\u3000")],
)
def test_case_and_spaces_do_not_matter(text):
    assert private_key_of(text).hex() == HEX


@pytest.mark.parametrize("text", [HEX, f"0x{HEX}", f"0X{HEX.upper()}", f" {HEX}\n"])
def test_a_key_is_taken_in_every_usual_spelling(text):
    assert private_key_of(text).hex() == HEX


@settings(max_examples=10, deadline=None)
@given(st.sampled_from([16, 20, 24, 28, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n)))
def test_every_mnemonic_derives_the_key_that_another_implementation_derives(entropy):
    from bip32 import BIP32

    phrase = library("mnemonic").Mnemonic("english").to_mnemonic(entropy)
    seed = hashlib.pbkdf2_hmac("sha512", phrase.encode(), b"mnemonic", 2048)
    assert private_key_of(phrase) == BIP32.from_seed(seed).get_privkey_from_path("m/44'/60'/0'/0/0")


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=16, max_size=16), st.integers(0, 11), st.integers(0, 2047))
def test_a_changed_word_is_found_by_the_checksum_as_often_as_it_can_be(entropy, place, word):
    """The library's own check is the oracle: four bits of checksum let one change in sixteen pass."""
    own = library("mnemonic").Mnemonic("english")
    words = own.to_mnemonic(entropy).split()
    words[place] = own.wordlist[word]
    phrase = " ".join(words)
    if own.check(phrase):
        assert len(private_key_of(phrase)) == 32
    else:
        with pytest.raises(AuthError, match="checksum"):
            private_key_of(phrase)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "neither"),
        ("word word word", "neither"),
        (" ".join(["test"] * 13), "neither"),
        (HEX[:-1], "neither"),
        (f"{HEX}00", "neither"),
        ("00" * 32, "not a private key"),
        (PHRASE.replace("junk", "junq"), "word 12"),
        (PHRASE.replace("junk", "test"), "checksum"),
        (" ".join(["ñandú"] * 12), "word 1 "),
    ],
)
def test_what_is_no_key_is_refused_without_repeating_it(text, message):
    with pytest.raises(AuthError, match=message) as error:
        private_key_of(text)
    shown = error.value.message + error.value.hint
    assert not any(part in shown for part in ("junq", HEX[:12], "ñandú"))
