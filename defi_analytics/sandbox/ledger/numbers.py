"""The chain's arithmetic: decimals of 18 places, rounded half to even after each multiplication and division.

Source: cosmossdk.io/math, LegacyDec.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)
"""Wide enough for the product of any two of the chain's numbers; the ledger computes in no other."""
_UNIT = Decimal(1).scaleb(-18)


def times(a: Decimal, b: Decimal) -> Decimal:
    return EXACT.multiply(a, b).quantize(_UNIT, context=EXACT)


def over(a: Decimal, b: Decimal) -> Decimal:
    return EXACT.divide(a, b).quantize(_UNIT, context=EXACT)


def share(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    """`whole` * `part` / `of`, multiplied first as the chain does."""
    return over(times(whole, part), of)


def units(amount: Decimal, decimals: int) -> Decimal:
    """Human units in the chain's: exact, and perhaps not whole."""
    return amount.scaleb(decimals, EXACT)


def floor(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_FLOOR, EXACT))


def ceiling(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_CEILING, EXACT))


def positive(rate: Decimal) -> Decimal:
    return max(rate, Decimal(0))
