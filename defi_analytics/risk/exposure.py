"""What the account holds, in account currency: Decimals of the venue in, floats for the rules out.

Everything is taken at its worse: open orders count as filled on the side that exposes more, at the higher of
their limit and the mark. What has no mark is NaN, and NaN refuses.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import OpenOrder, OrderRequest
from defi_analytics.domain.portfolio import Portfolio


@dataclass(frozen=True, slots=True)
class Marks:
    """Account currency per unit of a verified asset; quote currencies have theirs too."""

    assets: Mapping[str, float]
    cash: frozenset[str]
    """Quote currencies: held without being an exposure."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the venue says, on which markets, and what it is worth."""

    portfolio: Portfolio
    markets: Mapping[MarketKey, Market]
    """Of the home venue."""
    marks: Marks
    reserved: Mapping[str, Decimal] = field(default_factory=dict)
    """By asset: kept for gas or for other reasons, and not to be traded; counts as equity alone."""
    apart: Mapping[str, Decimal] = field(default_factory=dict)
    """By asset: what of that does not even count as equity."""
    foreign: frozenset[str] = frozenset()
    """Hashes of open orders that another client placed: exposure, but they keep nobody from an exit."""


class LineKey(NamedTuple):
    """Where an asset is held: as spot inventory (one line, whatever it trades against), or a perpetual."""

    asset: str
    perpetual: MarketKey | None


class Line(NamedTuple):
    """Account currency."""

    held: float = 0.0
    """Negative is short."""
    buys: float = 0.0
    """Pending."""
    sells: float = 0.0

    @property
    def long(self) -> float:
        return self.held + self.buys

    @property
    def short(self) -> float:
        return self.held - self.sells

    @property
    def worst(self) -> float:
        """Gross, on the worse side."""
        # `max` may hide a NaN behind a number.
        return math.nan if math.isnan(self.long + self.short) else max(abs(self.long), abs(self.short))


class MarketLots(NamedTuple):
    position: int = 0
    buys: int = 0
    """Pending; left out are protective stops, which never exceed the position, and what others placed."""
    sells: int = 0


@dataclass(frozen=True, slots=True)
class Exposures:
    lines: Mapping[LineKey, Line]
    lots: Mapping[MarketKey, MarketLots]

    @property
    def total(self) -> float:
        return math.fsum(line.worst for line in self.lines.values())

    @property
    def active(self) -> int:
        """Lines with something held or pending."""
        return sum(line != Line() for line in self.lines.values())

    def of_market(self, market: Market) -> float:
        return self.lines.get(line_key(market), Line()).worst

    def of_asset(self, asset: str) -> tuple[float, float]:
        """Net of all lines: with every pending buy filled, and with every pending sale."""
        lines = [line for key, line in self.lines.items() if key.asset == asset]
        return math.fsum(line.long for line in lines), math.fsum(line.short for line in lines)


def line_key(market: Market) -> LineKey:
    return LineKey(market.base, None if market.kind is MarketKind.SPOT else market.key)


def equity(account: Account) -> float:
    """Verified balances, margins and unrealised profit. A denom nobody vouches for is worth nothing."""
    assets = account.marks.assets
    values = [
        float(balance.total) * assets.get(balance.asset, math.nan)
        for balance in account.portfolio.balances.values()
        if balance.asset and balance.total
    ]
    for position in account.portfolio.positions.values():
        market = account.markets.get(position.key)
        base, quote = _prices(account, market)
        profit = float(position.quantity) * (base - float(position.entry_price) * quote)
        values.append(float(position.margin) * quote + profit)
    values += [-float(own) * assets.get(asset, math.nan) for asset, own in account.apart.items() if own]
    return math.fsum(values)


def unpriced(account: Account) -> tuple[str, ...]:
    """The assets that keep `equity` from being a number."""
    assets = account.marks.assets
    balances = account.portfolio.balances.values()
    held = [balance.asset for balance in balances if balance.asset and balance.total]
    for position in account.portfolio.positions.values():
        market = account.markets.get(position.key)
        held += [market.base, market.quote] if market else [position.key.market_id]
    held += [asset for asset, own in account.apart.items() if own]
    return tuple(a for a in dict.fromkeys(held) if not math.isfinite(assets.get(a, math.nan)))


