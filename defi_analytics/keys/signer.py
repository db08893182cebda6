"""A secp256k1 key that signs Injective's transactions and never shows itself."""

from types import TracebackType
from typing import NoReturn, Self

from defi_analytics.errors import AuthError, WrongState
from defi_analytics.keys.address import account_of, bech32
from defi_analytics.keys.libraries import keccak, library

KEY_BYTES = 32
_RS_BYTES = 64


def wipe(secret: bytearray) -> None:
    """Overwrites it. What a library copied into memory of its own stays until that is used again."""
    secret[:] = bytes(len(secret))


class KeySigner:
    """`ports.Signer` over a private key of 32 bytes, which it takes over and wipes when closed.

    The nonce is deterministic (RFC 6979 with SHA-256, as libsecp256k1 and so Injective's own node do it):
    the same document always gets the same signature. Raises AuthError for 32 bytes that are no key.
    """

    __slots__ = ("_secret", "address", "public_key")

    def __init__(self, secret: bytearray) -> None:
        self._secret = secret
        self.public_key = public_key_of(secret)
        """Compressed, 33 bytes."""
        self.address = bech32(account_of(self.public_key))

    def sign(self, document: bytes) -> bytes:
        """64 bytes r || s, s in the lower half, over the Keccak-256. Raises WrongState once closed."""
        if not any(self._secret):
            raise WrongState("the key was wiped: nothing can be signed with it any more")
        key = library("coincurve").PrivateKey(bytes(self._secret))
        signature: bytes = key.sign_recoverable(keccak(document), hasher=None)
        return signature[:_RS_BYTES]

    def close(self) -> None:
        wipe(self._secret)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"KeySigner({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key that signs is neither copied nor stored")


def public_key_of(secret: bytes | bytearray) -> bytes:
    """Compressed. Raises AuthError for what is no private key, without repeating it."""
    try:
        key: bytes = library("coincurve").PrivateKey(_whole(secret)).public_key.format(compressed=True)
    except ValueError:
        raise AuthError(
            "this is not a private key", hint="it has 64 hexadecimal digits, or 12 to 24 words"
        ) from None
    return key


def _whole(secret: bytes | bytearray) -> bytes:
    """The library would pad a shorter one with zeros."""
    if len(secret) != KEY_BYTES:
        raise ValueError("a private key has 32 bytes")
    return bytes(secret)
