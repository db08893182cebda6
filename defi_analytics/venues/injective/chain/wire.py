"""What the answers of the gateway and of CometBFT's RPC have in common.

Source: gogo JSONPb of the Cosmos SDK: proto names, 64-bit integers as text, bytes in base64, LegacyDec as
text of 18 places.
"""

import re
from base64 import b64decode
from decimal import Decimal

import msgspec

from defi_analytics.venues.injective.units import human

_INTEGER = re.compile(r"[0-9]{1,18}")
_DEC = re.compile(r"-?[0-9]{1,60}\.[0-9]{18}")
_LONGEST_AMOUNT = 60


class ChainAttribute(msgspec.Struct, gc=False):
    key: str = ""
    value: str | None = ""


class ChainEvent(msgspec.Struct, gc=False):
    type: str = ""
    attributes: list[ChainAttribute] | None = None


class GatewayError(msgspec.Struct, gc=False):
    """What the gateway says with any status but 2xx. Source: google.rpc.Status."""

    code: int
    message: str = ""


_ERROR = msgspec.json.Decoder(GatewayError)


def gateway_error(answer: bytes) -> GatewayError | None:
    """None for a body that is not the gateway's, such as that of a proxy before it."""
    try:
        return _ERROR.decode(answer)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def integer(text: str) -> int:
    """Raises ValueError."""
    if not (text.isascii() and _INTEGER.fullmatch(text)):
        raise ValueError("not a plain whole number")
    return int(text)


def dec(text: str) -> Decimal:
    """A LegacyDec in JSON, which always has its 18 places; without them it may be in another unit.

    Raises ValueError.
    """
    if not _DEC.fullmatch(text):
        raise ValueError("not a decimal of 18 places")
    return human(text, 0)


def unsigned(text: str) -> Decimal:
    """A price or quantity. Raises ValueError."""
    value = dec(text)
    if value < 0:
        raise ValueError("a negative price or quantity")
    return value


def hexadecimal(text: str) -> str:
    """Bytes in base64 or in hexadecimal, as 0x and lower-case digits. Raises ValueError.

    One hash in 4,096 begins with 0x in base64 too; there 20 or 32 bytes end with a padding.
    """
    if text.startswith("0x") and not text.endswith("="):
        return f"0x{bytes.fromhex(text[2:]).hex()}"
    return f"0x{b64decode(text, validate=True).hex()}"


def whole(text: str) -> int:
    """An amount in smallest units. Raises ValueError."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_AMOUNT):
        raise ValueError("not a plain amount")
    return int(text)
