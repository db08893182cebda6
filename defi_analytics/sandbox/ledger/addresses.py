"""Accounts and subaccounts: Injective's bech32 addresses and the hexadecimal ids that contain them.

Source: BIP 173; injective-core, modules/exchange/types/common_utils.go (subaccounts from nonces).
"""

import re
from functools import lru_cache

from defi_analytics.sandbox.ledger.failed import Code, Sdk, failure

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_PREFIX = "inj"
_CHECKSUM = 6
_ADDRESS_BYTES = 20
_SHORT = 3
"""Ids of at most so many characters are a subaccount's index."""
_ID = re.compile(r"0x[0-9a-f]{64}")


def decoded(address: str) -> bytes:
    """An address's 20 bytes. Raises Failed when it is none of Injective's."""
    prefix, separator, data = address.rpartition("1")
    values = [_ALPHABET.find(letter) for letter in data]
    if prefix != _PREFIX or not separator or -1 in values or _polymod(_expanded() + values) != 1:
        raise failure(Sdk.INVALID_ADDRESS, address[:90])
    raw = _regrouped(values[:-_CHECKSUM], 5, 8)
    if raw is None or len(raw) != _ADDRESS_BYTES:
        raise failure(Sdk.INVALID_ADDRESS, address[:90])
    return bytes(raw)


def encoded(raw: bytes) -> str:
    values = _regrouped(list(raw), 8, 5, pad=True) or []
    checksum = _polymod(_expanded() + values + [0] * _CHECKSUM) ^ 1
    tail = [checksum >> 5 * (_CHECKSUM - 1 - n) & 31 for n in range(_CHECKSUM)]
    return f"{_PREFIX}1" + "".join(_ALPHABET[value] for value in values + tail)


@lru_cache(1_024)
def subaccount(address: str, index: int = 0) -> str:
    return f"0x{decoded(address).hex()}{index:024x}"


@lru_cache(1_024)
def owner(subaccount_id: str) -> str:
    """The address whose subaccount this is."""
    return encoded(bytes.fromhex(subaccount_id[2:42]))


def is_default(subaccount_id: str) -> bool:
    """Index 0: its money is the bank's."""
    return subaccount_id.endswith("0" * 24)


def subaccount_of(sender: str, text: str) -> str:
    """What a message means by a subaccount id: a full id of the sender's, or an index.

    Raises Failed when it is someone else's, or none.
    """
    if len(text) <= _SHORT:
        if text and not (text.isascii() and text.isdigit()):
            raise failure(Code.BAD_NONCE, text)
        return subaccount(sender, int(text or 0))
    found = canonical(text)
    if found[:42] != subaccount(sender)[:42]:
        raise failure(Code.BAD_SUBACCOUNT, text[:80])
    return found


def canonical(text: str) -> str:
    """A full id, anyone's. Raises Failed when it is none."""
    lowered = text.lower()
    prefixed = lowered if lowered.startswith("0x") else f"0x{lowered}"
    if not _ID.fullmatch(prefixed):
        raise failure(Code.BAD_SUBACCOUNT, text[:80])
    return prefixed


def _expanded() -> list[int]:
    return [*(ord(letter) >> 5 for letter in _PREFIX), 0, *(ord(letter) & 31 for letter in _PREFIX)]


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum


def _regrouped(values: list[int], width: int, new_width: int, *, pad: bool = False) -> list[int] | None:
    """None when bits are left over that a correct encoder would not leave."""
    bits = held = 0
    regrouped = []
    for value in values:
        held, bits = held << width | value, bits + width
        while bits >= new_width:
            bits -= new_width
            regrouped.append(held >> bits & ((1 << new_width) - 1))
        held &= (1 << bits) - 1
    if pad and bits:
        regrouped.append(held << (new_width - bits))
    return None if not pad and (held or bits >= width) else regrouped
