"""Private keys as people write them: 64 hexadecimal digits, or the words of BIP-39.

Source: BIP-39 (words and checksum), BIP-32 (derivation), BIP-44 (the path m/44'/60'/0'/0/0 of Injective's
wallets). The official SDK checks nothing: there a mistyped word is silently another account.
"""

import hashlib
import hmac
import re
import unicodedata

from defi_analytics.errors import AuthError
from defi_analytics.keys.libraries import library
from defi_analytics.keys.signer import public_key_of

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HARDENED = 0x80000000
_PATH = (44 | _HARDENED, 60 | _HARDENED, 0 | _HARDENED, 0, 0)
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{64})")
_ROUNDS = 2048
_BITS_A_WORD = 11
_COUNTS = (12, 15, 18, 21, 24)


def private_key_of(text: str) -> bytearray:
    """Of a key in hexadecimal, or of a mnemonic. Raises AuthError, which repeats nothing of it."""
    if found := _HEX.fullmatch(text.strip()):
        secret = bytearray.fromhex(found[1])
        public_key_of(secret)
        return secret
    return derived(_checked(text))


def derived(phrase: str) -> bytearray:
    """The private key of a normalised phrase at m/44'/60'/0'/0/0."""
    seed = hashlib.pbkdf2_hmac("sha512", phrase.encode(), b"mnemonic", _ROUNDS)
    node = hmac.digest(b"Bitcoin seed", seed, "sha512")
    for index in _PATH:
        node = _child(node, index)
    return bytearray(node[:32])


def _child(node: bytes, index: int) -> bytes:
    """Key and chain code of a child. That a sum is zero or a half beyond the order has odds of 2**-127."""
    key, chain = node[:32], node[32:]
    data = b"\0" + key if index & _HARDENED else public_key_of(key)
    mixed = hmac.digest(chain, data + index.to_bytes(4, "big"), "sha512")
    scalar = (int.from_bytes(mixed[:32], "big") + int.from_bytes(key, "big")) % _ORDER
    return scalar.to_bytes(32, "big") + mixed[32:]


def _checked(text: str) -> str:
    """The phrase with single spaces. Raises AuthError when its words or its checksum are wrong."""
    words = unicodedata.normalize("NFKD", text).lower().split()
    if len(words) not in _COUNTS:
        raise AuthError(
            "this is neither a private key nor a mnemonic",
            hint="a key has 64 hexadecimal digits, a mnemonic 12, 15, 18, 21 or 24 words",
        )
    known = {word: index for index, word in enumerate(library("mnemonic").Mnemonic("english").wordlist)}
    if unknown := [place for place, word in enumerate(words, 1) if word not in known]:
        raise AuthError(f"word {unknown[0]} of the mnemonic is not one of BIP-39's English words")
    bits = "".join(f"{known[word]:0{_BITS_A_WORD}b}" for word in words)
    split = len(bits) * 32 // 33
    entropy = int(bits[:split], 2).to_bytes(split // 8, "big")
    checksum = f"{hashlib.sha256(entropy).digest()[0]:08b}"[: len(bits) - split]
    if bits[split:] != checksum:
        raise AuthError("the mnemonic's checksum does not fit", hint="a word is mistyped or out of place")
    return " ".join(words)
