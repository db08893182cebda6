"""What every answer of OKX is wrapped in.

An error arrives with HTTP 200: the envelope's `code` is then not "0".
Source: https://www.okx.com/docs-v5/en/#error-code
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from defi_analytics.errors import Malformed, RateLimited, Unavailable, UnknownMarket
from defi_analytics.venues import wire

RATE_LIMITED, UNKNOWN_INSTRUMENT = "50011", "51001"
BUSY = frozenset({"50001", "50004", "50013", "50026"})
RATE_WINDOW_S = 2.0  # in which public requests are counted


class _Envelope(msgspec.Struct, gc=False):
    code: Annotated[str, msgspec.Meta(max_length=8)]
    data: list[msgspec.Raw]


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def rows_of(venue: str, body: bytes, what: str) -> Sequence[msgspec.Raw]:
    """The rows inside, unread. Raises Malformed, RateLimited, UnknownMarket, Unavailable."""
    with wire.reading(venue, what):
        envelope = _ENVELOPE.decode(body)
    code = envelope.code
    if code == "0":
        return envelope.data
    if code == RATE_LIMITED:
        raise RateLimited(venue, f"{what}: too many requests", retry_after_s=RATE_WINDOW_S)
    if code == UNKNOWN_INSTRUMENT:
        raise UnknownMarket(venue, f"{what}: no such instrument")
    if code in BUSY:
        raise Unavailable(venue, f"{what}: the venue is busy (code {code})")
    raise Malformed(venue, f"{what}: refused with code {code!r}")
