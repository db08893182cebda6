"""From what a snapshot says to what the rules of risk see of a market."""

import math
from collections.abc import Sequence
from dataclasses import replace

from defi_analytics.domain.market import Market, MarketKind, MarketStatus
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.quote import Quote
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.views import grid_of
from defi_analytics.mispricing.rates import STABLE, find_rate, mid
from defi_analytics.risk.codes import MarketState
from defi_analytics.risk.exposure import Marks
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.views import MarketFacts

_STATES = {
    MarketStatus.ACTIVE: MarketState.ACTIVE,
    MarketStatus.PAUSED: MarketState.PAUSED,
    MarketStatus.CLOSED: MarketState.CLOSED,
    MarketStatus.POST_ONLY: MarketState.POST_ONLY,
    MarketStatus.UNKNOWN: MarketState.UNKNOWN,
}


def market_facts(snapshot: Snapshot, market: Market, marks: Marks) -> MarketFacts:
    """Prices in ticks, ages in seconds at the snapshot's time; NaN for what is not known."""
    book, quote = snapshot.books.get(market.key), _freshest(snapshot, market)
    tick = float(market.price_tick)
    bid = book.bids.prices[0] if book and book.bids.prices else math.nan
    ask = book.asks.prices[0] if book and book.asks.prices else math.nan
    return MarketFacts(
        grid=grid_of(market),
        status=_STATES[market.status],
        bid=bid / tick,
        ask=ask / tick,
        mid=(bid + ask) / 2 / tick,
        oracle=oracle_price(snapshot, market) / tick,
        has_oracle=quote is not None or market.base in snapshot.published or market.oracle is not None,
        book_age_s=(snapshot.time - book.at).total_seconds() if book else math.nan,
        oracle_age_s=(snapshot.time - quote.at).total_seconds() if quote else math.nan,
        prediction_age_s=_prediction_age_s(snapshot, market),
        quote_rate=marks.assets.get(market.quote, math.nan),
        maintenance_margin=maintenance_margin(market),
    )


def maintenance_margin(market: Market) -> float:
    """A fraction of notional; 0 on spot, and NaN where nobody told it.

    Nothing stands in for one that is not known: no distance to a liquidation follows from it, and so no
    order that opens is allowed there.
    """
    if market.kind is MarketKind.SPOT:
        return 0.0
    ratio = market.maintenance_margin_ratio
    return math.nan if ratio is None else float(ratio)


def cash_of(markets: Sequence[Market], currency: str) -> frozenset[str]:
    """What orders are paid with and nobody trades: the account's currency, and what is as good as it.

    Any other quote is an asset like those that are traded: it has a price that moves, and what the account
    had of it before is its owner's.
    """
    return frozenset({market.quote for market in markets if market.quote in STABLE} | {currency})


def marks_of(snapshot: Snapshot, markets: Sequence[Market], currency: str) -> Marks:
    """What each asset of these markets is worth in the account's currency.

    An asset that an oracle prices is marked by it, any other by the middle of its book or of its best prices.
    What nobody prices is left out.
    """
    cash = cash_of(markets, currency)
    assets = {quote: rate for quote in cash if (rate := _worth(snapshot, quote, currency)) is not None}
    for quote in reversed(snapshot.quotes):
        rate = _worth(snapshot, quote.quote, currency)
        if rate is not None and quote.base not in cash and 0 < quote.price < math.inf:
            assets[quote.base] = quote.price * rate
    for market in markets:
        price, rate = _middle(snapshot, market), assets.get(market.quote)
        if market.base not in assets and price is not None and rate is not None:
            assets[market.base] = price * rate
    return Marks(assets, cash)


def _middle(snapshot: Snapshot, market: Market) -> float | None:
    """Of the book, or where it was not read of the best prices; None without both sides."""
    book, top = snapshot.books.get(market.key), snapshot.tops.get(market.key)
    if book is not None:
        return book.mid
    if top is None or top.bid is None or top.ask is None or not 0.0 < top.bid <= top.ask < math.inf:
        return None
    return 0.5 * (top.bid + top.ask)


def largest_notional(snapshot: Snapshot, market: Market, currency: str, limits: RiskLimits) -> float:
    """What one order may come to by `max_trade_size`, in the market's quote; 0 where its worth is unknown."""
    assets, book = marks_of(snapshot, [market], currency).assets, snapshot.books.get(market.key)
    rate, mark = assets.get(market.quote, math.nan), assets.get(market.base, math.nan)
    most = limits.max_trade_size / rate if rate > 0 else 0.0
    if book and book.bids.prices and book.bids.prices[0] * rate < mark:
        # What is bought below its mark counts with the mark: see `risk.exposure.worth`.
        most *= book.bids.prices[0] * rate / mark
    return most


def at_stake(portfolio: Portfolio, markets: Sequence[Market], currency: str) -> Portfolio:
    """Without other markets, and assets that these neither trade nor settle in: they may have no price.

    Losses are then measured against less equity, which errs on the strict side.
    """
    assets = {asset for market in markets for asset in (market.base, market.quote)} | {currency}
    kept = {denom: own for denom, own in portfolio.balances.items() if own.asset in assets}
    keys = {market.key for market in markets}
    positions = {key: position for key, position in portfolio.positions.items() if key in keys}
    orders = tuple(order for order in portfolio.open_orders if order.key in keys)
    return replace(portfolio, balances=kept, positions=positions, open_orders=orders)


def _worth(snapshot: Snapshot, quote: str, currency: str) -> float | None:
    path = find_rate(snapshot.rates, quote, currency)
    return None if path is None else mid(path)


def _freshest(snapshot: Snapshot, market: Market) -> Quote | None:
    return max((q for q in snapshot.quotes if q.base == market.base), key=lambda q: q.at, default=None)


def oracle_price(snapshot: Snapshot, market: Market) -> float:
    """The freshest one, in the market's quote; NaN for none."""
    quote = _freshest(snapshot, market)
    path = find_rate(snapshot.rates, quote.quote, market.quote) if quote else None
    return quote.price * mid(path) if quote and path is not None else math.nan


def _prediction_age_s(snapshot: Snapshot, market: Market) -> float:
    """Since the newest forecast could be used; how old its own knowledge may be, its edge has judged."""
    ages = [
        (snapshot.time - prediction.usable_at).total_seconds()
        for prediction in snapshot.predictions
        if prediction.topic.asset == market.base
    ]
    return min(ages, default=math.nan)
