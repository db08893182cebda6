"""The account of a key. Source: injective-core crypto/ethsecp256k1 (Keccak-256, as Ethereum); BIP-173."""

from defi_analytics.keys.libraries import keccak, library

PREFIX = "inj"
_ACCOUNT_BYTES = 20


def account_of(public_key: bytes) -> bytes:
    """The 20 bytes of a compressed public key. Raises ValueError when it is no point of the curve."""
    point: bytes = library("coincurve").PublicKey(public_key).format(compressed=False)
    return keccak(point[1:])[-_ACCOUNT_BYTES:]


def bech32(account: bytes) -> str:
    """`inj1…` of an account's 20 bytes."""
    own = library("bech32")
    text: str = own.bech32_encode(PREFIX, own.convertbits(account, 8, 5))
    return text
