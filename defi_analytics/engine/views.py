"""From what a snapshot says to the numbers that strategies see: ticks, lots, a fair value and its doubt."""

import math
from collections.abc import Iterable
from datetime import datetime

from defi_analytics.domain.book import Levels
from defi_analytics.domain.decision import MOST_LOTS, Grid, Holding, Ladder, View
from defi_analytics.domain.edge import Edge, EdgeKind
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.rates import half_spread, mid

_OFF_GRID = 1e-6
"""Share of a step: what is further from the grid was not read from this market's book."""
_ROUNDING = 1e-12
"""Of a float's division, relative."""
_LEAST_DOUBT = 1e-4
"""Of a reference price, as a fraction: two venues never agree to the last basis point."""
_NO_LADDER = Ladder((), ())


def grid_of(market: Market) -> Grid:
    """Raises ValueError for a market whose grid is not known."""
    if not (market.price_tick > 0 and market.quantity_tick > 0):
        raise ValueError(f"{market.ticker}: its tick sizes are not known")
    unit = market.price_tick * market.quantity_tick
    return Grid(
        price_tick=float(market.price_tick),
        quantity_tick=float(market.quantity_tick),
        maker_fee=float(market.maker_fee),
        taker_fee=float(market.taker_fee),
        min_lots=math.ceil(market.min_quantity / market.quantity_tick),
        min_notional=math.ceil(market.min_notional / unit),
        perpetual=market.kind is MarketKind.PERPETUAL,
    )


def ladder_of(levels: Levels, grid: Grid) -> Ladder:
    """One side on the market's grid. Raises ValueError for a level that is not on it."""
    ticks = tuple(_step(price, grid.price_tick) for price in levels.prices)
    # A depth beyond what any order may take is as good as that much.
    lots = tuple(min(_step(size, grid.quantity_tick), MOST_LOTS) for size in levels.quantities)
    return Ladder(ticks, lots)


def view_of(snapshot: Snapshot, market: Market, edge: Edge | None) -> View:
    """What a strategy sees of this market. Unknown fair values are NaN, unread books empty.

    `edge` is the candidate of the strategy's kind, standing or not; its signal is the fair value. Raises
    ValueError for a book that is not on the market's grid.
    """
    grid = grid_of(market)
    book = snapshot.books.get(market.key)
    bids = ladder_of(book.bids, grid) if book else _NO_LADDER
    asks = ladder_of(book.asks, grid) if book else _NO_LADDER
    fair, doubt = _fair(snapshot, edge) if edge else (math.nan, math.nan)
    until = _until(snapshot, edge) if edge else None
    return View(
        time_s=snapshot.time.timestamp(),
        bids=bids,
        asks=asks,
        fair=fair / grid.price_tick,
        uncertainty=doubt,
        until_s=until.timestamp() if until else math.nan,
        grid=grid,
    )


def holding_of(held: Inventory, market: Market) -> Holding:
    """An exact inventory in whole lots and cash units, as strategies compute with.

    Raises ValueError when the quantity is not a whole number of lots: no order of ours can have made it.
    """
    unit = market.price_tick * market.quantity_tick
    return Holding(
        lots=market.lots(held.quantity),
        cost=round(held.cost / unit),
        entered_s=held.entered_at.timestamp() if held.entered_at else 0.0,
        exited_s=held.exited_at.timestamp() if held.exited_at else 0.0,
        cash=round(held.cash / unit),
        fees=round(held.fees / unit),
    )


def best_candidate(edges: Iterable[Edge], kind: EdgeKind, market: Market) -> Edge | None:
    """The first of this kind and market: `decide` puts those that stand on top, the best one first."""
    return next((edge for edge in edges if edge.kind is kind and edge.market.key == market.key), None)


def _fair(snapshot: Snapshot, edge: Edge) -> tuple[float, float]:
    """In the market's quote, and one standard deviation as a fraction of it."""
    if edge.signal is not None:
        return edge.signal.fair, edge.signal.uncertainty
    if edge.kind is EdgeKind.CROSS_VENUE and edge.reference is not None:
        return _reference(snapshot, edge, edge.reference)
    return math.nan, math.nan


def _reference(snapshot: Snapshot, edge: Edge, reference: Market) -> tuple[float, float]:
    """The middle of the other venue's book in our quote; its half spread, and the rates', are the doubt."""
    book = snapshot.books.get(reference.key)
    convertible = edge.rates or reference.quote == edge.market.quote
    if book is None or book.mid is None or not convertible:
        return math.nan, math.nan
    spread = (book.asks.prices[0] - book.bids.prices[0]) / (2 * book.mid)
    return book.mid * mid(edge.rates), max(spread + half_spread(edge.rates), _LEAST_DOUBT)


def _until(snapshot: Snapshot, edge: Edge) -> datetime | None:
    if edge.kind is not EdgeKind.PREDICTION:
        return None
    about = [p.target_time for p in snapshot.predictions if p.topic.asset == edge.market.base]
    return min(about, default=None)


def _step(value: float, step: float) -> int:
    count = round(value / step)
    if count <= 0 or abs(value / step - count) > _OFF_GRID + _ROUNDING * count:
        raise ValueError(f"{value} is not a multiple of {step}")
    return count
