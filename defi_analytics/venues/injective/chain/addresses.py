"""Accounts and subaccounts. Source: BIP-173; a subaccount is the account's 20 bytes and a 12-byte index."""

from defi_analytics.errors import ConfigError

_PREFIX = "inj"
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6
_BYTES = 20
_DEFAULT = "0" * 24
_LENGTH = len(_PREFIX) + 1 + 32 + _CHECKSUM
MOST_SUBACCOUNTS = 2**31


def account_bytes(address: str) -> bytes:
    """The 20 bytes of an `inj1…` address. Raises ConfigError, which does not repeat it."""
    prefix, _, data = address.partition("1")
    values = [_ALPHABET.find(char) for char in data]
    sound = prefix == _PREFIX and len(address) == _LENGTH and min(values) >= 0
    if not (sound and _polymod([*_expanded(prefix), *values]) == 1):
        raise ConfigError("not an Injective address: it starts with inj1 and its checksum must fit")
    number = 0
    for value in values[:-_CHECKSUM]:
        number = number << 5 | value
    return number.to_bytes(_BYTES, "big")


def subaccount_id(address: str, index: int) -> str:
    """All 66 characters in lower case: a grant compares them as text."""
    if not 0 <= index < MOST_SUBACCOUNTS:
        raise ConfigError(f"a subaccount's index is 0 to {MOST_SUBACCOUNTS - 1}, not {index}")
    return f"0x{account_bytes(address).hex()}{index:024x}"


def is_default(subaccount: str) -> bool:
    """Whether its money is the bank's; any other has what was deposited there, and nothing else."""
    return subaccount.endswith(_DEFAULT)


def _expanded(prefix: str) -> list[int]:
    return [*(ord(char) >> 5 for char in prefix), 0, *(ord(char) & 31 for char in prefix)]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check
