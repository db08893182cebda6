"""What an order gets in Injective's frequent batch auction, in whole ticks, lots and cash units.

Each block matches market orders against the resting book first (all of a side at the average price of what
they consume, up to each one's worst price, the remainder cancelled), then new limit orders merged with the
book (everyone at one clearing price). The resting mid is half of an integer, so clearing prices are told in
half ticks.
Source: injective-core v1.17.2, modules/exchange/keeper/spot_limit_order_processor.go and
derivative_orders_processor.go; the worked examples of the exchange's API documentation.

Not modelled: our place in the queue of a price level. A resting order of ours counts as filled only once the
market has traded through its price, which is later than it would happen, never sooner.

Sums hold while `ticks * lots` stays below `MOST_CASH`. The same source is called live and compiled for
replays.
"""

import math
from typing import NamedTuple

from defi_analytics.domain.decision import BUY, Ladder

_BILLION = 1_000_000_000


class Executed(NamedTuple):
    """What an order traded."""

    lots: int
    cash: int
    """Cash units that changed hands, without fees; over `lots` it is the average price in ticks."""


NOT_EXECUTED = Executed(0, 0)


class Crossing(NamedTuple):
    """Where two sides of limit orders stop to cross; prices in ticks, 0 where nothing crosses."""

    lots: int
    last_buy: int
    last_sell: int


def market_fill(side: int, lots: int, worst: int, resting: Ladder) -> Executed:
    """A market order alone in its block; `resting` is the side it takes from, best price first."""
    done = cash = 0
    for i in range(len(resting.ticks)):
        if done >= lots or (resting.ticks[i] - worst) * side > 0:
            break
        part = min(lots - done, resting.lots[i])
        done += part
        cash += part * resting.ticks[i]
    return Executed(done, cash)


def limit_fill(side: int, lots: int, limit: int, resting: Ladder, mark: int) -> Executed:
    """What a new limit order gets at once, alone in its block; the rest of it rests.

    It pays one price for all: the resting mid clamped between the last matched sell and buy, which for a
    lone order is always the worst level it consumes. `mark` (ticks, 0 for spot) takes the mid's place on a
    perpetual when it lies between the two.
    """
    done = last = 0
    for i in range(len(resting.ticks)):
        if done >= lots or (resting.ticks[i] - limit) * side > 0:
            break
        done += min(lots - done, resting.lots[i])
        last = resting.ticks[i]
    if mark > 0 and (mark - last) * side >= 0 and (limit - mark) * side >= 0:
        last = mark
    return Executed(done, done * last)


def crossing(bids: Ladder, asks: Ladder) -> Crossing:
    """How much of two merged sides trades, and the prices of the last buy and sell that do."""
    total = last_buy = last_sell = i = j = used_bid = used_ask = 0
    while i < len(bids.ticks) and j < len(asks.ticks) and bids.ticks[i] >= asks.ticks[j]:
        lots = min(bids.lots[i] - used_bid, asks.lots[j] - used_ask)
        total += lots
        last_buy, last_sell = bids.ticks[i], asks.ticks[j]
        used_bid += lots
        used_ask += lots
        if used_bid >= bids.lots[i]:
            i, used_bid = i + 1, 0
        if used_ask >= asks.lots[j]:
            j, used_ask = j + 1, 0
    return Crossing(total, last_buy, last_sell)


def clearing_half_ticks(cross: Crossing, resting_bid: int, resting_ask: int, mark: int) -> int:
    """The one price, in half ticks, of everything that crosses; the best resting prices, 0 for none.

    `mark` (ticks, 0 for spot) is the price of a perpetual's auction when it lies between the last sell and
    the last buy. An empty side leaves the other's best price for the mid, two empty ones the last two's mean.
    """
    if mark > 0 and cross.last_sell <= mark <= cross.last_buy:
        return 2 * mark
    middle = resting_bid + resting_ask
    if resting_bid == 0 and resting_ask == 0:
        middle = cross.last_buy + cross.last_sell
    elif resting_bid == 0 or resting_ask == 0:
        middle *= 2
    return max(2 * cross.last_sell, min(2 * cross.last_buy, middle))


def crosses(side: int, ticks: int, opposite: Ladder) -> bool:
    """Whether a limit order would meet the other side on entry: a post-only one is rejected then."""
    return len(opposite.ticks) > 0 and (opposite.ticks[0] - ticks) * side <= 0


def traded_through(side: int, ticks: int, lowest: int, highest: int) -> bool:
    """Whether the market went beyond the price of a resting order of ours, so that it must have filled."""
    return lowest < ticks if side == BUY else highest > ticks


def fee_units(cash: int, fraction: float) -> int:
    """What is charged on a fill, in cash units rounded against us: up when paid, down when a rebate.

    The fraction, at most 1 either way, counts to nine decimals. Exact in 64 bits up to `MOST_CASH`.
    """
    billionths = math.floor(fraction * float(_BILLION) + 0.5)
    whole, rest = cash // _BILLION, cash % _BILLION
    return whole * billionths - (-rest * billionths) // _BILLION
