"""Accounts of a few balances and positions, on INJ/USDT and its perpetual, at 25 USDT an INJ."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import OpenOrder, OrderRequest
from defi_analytics.domain.portfolio import Balance, Portfolio, Position
from defi_analytics.risk.exposure import Account, Marks
from tests.builders import a_market
from tests.fakes import NOON

SPOT = a_market(base_denom="inj", quote_denom="usdt", market_id="spot")
PERP = a_market(kind=MarketKind.PERPETUAL, quote_denom="usdt", market_id="perp")
OTHER = a_market(quote="USDC", base_denom="inj", quote_denom="usdc", market_id="other")
ATOM = a_market(base="ATOM", base_denom="atom", quote_denom="usdt", market_id="atom")
MARKS = Marks({"INJ": 25.0, "ATOM": 10.0, "USDT": 1.0, "USDC": 0.5}, frozenset({"USDT", "USDC"}))
MARKETS = {m.key: m for m in (SPOT, PERP, OTHER, ATOM)}


def balance(denom: str, total: Any, asset: str | None = None, available: Any = None) -> Balance:
    name = denom.upper() if asset is None else asset
    return Balance(denom, name, Decimal(total if available is None else available), Decimal(total))


def position(quantity: Any, entry: Any = 25, margin: Any = 0, market=PERP) -> Position:
    return Position(market.key, Decimal(quantity), Decimal(entry), Decimal(margin))


def resting(market, side: Side, price: Any, quantity: Any, **more: Any) -> OpenOrder:
    kind = more.pop("kind", OrderKind.LIMIT)
    made = OpenOrder(market.key, "0xab", "", side, kind, Decimal(price), Decimal(quantity), Decimal(quantity))
    return replace(made, **more)


def request(
    market=SPOT, side: Side = Side.BUY, price: Any = 25, quantity: Any = 4, **more: Any
) -> OrderRequest:
    ticks, lots = market.ticks(Decimal(price)), market.lots(Decimal(quantity))
    name, kind = more.pop("name", "c1"), more.pop("kind", OrderKind.LIMIT)
    return OrderRequest(name, market, side, kind, ticks, lots, "oracle", **more)


def account(*parts: Any, marks: Marks = MARKS, markets=MARKETS, reserved=None, at=NOON) -> Account:
    """Of balances, positions and open orders in any order."""
    portfolio = Portfolio(
        "inj1",
        at,
        7,
        {p.denom: p for p in parts if isinstance(p, Balance)},
        {p.key: p for p in parts if isinstance(p, Position)},
        tuple(p for p in parts if isinstance(p, OpenOrder)),
    )
    return Account(portfolio, markets, marks, reserved or {})
