"""Markets and answers in the chain's shape, small enough to read."""

import json
from decimal import Decimal
from typing import Any

from defi_analytics.domain.market import Market, MarketKind, OracleFeed

INJ_USDT_ID = "0xa508cb32923323679f29a032c70342c147c17d0145625922b0ef22e955c844c0"
USDT = "peggy0xdAC17F958D2ee523a2206206994597C13D831ec7"
WETH = "peggy0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
BTC_FEED = "0xe62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"
USDT_FEED = "0x2b89b9dc8fdf9f34709a5b106b472f0f39bb6ca9ce04b0fd7f2e971688e2e53b"
FEED = OracleFeed("Pyth", BTC_FEED, USDT_FEED)


def market_id(number: int) -> str:
    return f"0x{number:064x}"


def spot(**changes: Any) -> dict[str, Any]:
    row = {
        "ticker": "INJ/USDT",
        "base_denom": "inj",
        "quote_denom": USDT,
        "maker_fee_rate": "-0.000050000000000000",
        "taker_fee_rate": "0.000500000000000000",
        "market_id": INJ_USDT_ID,
        "status": "Active",
        "min_price_tick_size": "0.001000000000000000",
        "min_quantity_tick_size": "0.010000000000000000",
        "min_notional": "1.000000000000000000",
        "base_decimals": 18,
        "quote_decimals": 6,
    }
    return row | changes


def perp(**changes: Any) -> dict[str, Any]:
    row = {
        "ticker": "BTC/USDT PERP",
        "oracle_base": BTC_FEED,
        "oracle_quote": USDT_FEED,
        "oracle_type": "Pyth",
        "oracle_scale_factor": 0,
        "quote_denom": USDT,
        "market_id": market_id(7),
        "maker_fee_rate": "0.000100000000000000",
        "taker_fee_rate": "0.000500000000000000",
        "isPerpetual": True,
        "status": "Active",
        "min_price_tick_size": "1.000000000000000000",
        "min_quantity_tick_size": "0.000100000000000000",
        "min_notional": "1.000000000000000000",
        "quote_decimals": 6,
    }
    return row | changes


def tops(mid: str | None, buy: str | None, sell: str | None) -> dict[str, str | None]:
    return {"mid_price": mid, "best_buy_price": buy, "best_sell_price": sell}


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def book(bids: list[tuple[str, str]], asks: list[tuple[str, str]], **more: Any) -> bytes:
    sides = {
        "buys_price_level": [{"p": p, "q": q} for p, q in bids],
        "sells_price_level": [{"p": p, "q": q} for p, q in asks],
    }
    return body(sides | more)


def block(time: str = "2026-01-02T12:00:00.000000000Z") -> bytes:
    return body({"block": {"header": {"height": "150000000", "time": time, "chain_id": "injective-1"}}})


def market(
    kind: MarketKind = MarketKind.SPOT,
    base: str = "INJ",
    quote: str = "USDT",
    ticker: str = "INJ/USDT",
    number: int = 1,
    decimals: tuple[int, int] = (18, 6),
) -> Market:
    return Market(
        venue="injective",
        market_id=market_id(number),
        ticker=ticker,
        kind=kind,
        base=base,
        quote=quote,
        price_tick=Decimal("0.001"),
        quantity_tick=Decimal("0.001"),
        min_notional=Decimal(1),
        min_quantity=Decimal(0),
        maker_fee=Decimal("-0.00005"),
        taker_fee=Decimal("0.0005"),
        base_decimals=decimals[0],
        quote_decimals=decimals[1],
        oracle=None if kind is MarketKind.SPOT else FEED,
    )
