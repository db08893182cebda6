"""Lists of markets: the chain's exchange v2 answers with tops of book, and the indexer's without.

Source: injective.exchange.v2.Query SpotMarkets, FullSpotMarkets, DerivativeMarkets and their one-market
twins through the gRPC gateway: proto names, enums as text, 64-bit integers as text, decimals as text of 18
places. The indexer: GET /api/exchange/{spot,derivative}/v1/markets.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import msgspec

from defi_analytics.domain.book import Top, checked_top
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.snapshot import Listing
from defi_analytics.domain.text import safe
from defi_analytics.errors import Malformed
from defi_analytics.venues.injective.assets import Assets
from defi_analytics.venues.injective.market_rows import (
    VENUE,
    DerivativeRow,
    IndexerDerivativeRow,
    IndexerSpotRow,
    SpotRow,
    derivative_market,
    spot_market,
)
from defi_analytics.venues.injective.units import price_or_none
from defi_analytics.venues.wire import UNREADABLE, Listed, listing, reading

MAX_MARKETS = 10_000


class _Best(msgspec.Struct, gc=False):
    mid_price: str | None = None
    best_buy_price: str | None = None
    best_sell_price: str | None = None


class _FullSpot(msgspec.Struct, gc=False):
    market: SpotRow
    mid_price_and_tob: _Best | None = None


class _FullDerivative(msgspec.Struct, gc=False):
    market: DerivativeRow
    mark_price: str | None = None
    mid_price_and_tob: _Best | None = None


class _Answer(msgspec.Struct, gc=False):
    """A list or, where one market was asked for, that one."""

    markets: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MAX_MARKETS)] | None = None
    market: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Nested(msgspec.Struct, gc=False):
    market: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Named(msgspec.Struct, gc=False):
    ticker: str = "?"
    market_id: str = "?"


_ANSWER = msgspec.json.Decoder(_Answer)
_NESTED = msgspec.json.Decoder(_Nested)
_NAMED = msgspec.json.Decoder(_Named)
_SPOT = msgspec.json.Decoder(SpotRow)
_FULL_SPOT = msgspec.json.Decoder(_FullSpot)
_FULL_DERIVATIVE = msgspec.json.Decoder(_FullDerivative)
_INDEXER_SPOT = msgspec.json.Decoder(IndexerSpotRow)
_INDEXER_DERIVATIVE = msgspec.json.Decoder(IndexerDerivativeRow)


def parse_spot_markets(source: str, body: bytes, assets: Assets, at: datetime) -> Listing:
    """Spot markets with or without their tops; one that makes no sense is dropped with a problem naming it.

    Raises Malformed when the answer is no list of markets, or when not one of them makes sense.
    """

    def read(row: msgspec.Raw) -> Listed:
        full = _FULL_SPOT.decode(row) if _NESTED.decode(row).market else _FullSpot(_SPOT.decode(row))
        market = spot_market(full.market, assets)
        return Listed(market, _top(market, at, full.mid_price_and_tob))

    return _parse(source, body, read)


def parse_derivative_markets(source: str, body: bytes, assets: Assets, at: datetime) -> Listing:
    """Perpetuals and futures with mark prices and tops; drops and raises as `parse_spot_markets`."""

    def read(row: msgspec.Raw) -> Listed:
        full = _FULL_DERIVATIVE.decode(row)
        market = derivative_market(full.market, assets)
        return Listed(market, _top(market, at, full.mid_price_and_tob, full.mark_price))

    return _parse(source, body, read)


def parse_indexer_markets(source: str, body: bytes, assets: Assets, kind: MarketKind) -> Listing:
    """Spot or, for any other kind, derivative markets, without tops; drops and raises as above.

    The decimals are those of the indexer's token list, which calls some tokens' decimals 0: where the chain
    answers, believe the chain.
    """

    def read(row: msgspec.Raw) -> Listed:
        if kind is MarketKind.SPOT:
            return Listed(spot_market(_INDEXER_SPOT.decode(row), assets), None)
        return Listed(derivative_market(_INDEXER_DERIVATIVE.decode(row), assets), None)

    return _parse(source, body, read)


def _parse(source: str, body: bytes, read: Callable[[msgspec.Raw], Listed]) -> Listing:
    with reading(source, "markets"):
        answer = _ANSWER.decode(body)
    if answer.markets is not None:
        rows = answer.markets
    elif answer.market:
        rows = [answer.market]
    else:
        raise Malformed(source, "an answer without markets")

    def read_named(row: msgspec.Raw) -> Listed:
        try:
            return read(row)
        except UNREADABLE as error:
            raise ValueError(f"market {_name(row)}: {error}") from error

    return replace(listing(source, rows, read_named), venue=VENUE)


def _name(row: msgspec.Raw) -> str:
    try:
        named = _NAMED.decode(_NESTED.decode(row).market or row)
    except UNREADABLE:
        return "?"
    return f"{safe(named.market_id, 66)} ({safe(named.ticker)})"


def _top(market: Market, at: datetime, best: _Best | None, mark: str | None = None) -> Top | None:
    best = best or _Best()
    top = Top(
        key=market.key,
        at=at,
        bid=price_or_none(best.best_buy_price),
        ask=price_or_none(best.best_sell_price),
        mid=price_or_none(best.mid_price),
        mark=price_or_none(mark),
    )
    if top.bid is top.ask is top.mid is top.mark is None:
        return None
    return checked_top(top)
