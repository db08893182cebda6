"""What holding a perpetual costs: longs pay shorts by a market's funding index, settled at the next fill."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

_DIGITS = 60
_PLACES = Decimal(1).scaleb(-18)


def paid(quantity: Decimal, since: Decimal | None, index: Decimal | None) -> Decimal:
    """Quote that a position (base, negative is short) owes between two indices, in quote per long base.

    Negative is received; zero where nothing was held or one of the indices was not told.
    Source: injective-core v1.17.2, modules/exchange/types/v2/position.go, ApplyFunding; LegacyDec rounds a
    product half to even at 18 places.
    """
    if not quantity or since is None or index is None:
        return Decimal(0)
    with localcontext(prec=_DIGITS, rounding=ROUND_HALF_EVEN):
        return (quantity * (index - since)).quantize(_PLACES)
