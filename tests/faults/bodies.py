"""Good JSON made bad: in its syntax, its numbers, its strings, its books, times and sequences."""

import json
import random
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

MOST_BYTES = 2_000_000
NUMERIC = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
LABEL = re.compile(r"ticker|symbol|name|coin|pair|asset|description|display|message|universe", re.IGNORECASE)
TIME = re.compile(r"^(t|T|ts|date|updated\w*)$|time|date$|At$")
SEQUENCE = re.compile(r"sequence|^seq$|nonce|lastUpdateId|height", re.IGNORECASE)
MARKET = re.compile(r"market_?id|^market$|^coin$|^symbol$|product_?id|ticker$", re.IGNORECASE)
PRICE = re.compile(r"price|^px$|^p$", re.IGNORECASE)
QUANTITY = re.compile(r"quantity|^size$|^sz$|^q$|amount", re.IGNORECASE)
BUYS = ("buys", "bids", "b")
SELLS = ("sells", "asks", "a")


class Raw(NamedTuple):
    """A JSON token, as it will be sent."""

    text: str


Leaf = Callable[[str, Any], Any]


def walk(value: Any, leaf: Leaf, key: str = "") -> Any:
    """`value` with every scalar replaced; `leaf` also gets the name it hangs under."""
    if isinstance(value, dict):
        return {name: walk(item, leaf, name) for name, item in value.items()}
    if isinstance(value, list):
        return [walk(item, leaf, key) for item in value]
    return leaf(key, value)


