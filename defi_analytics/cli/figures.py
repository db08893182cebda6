"""Numbers as text: exact for programs, short and with their unit for people."""

from datetime import datetime
from decimal import Decimal

_BPS = 10_000
_MINUTE_S = 60


def decimal_text(value: float | Decimal | None, digits: int = 12) -> str | None:
    """A plain decimal string, no exponent, at most `digits` significant digits of a float."""
    if value is None:
        return None
    exact = value if isinstance(value, Decimal) else Decimal(f"{value:.{digits}g}")
    text = format(exact, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def bps(fraction: str | None) -> str:
    return "" if fraction is None else f"{float(fraction) * _BPS:.1f}"


def amount(text: str | None, places: int = 2) -> str:
    return "" if text is None else f"{float(text):,.{places}f}"


def short(text: str | None) -> str:
    """Eight significant digits: what a person can compare."""
    return "" if text is None else decimal_text(float(text), 8) or ""


def ago(seconds: float) -> str:
    """A duration as a person says it, its unit always with it."""
    if seconds < _MINUTE_S * 2:
        return f"{seconds:.1f} s"
    if seconds < _MINUTE_S * 120:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{seconds / _MINUTE_S / 60:.1f} h"


def time_text(at: datetime) -> str:
    """RFC 3339 with every digit, as JSON has it."""
    return at.isoformat().replace("+00:00", "Z")