def exposures(account: Account) -> Exposures:
    """Inventory, positions and open orders."""
    lines: dict[LineKey, Line] = {}
    for asset, quantity in inventory(account).items():
        held = float(quantity) * account.marks.assets.get(asset, math.nan)
        lines[LineKey(asset, None)] = Line(held)
    lots = _spot_lots(account)
    for position in account.portfolio.positions.values():
        market = account.markets.get(position.key)
        base, _ = _prices(account, market)
        key = LineKey(market.base, market.key) if market else LineKey("", position.key)
        lines[key] = Line(float(position.quantity) * base)
        lots[position.key] = MarketLots(_whole(position.quantity, market))
    found = Exposures(lines, lots)
    for order in account.portfolio.open_orders:
        found = _with_open(found, account, order)
    return found


def inventory(account: Account) -> dict[str, Decimal]:
    """Base assets held beyond what is reserved, by asset."""
    held: dict[str, Decimal] = {}
    for balance in account.portfolio.balances.values():
        if balance.asset and balance.asset not in account.marks.cash:
            held[balance.asset] = held.get(balance.asset, Decimal(0)) + balance.total
    free = {a: quantity - account.reserved.get(a, Decimal(0)) for a, quantity in held.items()}
    return {asset: quantity for asset, quantity in free.items() if quantity > 0}


def with_requests(found: Exposures, account: Account, requests: Iterable[OrderRequest]) -> Exposures:
    """The same once these orders are pending too."""
    for request in requests:
        stop = request.kind is OrderKind.STOP
        lots = 0 if stop else request.lots
        amount = 0.0 if _closes(request.market, reduce_only=request.reduce_only) else worth(account, request)
        found = _pending(found, request.market, request.side, lots, amount)
    return found


def worth(account: Account, request: OrderRequest) -> float:
    """The notional at the higher of its price and the mark, in account currency."""
    base, quote = _prices(account, request.market)
    return float(request.quantity) * _higher(float(request.price) * quote, base)


def _with_open(found: Exposures, account: Account, order: OpenOrder) -> Exposures:
    market = account.markets.get(order.key)
    if market is None:
        key = LineKey("", order.key)
        return replace(found, lines={**found.lines, key: Line(math.nan)})
    apart = order.kind is OrderKind.STOP or order.order_hash in account.foreign
    lots = 0 if apart else abs(_whole(order.remaining, market))
    base, quote = _prices(account, market)
    amount = float(order.remaining) * _higher(float(order.price) * quote, base)
    closes = _closes(market, reduce_only=order.reduce_only)
    return _pending(found, market, order.side, lots, 0.0 if closes else amount)


def _closes(market: Market, *, reduce_only: bool) -> bool:
    """On perpetuals the chain itself sees to it that a reduce-only order adds nothing."""
    return reduce_only and market.kind is not MarketKind.SPOT


def _pending(found: Exposures, market: Market, side: Side, lots: int, amount: float) -> Exposures:
    key = line_key(market)
    line, count = found.lines.get(key, Line()), found.lots.get(market.key, MarketLots())
    if side is Side.BUY:
        line, count = line._replace(buys=line.buys + amount), count._replace(buys=count.buys + lots)
    else:
        line, count = line._replace(sells=line.sells + amount), count._replace(sells=count.sells + lots)
    return Exposures({**found.lines, key: line}, {**found.lots, market.key: count})


def _spot_lots(account: Account) -> dict[MarketKey, MarketLots]:
    held = inventory(account)
    return {
        market.key: MarketLots(_whole(held[market.base], market))
        for market in account.markets.values()
        if market.kind is MarketKind.SPOT and market.base in held
    }


def _whole(quantity: Decimal, market: Market | None) -> int:
    """Whole lots, rounded towards zero; none where the grid is not known."""
    return market.whole_lots(quantity) if market else 0


def _prices(account: Account, market: Market | None) -> tuple[float, float]:
    """Of base and quote."""
    if market is None or not market.verified:
        return math.nan, math.nan
    assets = account.marks.assets
    return assets.get(market.base, math.nan), assets.get(market.quote, math.nan)


def _higher(price: float, mark: float) -> float:
    return math.nan if math.isnan(price) or math.isnan(mark) else max(price, mark)
