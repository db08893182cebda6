"""A market as the chain's exchange v2 endpoints and as the indexer spell it, under one set of names.

Source: injective.exchange.v2 SpotMarket and DerivativeMarket; the indexer's SpotMarketInfo and
DerivativeMarketInfo, whose REST form is camelCase with decimals in chain format.
"""

import re
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

import msgspec

from defi_analytics.domain.market import Market, MarketKind, MarketStatus, OracleFeed
from defi_analytics.venues.injective.assets import Assets
from defi_analytics.venues.injective.units import HUMAN, ChainUnits, derivative_units, human, spot_units

VENUE = "injective"

Decimals = Annotated[int, msgspec.Meta(ge=0, le=30)]
Ticker = Annotated[str, msgspec.Meta(max_length=256)]
Denom = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

# Hundreds of markets share a few dozen ticks and fees.
_shared = lru_cache(maxsize=1_024)(human)
_MARKET_ID = re.compile(r"0x[0-9a-f]{64}")
INACTIVE = ("Paused", "ForcePaused", "Demolished", "Expired")
"""What lists are asked for besides "Active": each is of one status, and empty for one that is unknown.

Queries of a single market find no paused one. Source: injective-core, modules/exchange/keeper/grpc_query.go.
"""
_STATUSES = {
    "active": MarketStatus.ACTIVE,
    "paused": MarketStatus.PAUSED,
    "forcepaused": MarketStatus.PAUSED,
    "demolished": MarketStatus.CLOSED,
    "expired": MarketStatus.CLOSED,
}


class _ChainRow(msgspec.Struct, gc=False, kw_only=True):
    ticker: Ticker
    market_id: str
    status: str
    quote_denom: Denom
    quote_decimals: Decimals
    maker_fee_rate: str
    taker_fee_rate: str
    min_price_tick_size: str
    min_quantity_tick_size: str
    min_notional: str = "0"

    @property
    def units(self) -> ChainUnits:
        return HUMAN


class SpotRow(_ChainRow, gc=False, kw_only=True):
    base_denom: Denom
    base_decimals: Decimals


class DerivativeRow(_ChainRow, gc=False, kw_only=True):
    oracle_base: str
    oracle_quote: str
    oracle_type: str
    oracle_scale_factor: int = 0
    is_perpetual: bool = msgspec.field(name="isPerpetual")
    initial_margin_ratio: str | None = None
    maintenance_margin_ratio: str | None = None

    @property
    def scale_exponent(self) -> int:
        """Powers of ten by which the market's price exceeds its oracle's."""
        return self.oracle_scale_factor


class _Token(msgspec.Struct, gc=False):
    decimals: Decimals


class _IndexerRow(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    ticker: Ticker
    market_id: str
    status: str = msgspec.field(name="marketStatus")
    quote_denom: Denom
    quote_token: _Token = msgspec.field(name="quoteTokenMeta")
    maker_fee_rate: str
    taker_fee_rate: str
    min_price_tick_size: str
    min_quantity_tick_size: str
    min_notional: str = "0"

    @property
    def quote_decimals(self) -> int:
        return self.quote_token.decimals


class IndexerSpotRow(_IndexerRow, gc=False, kw_only=True, rename="camel"):
    base_denom: Denom
    base_token: _Token = msgspec.field(name="baseTokenMeta")

    @property
    def base_decimals(self) -> int:
        return self.base_token.decimals

    @property
    def units(self) -> ChainUnits:
        return spot_units(self.base_decimals, self.quote_decimals)


class IndexerDerivativeRow(_IndexerRow, gc=False, kw_only=True, rename="camel"):
    oracle_base: str
    oracle_quote: str
    oracle_type: str
    oracle_scale_factor: int = 0
    is_perpetual: bool
    initial_margin_ratio: str | None = None
    maintenance_margin_ratio: str | None = None

    @property
    def scale_exponent(self) -> int:
        """Powers of ten by which the market's price exceeds its oracle's, its units apart."""
        return self.oracle_scale_factor - self.quote_decimals

    @property
    def units(self) -> ChainUnits:
        return derivative_units(self.quote_decimals)


def spot_market(row: SpotRow | IndexerSpotRow, assets: Assets) -> Market:
    """Raises ValueError when the row's numbers are no market's."""
    identity = assets.spot(row.base_denom, row.quote_denom)
    return _market(row, MarketKind.SPOT, identity, base=(row.base_denom, row.base_decimals))


def derivative_market(row: DerivativeRow | IndexerDerivativeRow, assets: Assets) -> Market:
    """Raises ValueError when the row's numbers are no market's."""
    feed = OracleFeed(row.oracle_type, row.oracle_base, row.oracle_quote)
    identity = assets.derivative(row.market_id.lower(), feed, row.quote_denom, row.scale_exponent)
    kind = MarketKind.PERPETUAL if row.is_perpetual else MarketKind.FUTURE
    return _sane_margins(
        replace(
            _market(row, kind, identity),
            oracle=feed,
            initial_margin_ratio=_ratio(row.initial_margin_ratio),
            maintenance_margin_ratio=_ratio(row.maintenance_margin_ratio),
        )
    )


def market_status(text: str) -> MarketStatus:
    """From the chain's or the indexer's spelling. Raises ValueError for an unknown one."""
    try:
        return _STATUSES[text.lower().replace("_", "")]
    except KeyError:
        raise ValueError("unknown market status") from None


def _market(
    row: SpotRow | DerivativeRow | IndexerSpotRow | IndexerDerivativeRow,
    kind: MarketKind,
    identity: tuple[str, str],
    base: tuple[str, int] = ("", 0),
) -> Market:
    units = row.units
    return _sane(
        Market(
            venue=VENUE,
            market_id=row.market_id.lower(),
            ticker=row.ticker,
            kind=kind,
            base=identity[0],
            quote=identity[1],
            price_tick=_shared(row.min_price_tick_size, units.price),
            quantity_tick=_shared(row.min_quantity_tick_size, units.quantity),
            min_notional=_shared(row.min_notional, units.notional),
            min_quantity=Decimal(0),
            maker_fee=_shared(row.maker_fee_rate, 0),
            taker_fee=_shared(row.taker_fee_rate, 0),
            status=market_status(row.status),
            base_denom=base[0],
            quote_denom=row.quote_denom,
            base_decimals=base[1],
            quote_decimals=row.quote_decimals,
        )
    )


def _sane(market: Market) -> Market:
    if not _MARKET_ID.fullmatch(market.market_id):
        raise ValueError("a market id that is not 32 bytes in hexadecimal")
    if market.price_tick <= 0 or market.quantity_tick <= 0:
        raise ValueError("a tick size that is not positive")
    if market.min_notional < 0:
        raise ValueError("a negative minimum notional")
    if max(abs(market.maker_fee), abs(market.taker_fee)) >= 1:
        raise ValueError("a fee of the whole notional or more")
    return market


def _ratio(text: str | None) -> Decimal | None:
    return None if text is None else _shared(text, 0)


def _sane_margins(market: Market) -> Market:
    initial, maintenance = market.initial_margin_ratio, market.maintenance_margin_ratio
    if any(ratio is not None and not 0 < ratio < 1 for ratio in (initial, maintenance)):
        raise ValueError("a margin ratio that is no fraction of the notional")
    if initial is not None and maintenance is not None and initial < maintenance:
        raise ValueError("an initial margin below the maintenance margin")
    return market
