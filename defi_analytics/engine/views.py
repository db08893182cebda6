"""From what a snapshot says to the numbers that strategies see: ticks, lots, a fair value and its doubt."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, localcontext

from defi_analytics.domain.book import Levels
from defi_analytics.domain.decision import BUY, MOST_LOTS, SELL, Grid, Holding, Ladder, View
from defi_analytics.domain.edge import Edge, EdgeKind
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.rates import half_spread, mid

_OFF_GRID = 1e-6
"""Share of a step: what is no further from the grid is on it."""
_ROUNDING = 1e-12
"""Of a float's division, relative."""
_LEAST_DOUBT = 1e-4
"""Of a reference price, as a fraction: two venues never agree to the last basis point."""
_NO_LADDER = Ladder((), ())
_DIGITS = 60


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


def ladder_of(levels: Levels, grid: Grid, side: int) -> Ladder:
    """One side of a book on the market's grid: `BUY` for its bids, `SELL` for its asks.

    A level that is older than the market's ticks is taken for less than it is: a bid at the tick below, an
    ask at the one above, its size in whole lots. What nothing is left of is left out.
    """
    worse = math.floor if side == BUY else math.ceil
    rungs: dict[int, int] = {}
    for price, size in zip(levels.prices, levels.quantities, strict=True):
        ticks, lots = _step(price, grid.price_tick, worse), _step(size, grid.quantity_tick, math.floor)
        if ticks > 0 and lots > 0:
            # A depth beyond what any order may take is as good as that much.
            rungs[ticks] = min(rungs.get(ticks, 0) + lots, MOST_LOTS)
    return Ladder(tuple(rungs), tuple(rungs.values()))


def view_of(snapshot: Snapshot, market: Market, edge: Edge | None) -> View:
    """What a strategy sees of this market. Unknown fair values are NaN, unread books empty.

    `edge` is the candidate of the strategy's kind, standing or not; its signal is the fair value. Raises
    ValueError for a market whose grid is not known.
    """
    grid = grid_of(market)
    book = snapshot.books.get(market.key)
    bids = ladder_of(book.bids, grid, BUY) if book else _NO_LADDER
    asks = ladder_of(book.asks, grid, SELL) if book else _NO_LADDER
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

    What is less than a lot, where the market's lots were others when it was bought, is left out with what it
    cost. Raises ValueError for a market whose grid is not known.
    """
    grid_of(market)
    lots = market.whole_lots(held.quantity)
    held, unit = _part_of(held, market.quantity(lots)), market.price_tick * market.quantity_tick
    return Holding(
        lots=lots,
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


def _part_of(held: Inventory, quantity: Decimal) -> Inventory:
    if quantity == held.quantity:
        return held
    with localcontext(prec=_DIGITS):
        return replace(held, quantity=quantity, cost=held.cost * quantity / held.quantity)


def _step(value: float, step: float, off: Callable[[float], int]) -> int:
    """In steps; `off` rounds what is not on the grid."""
    count = round(value / step)
    near = abs(value / step - count) <= _OFF_GRID + _ROUNDING * count
    return count if near else off(value / step)
