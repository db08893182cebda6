"""Chain format to human units, exactly.

The exchange v2 endpoints of the chain speak human units; v1beta1 and the whole indexer speak chain format:
spot price = human * 10^(quote - base decimals), spot quantity = human * 10^base decimals; a derivative's
price and any notional = human * 10^quote decimals, a derivative's quantity is human already.
Source: api.injective.exchange, "Market and Limit Order Minimum Quantities and Price Ticks".
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from defi_analytics.domain.market import Market, MarketKind

# 60 digits hold the largest number of the chain, 2^196; an exponent is never part of these formats.
_PLAIN = re.compile(r"-?[0-9]{1,60}(?:\.[0-9]{1,36})?")


class ChainUnits(NamedTuple):
    """Powers of ten from a wire format to human units."""

    price: int
    quantity: int
    notional: int


HUMAN = ChainUnits(0, 0, 0)


def spot_units(base_decimals: int, quote_decimals: int) -> ChainUnits:
    return ChainUnits(base_decimals - quote_decimals, -base_decimals, -quote_decimals)


def derivative_units(quote_decimals: int) -> ChainUnits:
    return ChainUnits(-quote_decimals, 0, -quote_decimals)


def chain_units(market: Market) -> ChainUnits:
    if market.kind is MarketKind.SPOT:
        return spot_units(market.base_decimals, market.quote_decimals)
    return derivative_units(market.quote_decimals)


def human(text: str, exponent: int) -> Decimal:
    """The plain decimal in `text` times 10^`exponent`: exact, without trailing zeros behind the point.

    Raises ValueError for anything that is not a plain signed decimal, however long.
    """
    if not _PLAIN.fullmatch(text):
        raise ValueError("not a plain decimal number")
    plain = text
    if exponent:
        sign, digits, own = Decimal(text).as_tuple()
        plain = f"{Decimal((sign, digits, int(own) + exponent)):f}"
    return Decimal(plain.rstrip("0").rstrip(".") if "." in plain else plain)


def scaled(numbers: Sequence[float], exponent: int) -> tuple[float, ...]:
    """Times 10^`exponent` in one rounding: up to 10^22 powers of ten are exact, so dividing beats 1e-n."""
    if exponent < 0:
        power = 10.0**-exponent
        return tuple([number / power for number in numbers])
    power = 10.0**exponent
    return tuple([number * power for number in numbers])


def price_or_none(text: str | None) -> float | None:
    """None where there is no price, which protobuf prints as null, leaves out, or prints as zero."""
    if text is None:
        return None
    if not _PLAIN.fullmatch(text):
        raise ValueError("not a plain decimal number")
    return float(text) or None
