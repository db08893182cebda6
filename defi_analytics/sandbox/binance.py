"""Binance's public spot API: books, tickers, rules and klines.

Source: the venue's REST documentation for /api/v3.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from defi_analytics.sandbox.candles import bars, on_grid
from defi_analytics.sandbox.gateway import json_response
from defi_analytics.sandbox.listings import BINANCE, Reference
from defi_analytics.sandbox.matching import Book
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.prices import Noise
from defi_analytics.sandbox.server import Request, Response

_INTERVALS_S = {
    **{f"{n}m": n * 60 for n in (1, 3, 5, 15, 30)},
    **{f"{n}h": n * 3600 for n in (1, 2, 4, 6, 8, 12)},
    "1d": 86_400,
    "1w": 604_800,
}


class _Bad(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def respond(request: Request, moment: Moment) -> Response:
    answer = _ANSWERS.get(request.path.removeprefix("/binance/api/v3/"))
    if answer is None or request.method != "GET":
        return Response(404, b"<html><body><h2>404 Not found</h2></body></html>", "text/html")
    try:
        found = json_response(answer(moment, request))
    except _Bad as bad:
        found = json_response({"code": bad.code, "msg": str(bad)}, 400)
    return found._replace(headers=(("x-mbx-used-weight-1m", "2"),))


def _tickers(moment: Moment, request: Request) -> Any:
    found = [_ticker(moment, reference) for reference in _wanted(request)]
    return found[0] if request.first("symbol") else found


def _ticker(moment: Moment, reference: Reference) -> dict[str, str]:
    bids, asks = _book(moment, reference)
    return {
        "symbol": reference.symbol,
        "bidPrice": _text(bids[0].price),
        "bidQty": _text(bids[0].quantity),
        "askPrice": _text(asks[0].price),
        "askQty": _text(asks[0].quantity),
    }


def _depth(moment: Moment, request: Request) -> Any:
    reference, limit = _one(request), _number(request, "limit", 100)
    bids, asks = _book(moment, reference)
    sides = [
        [[_text(order.price), _text(order.quantity)] for order in side[: max(1, limit)]]
        for side in (bids, asks)
    ]
    return {"lastUpdateId": 40_000_000_000 + moment.block, "bids": sides[0], "asks": sides[1]}


def _exchange_info(moment: Moment, request: Request) -> Any:
    return {
        "timezone": "UTC",
        "serverTime": _milliseconds(moment),
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}
        ],
        "exchangeFilters": [],
        "symbols": [_symbol(reference) for reference in _wanted(request)],
    }


def _symbol(reference: Reference) -> dict[str, Any]:
    tick, step = _text(reference.price_tick), _text(reference.quantity_step)
    return {
        "symbol": reference.symbol,
        "status": "TRADING",
        "baseAsset": reference.asset,
        "baseAssetPrecision": 8,
        "quoteAsset": reference.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "isSpotTradingAllowed": True,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": "1000000.00000000",
                "tickSize": tick,
            },
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000000.00000000", "stepSize": step},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
    }


def _klines(moment: Moment, request: Request) -> Any:
    reference, limit = _one(request), min(_number(request, "limit", 500), 1000)
    seconds = _INTERVALS_S.get(request.first("interval"))
    if seconds is None:
        raise _Bad(-1120, "Invalid interval.")
    span = _span_s(moment, request, seconds, limit)
    tick = float(reference.price_tick)

    def price(block: int) -> float:
        return on_grid(moment.world.reference_centre(reference, block), tick)

    return [
        [
            bar.open_s * 1000,
            *(f"{value:.8f}" for value in bar[1:]),
            (bar.open_s + seconds) * 1000 - 1,
            f"{bar.volume * bar.close:.8f}",
            int(bar.volume) % 900 + 1,
            f"{bar.volume / 2:.8f}",
            f"{bar.volume / 2 * bar.close:.8f}",
            "0",
        ]
        for bar in bars(moment, price, Noise(len(reference.symbol)), seconds, span)[:limit]
    ]


def _span_s(moment: Moment, request: Request, seconds: int, limit: int) -> tuple[float, float]:
    """The newest candles up to `endTime`, or the oldest from `startTime`; `limit` of them."""
    end_s = min(_number(request, "endTime", _milliseconds(moment)), _milliseconds(moment)) / 1000
    start_ms = _number(request, "startTime", 0)
    if start_ms:
        return start_ms / 1000, min(end_s, start_ms / 1000 + seconds * limit - 1)
    return (end_s // seconds - limit + 1) * seconds, end_s


def _ping(moment: Moment, request: Request) -> Any:
    return {}


def _time(moment: Moment, request: Request) -> Any:
    return {"serverTime": _milliseconds(moment)}


def _wanted(request: Request) -> list[Reference]:
    if request.first("symbol"):
        return [_one(request)]
    try:
        names = msgspec.json.decode(request.first("symbols") or "null", type=list[str] | None)
    except msgspec.DecodeError as error:
        raise _Bad(-1100, "Illegal characters found in parameter 'symbols'.") from error
    if names is None:
        return list(BINANCE.values())
    return [_known(name) for name in names]


def _one(request: Request) -> Reference:
    if not request.first("symbol"):
        raise _Bad(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    return _known(request.first("symbol"))


def _known(symbol: str) -> Reference:
    if symbol not in BINANCE:
        raise _Bad(-1121, "Invalid symbol.")
    return BINANCE[symbol]


def _number(request: Request, name: str, default: int) -> int:
    text = request.first(name) or str(default)
    if not text.isdecimal() or len(text) > 16:  # noqa: PLR2004 -- more digits than any time in milliseconds
        raise _Bad(-1100, f"Illegal characters found in parameter '{name}'.")
    return int(text)


def _book(moment: Moment, reference: Reference) -> Book:
    return moment.world.reference(reference, moment.block)


def _milliseconds(moment: Moment) -> int:
    return int(moment.at.timestamp() * 1000)


def _text(number: Decimal) -> str:
    return f"{number:.8f}"


_ANSWERS: dict[str, Callable[[Moment, Request], Any]] = {
    "ticker/bookTicker": _tickers,
    "depth": _depth,
    "exchangeInfo": _exchange_info,
    "klines": _klines,
    "ping": _ping,
    "time": _time,
}
