"""Whether the exchange takes market orders at all: after it stood still, for some blocks, it does not.

Until that height an order that would trade at once is refused, and no stop is triggered. Source:
injective.exchange.v2 Query QueryExchangeParams; injective-core, modules/exchange/keeper/params.go.
"""

from typing import Annotated

import msgspec

from defi_analytics.venues.wire import reading

PATH = "exchange/exchangeParams"


class _Params(msgspec.Struct, gc=False):
    post_only_mode_height_threshold: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}\Z")] = "0"


class _Answer(msgspec.Struct, gc=False):
    params: _Params


_ANSWER = msgspec.json.Decoder(_Answer)


def parse_post_only_until(source: str, body: bytes) -> int:
    """The first height at which everything is taken again; 0 where that was never otherwise.

    Raises Malformed.
    """
    with reading(source, "exchange parameters"):
        return int(_ANSWER.decode(body).params.post_only_mode_height_threshold)
