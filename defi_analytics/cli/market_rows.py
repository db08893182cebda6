"""Markets, books, candles and funding rates as rows and columns."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from defi_analytics.cli.figures import decimal_text, time_text
from defi_analytics.cli.render import Column
from defi_analytics.cli.row import Row
from defi_analytics.cli.schemas import BookRow, CandleRow, FundingRow, LevelRow, MarketRow, WarningRow
from defi_analytics.cli.units import per_cent
from defi_analytics.domain.book import Candle, Levels, OrderBook, Top
from defi_analytics.domain.market import Market
from defi_analytics.domain.snapshot import Problem

LIST_COLUMNS: Sequence[Column[MarketRow]] = (
    Column("Market", lambda r: r.ticker),
    Column("Kind", lambda r: r.kind, spare=70),
    Column("Asset", lambda r: f"{r.base}/{r.quote}" if r.base else "not verified", spare=90),
    Column("Bid", lambda r: r.bid or "", number=True),
    Column("Ask", lambda r: r.ask or "", number=True),
    Column("Tick", lambda r: r.price_tick, number=True, spare=100),
    Column("Lot", lambda r: r.quantity_tick, number=True, spare=100),
    Column("Min notional", lambda r: r.min_notional, number=True, spare=120),
    Column("Taker bps", lambda r: f"{float(r.taker_fee) * 10_000:.1f}", number=True, spare=80),
    Column("Id", lambda r: r.market_id, spare=150),
)


class Line(Row, frozen=True, kw_only=True):
    """One level of a book, for the forms that are lines."""

    side: str
    price: str
    quantity: str
    cumulative: str


BOOK_COLUMNS: Sequence[Column[Line]] = (
    Column("Side", lambda r: r.side, style=lambda r: "green" if r.side == "bid" else "red"),
    Column("Price", lambda r: r.price, number=True),
    Column("Quantity", lambda r: r.quantity, number=True),
    Column("Cumulative", lambda r: r.cumulative, number=True),
)
CANDLE_COLUMNS: Sequence[Column[CandleRow]] = (
    Column("Open time", lambda r: f"{r.at:%Y-%m-%dT%H:%M}Z", exact=lambda r: time_text(r.at)),
    Column("Open", lambda r: r.open, number=True),
    Column("High", lambda r: r.high, number=True),
    Column("Low", lambda r: r.low, number=True),
    Column("Close", lambda r: r.close, number=True),
    Column("Volume", lambda r: r.volume, number=True),
)


FUNDING_COLUMNS: Sequence[Column[FundingRow]] = (
    Column("Hour ended", lambda r: f"{r.at:%Y-%m-%dT%H:%M}Z", exact=lambda r: time_text(r.at)),
    Column("Long pays bps", lambda r: f"{float(r.rate) * 10_000:.4f}", number=True),
    Column("Rate", lambda r: r.rate, number=True, spare=1),
)
_FRACTIONS = ("initial_margin_ratio", "maintenance_margin_ratio", "maker_fee", "taker_fee", "funding_hourly")
PEOPLE: Mapping[str, Callable[[str], str]] = dict.fromkeys(_FRACTIONS, per_cent)
"""What is a fraction for programs."""


def listing_order(market: Market) -> tuple[bool, str, str]:
    return (not market.verified, market.ticker.strip(), market.market_id)


def warning_rows(problems: Sequence[Problem]) -> list[WarningRow]:
    return [WarningRow(code=p.code, message=f"{p.source}: {p.message}", source=p.source) for p in problems]


def market_row(market: Market, top: Top | None, note: str = "") -> MarketRow:
    def price(value: float | None) -> str | None:
        return None if value is None else decimal_text(market.nearest_price(value))

    return MarketRow(
        venue=market.venue,
        market_id=market.market_id,
        ticker=market.ticker,
        kind=market.kind.value,
        status=market.status.value,
        base=market.base,
        quote=market.quote,
        base_denom=market.base_denom,
        quote_denom=market.quote_denom,
        base_decimals=market.base_decimals,
        quote_decimals=market.quote_decimals,
        initial_margin_ratio=decimal_text(market.initial_margin_ratio),
        maintenance_margin_ratio=decimal_text(market.maintenance_margin_ratio),
        price_tick=decimal_text(market.price_tick) or "",
        quantity_tick=decimal_text(market.quantity_tick) or "",
        min_notional=decimal_text(market.min_notional) or "",
        min_quantity=decimal_text(market.min_quantity) or "",
        maker_fee=decimal_text(market.maker_fee) or "",
        taker_fee=decimal_text(market.taker_fee) or "",
        bid=price(top.bid) if top else None,
        ask=price(top.ask) if top else None,
        mid=decimal_text(top.mid) if top else None,
        mark=decimal_text(top.mark) if top else None,
        funding_hourly=decimal_text(top.funding_hourly) if top else None,
        note=note,
    )


def book_row(market: Market, book: OrderBook, depth: int) -> BookRow:
    return BookRow(
        venue=market.venue,
        market_id=market.market_id,
        ticker=market.ticker,
        at=book.at,
        sequence=book.sequence,
        truncated=book.truncated or max(len(book.bids.prices), len(book.asks.prices)) > depth,
        bids=_level_rows(market, book.bids, depth),
        asks=_level_rows(market, book.asks, depth),
    )


def _level_rows(market: Market, side: Levels, depth: int) -> list[LevelRow]:
    rows, total = [], Decimal(0)
    for price, quantity in zip(side.prices[:depth], side.quantities[:depth], strict=True):
        exact = market.nearest_price(price), market.nearest_quantity(quantity)
        total += exact[0] * exact[1]
        rows.append(
            LevelRow(
                price=decimal_text(exact[0]) or "",
                quantity=decimal_text(exact[1]) or "",
                cumulative=decimal_text(total) or "",
            )
        )
    return rows


def book_lines(row: BookRow) -> list[Line]:
    """Asks from the dearest down, then bids: the two best prices meet in the middle."""
    sides = [("ask", level) for level in reversed(row.asks)] + [("bid", level) for level in row.bids]
    return [Line(side=s, price=v.price, quantity=v.quantity, cumulative=v.cumulative) for s, v in sides]


def candle_row(candle: Candle) -> CandleRow:
    return CandleRow(
        at=candle.at,
        open=decimal_text(candle.open) or "",
        high=decimal_text(candle.high) or "",
        low=decimal_text(candle.low) or "",
        close=decimal_text(candle.close) or "",
        volume=decimal_text(candle.volume) or "",
    )
