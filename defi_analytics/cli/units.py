"""A figure with its unit as a person says it; programs get the bare number and the unit beside it."""

from collections.abc import Callable, Mapping

from defi_analytics.cli.figures import ago, decimal_text

_COUNTED = frozenset({"trades", "positions", "orders", "blocks", "transactions"})
_CENT = 100


def labelled(name: str) -> str:
    """`price_tick` as a person reads it: Price tick."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def per_cent(fraction: str | None) -> str:
    return "" if fraction is None else f"{decimal_text(float(fraction) * _CENT, 6)} %"


def worded(value: str | None, unit: str, currency: str) -> str:
    """`value` is in `unit`, as the risk rules name it; `currency` is what the account is valued in."""
    if value is None:
        return ""
    said = _SAID.get(unit.partition(" of ")[0])
    if said is not None:
        return said(value)
    if unit == "account currency":
        return money(value, currency)
    plain = decimal_text(float(value), 8) or ""
    return plain if unit in _COUNTED else f"{plain} {unit}".strip()


def money(value: str, currency: str) -> str:
    """To the cent, which goes where there is none."""
    return f"{float(value):,.2f}".removesuffix(".00") + f" {currency}"


def _seconds(value: str) -> str:
    return ago(float(value)).replace(".0 ", " ")


def _times(value: str) -> str:
    return f"{decimal_text(float(value), 6)} times"


_SAID: Mapping[str, Callable[[str], str]] = {
    "fraction": per_cent,
    "s": _seconds,
    "times": _times,
    "notional per margin": _times,
}
