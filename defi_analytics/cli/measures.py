"""Durations and sizes as people type them."""

import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

import typer

from defi_analytics.errors import UsageError

_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) ?([a-z]*)")
_UNITS_S = {
    "ms": ("ms", "millisecond", "milliseconds"),
    "s": ("s", "sec", "second", "seconds"),
    "m": ("m", "min", "minute", "minutes"),
    "h": ("h", "hour", "hours"),
    "d": ("d", "day", "days"),
}
_LENGTH_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SECONDS_OF = {word: _LENGTH_S[unit] for unit, words in _UNITS_S.items() for word in words}

_NOTIONAL = re.compile(
    r"(?P<whole>[0-9]{1,15}|[0-9]{1,3}(?P<mark>[,_'])[0-9]{3}(?:(?P=mark)[0-9]{3}){0,3})"
    r"(?P<places>\.[0-9]{1,12})?(?P<thousand>[kK])?(?P<gap> ?)(?P<quote>[A-Za-z]{2,10})?"
)
_THOUSAND = 1000
_FLOW = re.compile(r"(?P<asset>[A-Za-z0-9.]{1,20})=(?P<amount>[+-]?[0-9]{1,24}(?:\.[0-9]{1,18})?)")


def duration(least_s: float = 0.0, bare_s: float = 1.0) -> Callable[[str], float]:
    """A parser of an option's text into seconds, for `typer.Option(parser=…)`.

    A number without a unit counts `bare_s` seconds each. What is below `least_s`, or zero, is refused.
    """

    def parse(text: str) -> float:
        return seconds(text, least_s, bare_s)

    return parse


def seconds(text: str, least_s: float = 0.0, bare_s: float = 1.0) -> float:
    """The seconds of 90, 500ms, 2s, 5m, 8h or 1d. Raises typer.BadParameter, which names the option."""
    found = _DURATION.fullmatch(text.strip().lower())
    length_s = (_SECONDS_OF.get(found[2]) if found[2] else bare_s) if found else None
    if found is None or length_s is None:
        raise typer.BadParameter(f"{text!r} is not a duration such as 500ms, 2s, 5m, 8h or 1d")
    value = round(float(found[1]) * length_s, 9)
    if value <= 0 or value < least_s:
        least = f"at least {least_s:g} s" if least_s else "more than nothing"
        raise typer.BadParameter(f"{text!r} is too short: it must be {least}")
    return value


def number(least: float, most: float = math.inf) -> Callable[[str], float]:
    """A parser as `duration` makes them, of a finite number from `least` to `most`."""
    limits = f"at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
    return _finite(lambda value: least <= value <= most, limits)


def positive(text: str) -> float:
    """A finite number that is more than 0. Raises typer.BadParameter, which names the option."""
    return _finite(lambda value: value > 0, "more than 0")(text)


def _finite(fits: Callable[[float], bool], limits: str) -> Callable[[str], float]:

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise typer.BadParameter(f"{text!r} is not a number")
        if not fits(value):
            raise typer.BadParameter(f"{text!r} is out of range: it must be {limits}")
        return value

    return parse


class Sizes(NamedTuple):
    notionals: tuple[float, ...]
    quote: str
    """The one currency they are in; empty where none was named."""


def sizes(texts: Sequence[str]) -> Sizes:
    """Of 500USDT, 1,000 USDT, 1_000, 1kUSDT or 500. Raises UsageError, also for two currencies."""
    read = [_notional(text) for text in texts]
    quotes = sorted({quote for _, quote in read if quote})
    if len(quotes) > 1:
        raise UsageError(f"--size is given in {' and '.join(quotes)}", hint="use one currency in one scan")
    return Sizes(tuple(value for value, _ in read), "".join(quotes))


def flows(texts: Sequence[str]) -> list[tuple[str, Decimal]]:
    """Of USDT=250 or stINJ=-1.5. Raises UsageError, also for an asset that is named twice."""
    found = [_FLOW.fullmatch(text.strip()) for text in texts]
    for text, flow in zip(texts, found, strict=True):
        if flow is None:
            raise UsageError(
                f"--accept-flow {text!r} is not an asset and an amount such as USDT=250 or INJ=-1.5"
            )
    read = [(flow["asset"], Decimal(flow["amount"])) for flow in found if flow]
    if len({asset.casefold() for asset, _ in read}) < len(read):
        raise UsageError("--accept-flow names an asset twice")
    return read


def _notional(text: str) -> tuple[float, str]:
    found = _NOTIONAL.fullmatch(text.strip())
    if found is None:
        comma = re.search(r"[0-9],[0-9]", text)
        raise UsageError(
            f"--size {text!r} is not a notional such as 500USDT, 1,000 USDT or 1kUSDT",
            hint="a comma separates thousands, a point the decimals: 1,000.5" if comma else "",
        )
    number = re.sub(r"[^0-9]", "", found["whole"]) + (found["places"] or "")
    quote = found["quote"] or ""
    if _could_be_a_currency(found):
        k = found["thousand"]
        raise UsageError(
            f"--size {text!r} could be {number} {k}{quote} or {number} thousand {quote}",
            hint="put a space before the currency, or write the zeros",
        )
    value = float(number) * (_THOUSAND if found["thousand"] else 1)
    if value <= 0:
        raise UsageError(f"--size {text!r} must be more than nothing")
    return value, quote.upper()


def _could_be_a_currency(found: re.Match[str]) -> bool:
    """5KAVA and 5kava: the k may begin the currency. In 1kUSDT and 1K USDT it cannot."""
    if not found["thousand"] or not found["quote"] or found["gap"]:
        return False
    return not (found["thousand"] == "k" and found["quote"].isupper())