def dump(value: Any) -> str:
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{dump(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value)


def is_number(value: Any) -> bool:
    if isinstance(value, str):
        return NUMERIC.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


# What every number becomes. A number that was a string stays one.
NUMBERS: dict[str, str] = {
    "num_nan": "NaN",
    "num_inf": "Infinity",
    "num_minus_inf": "-Infinity",
    "num_negative": "-1",
    "num_zero": "0",
    "num_exponent": "1e1000000",
    "num_overflow": "1e999",
    "num_underflow": "1e-999",
    "num_long": "9" * 100_000,
    "num_precise": "0." + "1" * 4_000,
    "num_hex": "0x10",
    "num_underscore": "1_000",
    "num_comma": "1,5",
    "num_arabic": "١٢٣",
    "num_empty": "",
    "num_null": "null",
}
# What every label ends in.
STRINGS: dict[str, str] = {
    "str_clear_screen": "\x1b[2J\x1b[H",
    "str_clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "str_c1": "\x9b31m",
    "str_nul": "\x00",
    "str_newline": "\nerror: all is well\r",
    "str_bidi": "\u202eTDSU\u2066",
    "str_zero_width": "\u200b\ufeff",
    "str_surrogate": "\ud800",
    "str_markup_close": "[/]",
    "str_markup_open": "[bold red]",
    "str_html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "str_formula": "=cmd|'/c calc'!A1",
    "str_format": "%s%n{0.__class__}${jndi:x}",
    "str_path": "/../../etc/passwd",
    "str_homoglyph": "\u0391\u0412\uff21",
    "str_long": "A" * 100_000,
}


def numbers(value: Any, text: str) -> Any:
    left = max(1, MOST_BYTES // (len(text) + 1))

    def leaf(key: str, old: Any) -> Any:
        nonlocal left
        if not is_number(old) or left == 0:
            return old
        left -= 1
        # An empty or non-ASCII token is not JSON at all, so those only ever appear as strings.
        quoted = (isinstance(old, str) and text != "null") or not text.isascii() or not text
        return text if quoted else Raw(text)

    return walk(value, leaf)


def strings(value: Any, text: str) -> Any:
    left = max(1, MOST_BYTES // len(text))

    def leaf(key: str, old: Any) -> Any:
        nonlocal left
        if not (isinstance(old, str) and LABEL.search(key)) or is_number(old) or left == 0:
            return old
        left -= 1
        return old + text

    return walk(value, leaf)


def keyed(value: Any, key: re.Pattern[str], new: Callable[[Any], Any]) -> Any:
    return walk(value, lambda name, old: new(old) if key.search(name) else old)


def like(old: Any, number: Decimal | int) -> Any:
    """`number` in the form that `old` had."""
    if isinstance(old, str) or not isinstance(old, int | float):
        return f"{number:f}" if isinstance(number, Decimal) else str(number)
    return Raw(f"{number:f}" if isinstance(number, Decimal) else str(number))


def times(value: Any, new: Callable[[Decimal], Decimal | int]) -> Any:
    def shifted(old: Any) -> Any:
        if is_number(old):
            return like(old, new(Decimal(str(old))))
        return "1999-01-01T00:00:00Z" if isinstance(old, str) and old[:2] == "20" else old

    return keyed(value, TIME, shifted)


def scaled(value: Any, factor: Decimal) -> Any:
    return keyed(value, PRICE, lambda old: like(old, Decimal(str(old)) * factor) if is_number(old) else old)


def sides(value: Any, change: Callable[[list[Any], list[Any]], tuple[list[Any], list[Any]]]) -> Any:
    """Both sides of every book in `value`: two named lists, or a list of two lists of levels."""
    if isinstance(value, dict):
        value = {name: sides(item, change) for name, item in value.items()}
        for buys, sells in zip(BUYS, SELLS, strict=True):
            if isinstance(value.get(buys), list) and isinstance(value.get(sells), list):
                value[buys], value[sells] = change(value[buys], value[sells])
        return value
    if isinstance(value, list):
        if len(value) == 2 and all(
            isinstance(side, list) and side and not is_number(side[0]) for side in value
        ):
            return list(change(*value))
        return [sides(item, change) for item in value]
    return value


BOOKS: dict[str, Callable[[Any], Any]] = {
    "book_crossed": lambda value: sides(value, lambda buys, sells: (sells, buys)),
    "book_unsorted": lambda value: sides(value, lambda buys, sells: (buys[::-1], sells[::-1])),
    "book_empty": lambda value: sides(value, lambda buys, sells: ([], [])),
    "book_one_sided": lambda value: sides(value, lambda buys, sells: (buys, [])),
    "book_repeated": lambda value: sides(value, lambda buys, sells: (buys[:1] * 3, sells[:1] * 3)),
    "book_huge": lambda value: sides(value, lambda buys, sells: (buys[:1] * 6_000, sells[:1] * 6_000)),
    "book_other_market": lambda value: keyed(
        value, MARKET, lambda old: old[::-1] if isinstance(old, str) else old
    ),
    "time_old": lambda value: times(value, lambda time: time / 2),
    "time_ahead": lambda value: times(value, lambda time: time * 2),
    "time_units": lambda value: times(value, lambda time: time * 1000),
    "sequence_back": lambda value: keyed(
        value, SEQUENCE, lambda old: like(old, 0) if is_number(old) else old
    ),
    "scale_up": lambda value: scaled(value, Decimal(10) ** 12),
    "scale_down": lambda value: scaled(value, Decimal(10) ** -12),
}
SYNTAX: dict[str, Callable[[bytes], bytes]] = {
    "json_empty": lambda good: b"",
    "json_half": lambda good: good[: len(good) // 2],
    "json_html": lambda good: b"<!DOCTYPE html><html><body><h1>It works!</h1></body></html>",
    "json_bom": lambda good: b"\xef\xbb\xbf" + good,
    "json_trailing": lambda good: good + b"}]",
    "json_two": lambda good: good + b"\n" + good,
    "json_deep": lambda good: b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "json_null": lambda good: b"null",
    "json_list": lambda good: b"[]",
    "json_object": lambda good: b"{}",
    "json_string": lambda good: b'"\\ud800"',
    "json_bytes": lambda good: good.replace(b'"', b"\xff\xfe", 3),
    "json_error": lambda good: b'{"code":5,"message":"not now","details":[]}',
}
JSON_KINDS = tuple(SYNTAX)
NUMBER_KINDS = tuple(NUMBERS)
STRING_KINDS = tuple(STRINGS)
BOOK_KINDS = tuple(BOOKS)
BODY_KINDS = JSON_KINDS + NUMBER_KINDS + STRING_KINDS + BOOK_KINDS


def broken(kind: str, good: bytes, chance: random.Random) -> bytes:
    """The body of a BODY_KINDS answer."""
    if kind in SYNTAX:
        return SYNTAX[kind](good)
    value = json.loads(good)
    if kind in NUMBERS:
        value = numbers(value, NUMBERS[kind])
    elif kind in STRINGS:
        value = strings(value, STRINGS[kind])
    else:
        value = BOOKS[kind](value)
    return dump(value).encode()
