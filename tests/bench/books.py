"""From the bytes of an order book to one that can be walked, against `json.loads` of the same bytes.

The limit holds where a level is an object of strings with more to it than is needed. Where it is two bare
numbers, or most of it is digits, `json.loads` has next to nothing to do while the numbers still have to be
made and checked: those formats are told for information.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.venues import binance, hyperliquid, okx
from defi_analytics.venues.injective import books
from tests.bench.timing import ROUNDS, Figure, paired, timed

AT = datetime(2026, 1, 2, tzinfo=UTC)
REPEAT = 200
LEVELS = 1_000
LIMIT = 0.8
LIMITED = {"Injective indexer", "Hyperliquid"}


def figures() -> Iterator[Figure]:
    for depth in (100, 200):
        for name, body, parse in _formats(depth):
            assert len(parse().bids.prices) == depth
            ratio = paired(timed(parse, REPEAT), timed(partial(json.loads, body), REPEAT), 2 * ROUNDS)
            limit, note = (LIMIT, "") if name in LIMITED else (None, "no limit, for information: ")
            title = f"{name}: book of 2 x {depth} levels / json.loads of its bytes"
            yield Figure(title, ratio, limit, f"{note}{len(body)} bytes")


def _formats(depth: int) -> Iterator[tuple[str, bytes, Callable[[], object]]]:
    market = Market(
        "x",
        "1",
        "ETH/USDT",
        MarketKind.SPOT,
        "ETH",
        "USDT",
        *[Decimal("0.01")] * 6,
        base_decimals=18,
        quote_decimals=6,
    )
    lcd, indexer = _injective(depth)
    yield "Injective LCD", lcd, partial(books.parse_order_book, "x", lcd, market, AT, LEVELS)
    yield (
        "Injective indexer",
        indexer,
        partial(books.parse_indexer_order_book, "x", indexer, market, AT, LEVELS),
    )
    bids, asks = _sides(depth, "{:.8f}".format, "{:.8f}".format)
    body = _bytes({"lastUpdateId": 1, "bids": bids, "asks": asks})
    yield "Binance", body, partial(binance.parse_order_book, body, market.key, AT)
    # The real one has twenty levels at most; the decoder does not mind.
    levels = [[{"px": _short(p), "sz": _short(q), "n": 3} for p, q in side] for side in (bids, asks)]
    body = _bytes({"coin": "ETH", "time": 1_785_000_000_000, "levels": levels})
    yield "Hyperliquid", body, partial(hyperliquid.parse_order_book, body, MarketKey("hyperliquid", "ETH"))
    rows = [[[_short(p), _short(q), "0", "4"] for p, q in side] for side in (bids, asks)]
    book = {"asks": rows[1], "bids": rows[0], "ts": "1785000000000", "seqId": 5}
    body = _bytes({"code": "0", "msg": "", "data": [book]})
    yield "OKX", body, partial(okx.parse_order_book, body, market.key, Decimal(1))


def _injective(depth: int) -> tuple[bytes, bytes]:
    bids, asks = _sides(depth, "{:.18f}".format, "{:.18f}".format)
    named = [[{"p": p, "q": q} for p, q in side] for side in (bids, asks)]
    lcd = {"buys_price_level": named[0], "sells_price_level": named[1], "seq": "123456"}
    bids, asks = _sides(depth, lambda p: f"{p.scaleb(-12):.18f}", lambda q: f"{q.scaleb(18):.0f}")
    rows = [
        [{"price": p, "quantity": q, "timestamp": 1_785_000_000_000} for p, q in side]
        for side in (bids, asks)
    ]
    told = {"sequence": 5, "timestamp": 1_785_000_000_000, "buys": rows[0], "sells": rows[1]}
    return _bytes(lcd), _bytes({"orderbook": told})


def _sides(
    depth: int, price: Callable[[Decimal], str], quantity: Callable[[Decimal], str]
) -> list[list[list[str]]]:
    """Prices on a tick of a cent around 2500, quantities with three to five digits behind the point."""
    mid = Decimal(2_500)
    return [
        [
            [price(mid + sign * n * Decimal("0.01")), quantity(Decimal(7 * n * n + 13) / 1_000)]
            for n in range(1, depth + 1)
        ]
        for sign in (-1, 1)
    ]


def _bytes(answer: object) -> bytes:
    """Compact, as every one of these services writes."""
    return json.dumps(answer, separators=(",", ":")).encode()


def _short(number: str) -> str:
    return number.rstrip("0").rstrip(".")
