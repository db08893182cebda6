"""Addresses and signatures of Injective's accounts: secp256k1 keys, Keccak-256, bech32.

Source: injective-core's crypto/ethsecp256k1. The libraries come with the official SDK, so they are loaded
at first use and only where the `injective` extra is installed.
"""

import importlib
from functools import cache
from typing import Any

_KEY_BYTES = 33
_SIGNATURE_BYTES = 64
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def keccak(data: bytes) -> bytes:
    digest: bytes = _library("sha3").keccak_256(data).digest()
    return digest


def address_of(public_key: bytes) -> str:
    """The bech32 account of a compressed public key. Raises ValueError when it is no point of the curve."""
    if len(public_key) != _KEY_BYTES:
        raise ValueError(f"a public key has {_KEY_BYTES} bytes")
    point = _library("coincurve").PublicKey(public_key).format(compressed=False)
    bech32 = _library("bech32")
    account: str = bech32.bech32_encode("inj", bech32.convertbits(keccak(point[1:])[12:], 8, 5))
    return account


def is_signature(public_key: bytes, document: bytes, signature: bytes) -> bool:
    """Whether these 64 bytes r || s, s in the lower half, sign the Keccak-256 of the document."""
    if len(signature) != _SIGNATURE_BYTES:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if s > _HALF_ORDER:
        return False
    coincurve = _library("coincurve")
    verified: bool = coincurve.PublicKey(public_key).verify(_der(r, s), keccak(document), hasher=None)
    return verified


def _der(r: int, s: int) -> bytes:
    """The encoding that the library verifies."""
    body = b"".join(_der_integer(value) for value in (r, s))
    return b"\x30" + bytes([len(body)]) + body


def _der_integer(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return b"\x02" + bytes([len(raw)]) + raw


@cache
def _library(name: str) -> Any:
    return importlib.import_module(name)
