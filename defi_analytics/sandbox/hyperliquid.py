"""Hyperliquid's info endpoint: perpetuals quoted in USDC.

Source: POST /info as the venue's own Python client and API descriptions use it.
"""

import functools
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from defi_analytics.sandbox.candles import bars
from defi_analytics.sandbox.gateway import json_response
from defi_analytics.sandbox.listings import HYPERLIQUID, Reference
from defi_analytics.sandbox.matching import Book, Order
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.prices import Noise
from defi_analytics.sandbox.server import Request, Response

_DELISTED = "MATIC"
"""The venue keeps delisted names in its universe, without prices."""
_UNITS_S = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
_BAD_BODY = Response(422, b"Failed to deserialize the JSON body into the target type", "text/plain")


def respond(request: Request, moment: Moment) -> Response:
    try:
        body = msgspec.json.decode(request.body)
        answer = _ANSWERS[body["type"]] if request.method == "POST" else None
        return json_response(answer(moment, body)) if answer else Response(405)
    except (*_UNREADABLE, msgspec.DecodeError):
        return _BAD_BODY


def _meta(moment: Moment, body: dict[str, Any]) -> dict[str, Any]:
    universe: list[dict[str, Any]] = [
        {"szDecimals": -_exponent(reference.quantity_step), "name": name, "maxLeverage": 20}
        for name, reference in HYPERLIQUID.items()
    ]
    return {
        "universe": [*universe, {"szDecimals": 1, "name": _DELISTED, "maxLeverage": 20, "isDelisted": True}]
    }


def _meta_and_contexts(moment: Moment, body: dict[str, Any]) -> list[Any]:
    contexts = [_context(moment, reference) for reference in HYPERLIQUID.values()]
    return [_meta(moment, body), [*contexts, _NO_CONTEXT]]


def _context(moment: Moment, reference: Reference) -> dict[str, Any]:
    book = _book(moment, reference)
    mid = _middle(book)
    oracle = _figures(moment.world.prices.fair(reference.asset, moment.block) / moment.world.prices.usdc)
    return {
        "funding": f"{_funding(moment, reference, 0):.10f}".rstrip("0"),
        "openInterest": _text(sum((order.quantity for order in book.bids), Decimal(0)) * 40),
        "prevDayPx": _text(_figures(moment.world.reference_centre(reference, moment.block - 132_923))),
        "dayNtlVlm": "9786543.21",
        "premium": _text((mid / oracle - 1).quantize(Decimal("1e-8"))),
        "oraclePx": _text(oracle),
        "markPx": _text(mid),
        "midPx": _text(mid),
        "impactPxs": [_text(book.bids[1].price), _text(book.asks[1].price)],
        "dayBaseVlm": _text(Decimal("9786543.21") // oracle),
    }


_NO_CONTEXT = {
    "funding": "0.0",
    "openInterest": "0.0",
    "prevDayPx": "0.37",
    "dayNtlVlm": "0.0",
    "premium": None,
    "oraclePx": "0.37621",
    "markPx": "0.37621",
    "midPx": None,
    "impactPxs": None,
    "dayBaseVlm": "0.0",
}


def _all_mids(moment: Moment, body: dict[str, Any]) -> dict[str, str]:
    mids = {name: _text(_middle(_book(moment, reference))) for name, reference in HYPERLIQUID.items()}
    return {**mids, "@107": "23.415"}


def _l2_book(moment: Moment, body: dict[str, Any]) -> dict[str, Any] | None:
    name = body["coin"]
    if name not in HYPERLIQUID and name != _DELISTED:
        return None
    book = _book(moment, HYPERLIQUID[name]) if name in HYPERLIQUID else Book()
    sides = [[_level(order) for order in side] for side in book]
    return {"coin": name, "time": int(moment.at.timestamp() * 1000), "levels": sides}


def _candles(moment: Moment, body: dict[str, Any]) -> list[dict[str, Any]]:
    wanted = body["req"]
    reference = HYPERLIQUID[wanted["coin"]]
    interval = re.fullmatch(r"([1-9]\d?)([mhdw])", wanted["interval"])
    if interval is None:
        raise ValueError(wanted["interval"])
    seconds = int(interval[1]) * _UNITS_S[interval[2]]
    span = (wanted["startTime"] / 1000, wanted.get("endTime", moment.at.timestamp() * 1000) / 1000)
    price = functools.partial(moment.world.reference_centre, reference)
    return [
        {
            "t": bar.open_s * 1000,
            "T": (bar.open_s + seconds) * 1000 - 1,
            "s": wanted["coin"],
            "i": wanted["interval"],
            **{name[0]: _text(_figures(getattr(bar, name))) for name in ("open", "high", "low", "close")},
            "v": f"{bar.volume:.1f}",
            "n": int(bar.volume) % 900 + 1,
        }
        for bar in bars(moment, price, Noise(len(reference.symbol)), seconds, span)
    ]


def _funding_history(moment: Moment, body: dict[str, Any]) -> list[dict[str, Any]]:
    reference = HYPERLIQUID[body["coin"]]
    hour = int(moment.at.timestamp()) // 3600
    first = max(-(-int(body["startTime"]) // 3_600_000), hour - 499)
    last = min(hour, int(body.get("endTime", hour * 3_600_000)) // 3_600_000)
    return [
        {
            "coin": body["coin"],
            "fundingRate": f"{_funding(moment, reference, hour - at):.10f}",
            "premium": f"{_funding(moment, reference, hour - at) * 8:.10f}",
            "time": at * 3_600_000 + 76,
        }
        for at in range(first, last + 1)
    ]


def _funding(moment: Moment, reference: Reference, hours_ago: int) -> float:
    """What longs pay shorts in an hour, as a fraction of notional."""
    hour = int(moment.block * 0.65 // 3600) - hours_ago
    return Noise(moment.world.seed * 31 + len(reference.symbol)).fork(hour).between(0, -1e-5, 5e-5)


def _book(moment: Moment, reference: Reference) -> Book:
    return moment.world.reference(reference, moment.block)


def _middle(book: Book) -> Decimal:
    return (book.bids[0].price + book.asks[0].price) / 2


def _level(order: Order) -> dict[str, Any]:
    return {"px": _text(order.price), "sz": _text(order.quantity), "n": 1 + int(order.quantity) % 5}


def _figures(price: float) -> Decimal:
    return Decimal(f"{price:.5g}")


def _exponent(step: Decimal) -> int:
    exponent = step.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _text(number: Decimal) -> str:
    """Without trailing zeros, but never without a decimal point."""
    text = f"{number.normalize():f}"
    return text if "." in text else f"{text}.0"


_ANSWERS: dict[str, Callable[[Moment, dict[str, Any]], Any]] = {
    "meta": _meta,
    "metaAndAssetCtxs": _meta_and_contexts,
    "allMids": _all_mids,
    "l2Book": _l2_book,
    "candleSnapshot": _candles,
    "fundingHistory": _funding_history,
}
