"""Small valid values to vary in tests."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from defi_analytics.domain.book import Levels, OrderBook, Top, checked_book
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.prediction import Prediction, PredictionKind, Topic
from defi_analytics.domain.quote import Quote, Rate
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.limits import Limits, Scope
from tests.fakes import NOON

LOOSE = Limits(min_edge=0.0, gas_inj=0.0)
MARGINS = {"initial_margin_ratio": Decimal("0.1"), "maintenance_margin_ratio": Decimal("0.05")}
"""Of a perpetual."""


def a_market(venue: str = "injective", base: str = "INJ", quote: str = "USDT", **changes: Any) -> Market:
    market = Market(
        venue=venue,
        market_id=f"{base}/{quote}",
        ticker=f"{base}/{quote}",
        kind=MarketKind.SPOT,
        base=base,
        quote=quote,
        price_tick=Decimal("0.001"),
        quantity_tick=Decimal("0.001"),
        min_notional=Decimal(1),
        min_quantity=Decimal(0),
        maker_fee=Decimal(0),
        taker_fee=Decimal("0.001"),
    )
    derivative = changes.get("kind", MarketKind.SPOT) is not MarketKind.SPOT
    return replace(market, **(MARGINS if derivative else {}), **changes)


def levels(*pairs: tuple[float, float]) -> Levels:
    return Levels(tuple(float(p) for p, _ in pairs), tuple(float(q) for _, q in pairs))


def a_book(
    market: Market,
    bids: Sequence[tuple[float, float]],
    asks: Sequence[tuple[float, float]],
    at: datetime = NOON,
) -> OrderBook:
    return checked_book(market.key, levels(*bids), levels(*asks), at)


def a_top(market: Market, bid: float | None, ask: float | None, at: datetime = NOON, **more: Any) -> Top:
    mid = (bid + ask) / 2 if bid and ask else None
    return Top(market.key, at, bid, ask, more.pop("mid", mid), **more)


def a_snapshot(books: Sequence[tuple[Market, OrderBook]] = (), **more: Any) -> Snapshot:
    """A snapshot at noon with these books and, unless given, tops that agree with them."""
    tops = {
        market.key: a_top(
            market,
            book.bids.prices[0] if book.bids.prices else None,
            book.asks.prices[0] if book.asks.prices else None,
        )
        for market, book in books
    }
    return Snapshot(
        time=more.pop("time", NOON),
        network="sandbox",
        markets={m.key: m for m, _ in books} | more.pop("markets", {}),
        tops=tops | more.pop("tops", {}),
        books={m.key: b for m, b in books},
        **more,
    )


def a_scope(markets: Sequence[Market], *against: str, kinds: Sequence[EdgeKind] = tuple(EdgeKind)) -> Scope:
    keys: frozenset[MarketKey] = frozenset(m.key for m in markets)
    return Scope("injective", keys, frozenset(kinds), against)


def a_rate(
    base: str = "USDC", quote: str = "USDT", bid: float = 1.0, ask: float = 1.0, at: datetime = NOON
) -> Rate:
    return Rate(base, quote, bid, ask, "binance", at)


def a_quote(base: str = "INJ", price: float = 25.0, at: datetime = NOON, **changes: Any) -> Quote:
    return replace(Quote("pyth", base, "USD", price, at), **changes)


def a_topic(asset: str = "INJ", kind: PredictionKind = PredictionKind.PRICE, **changes: Any) -> Topic:
    return replace(Topic("testnet", 7, f"{asset} in an hour", asset, kind, 3600, 60), **changes)


def a_prediction(price: float | None = 25.0, topic: Topic | None = None, **changes: Any) -> Prediction:
    """An hour's forecast from half an hour ago, whose workers agree to the cent."""
    made = Prediction(
        source="allora",
        topic=topic or a_topic(),
        value=Decimal(repr(price or 0.0)),
        base_time=NOON - timedelta(minutes=30),
        target_time=NOON + timedelta(minutes=30),
        usable_at=NOON,
        predicted_price=price,
        dispersion=0.01,
    )
    return replace(made, **changes)
