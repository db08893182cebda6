"""Decimals as the chain's protobuf messages carry them: LegacyDec, an integer string of 18 places.

Source: cosmossdk.io/math LegacyDec; in protobuf 5.123 is "5123000000000000000".
"""

import re
from decimal import ROUND_CEILING, Decimal, Inexact, InvalidOperation, localcontext

from defi_analytics.errors import ExecutionError

PLACES = 18
DIGITS = 60
"""More than a price times a quantity can have; the default context would round at 28."""
_INTEGER = re.compile(r"0|[1-9][0-9]{0,59}")


def to_dec(value: Decimal) -> str:
    """Exactly `value`, or an ExecutionError: nothing is ever rounded on the way to the chain."""
    with localcontext(prec=DIGITS) as context:
        context.traps[Inexact] = True
        try:
            shifted = value.scaleb(PLACES)
            whole = (
                int(shifted.to_integral_exact()) if value.is_finite() and shifted.adjusted() < DIGITS else -1
            )
        except (Inexact, InvalidOperation):
            whole = -1
    if whole < 0:
        raise ExecutionError(f"{value} has no exact form on the chain: nothing was signed")
    return str(whole)


def from_dec(text: str) -> Decimal:
    """Raises ValueError for anything but a plain non-negative integer."""
    if not _INTEGER.fullmatch(text):
        raise ValueError("not an integer of 18 places")
    with localcontext(prec=DIGITS):
        return Decimal(text).scaleb(-PLACES)


def margin(price: Decimal, quantity: Decimal, leverage: Decimal, places: int) -> Decimal:
    """Notional over leverage, rounded up to the quote's smallest unit: less would be refused.

    Raises ExecutionError for one that has no such form.
    """
    with localcontext(prec=DIGITS, rounding=ROUND_CEILING):
        try:
            return (price * quantity / leverage).quantize(Decimal(1).scaleb(-min(places, PLACES)))
        except InvalidOperation:
            raise ExecutionError(f"a margin for {quantity} at {price} has no exact form") from None
