"""Two order books against each other: how much can be traded at a profit, and what is left of it.

Take from the cheapest ask and the dearest bid while a unit still earns after both fees; profit is then
concave and piecewise linear in the quantity, so the greedy walk is the optimum, also under caps.
Source: two-book crossing as in github.com/maxme/bitcoin-arbitrage (published cases), stopping on the
marginal unit; hummingbot's former arbitrage strategy grows on the average and trades past the optimum.

Floats, integers and arrays only: the same source is called live and compiled for replays.
"""

import math
from typing import NamedTuple

from defi_analytics.domain.book import Levels
from defi_analytics.domain.edge import Reason

# A quantity within this share of a step of the next multiple is that multiple: 0.3/0.1 is 2.9999999999999996.
_STEP_SLACK = 1e-9


class Terms(NamedTuple):
    """All that a two-legged trade costs besides its prices, and its bounds."""

    buy_fee: float = 0.0
    """Fraction of the buying leg's notional; negative is a rebate."""
    sell_fee: float = 0.0
    buy_rate: float = 1.0
    """Settlement quote paid for one unit of the buying leg's quote."""
    sell_rate: float = 1.0
    """Settlement quote received for one unit of the selling leg's quote."""
    buy_mid_rate: float = 1.0
    sell_mid_rate: float = 1.0
    carry: float = 0.0
    """Funding expected to be paid, as a fraction of notional."""
    exit_fee: float = 0.0
    """Fees for closing both legs again, as a fraction of notional; zero for what is delivered at once."""
    fixed: float = 0.0
    """Settlement quote per trade, whatever its size."""
    step: float = 0.0
    """Quantity grid that both legs accept; 0 is none."""
    min_quantity: float = 0.0
    min_buy_notional: float = 0.0
    """In the buying leg's own quote."""
    min_sell_notional: float = 0.0
    max_quantity: float = math.inf
    max_slippage: float = math.inf
    """Fraction of notional, both legs together."""
    min_edge: float = 0.0
    """Net, fraction of notional."""
    min_profit: float = 0.0
    """Settlement quote."""


class Priced(NamedTuple):
    """A trade of `quantity` base, amounts in the settlement quote; `reason` is NONE if it may stand."""

    reason: int
    limit: float
    value: float
    quantity: float
    lots: int
    notional: float
    gross: float
    buy_fee: float
    sell_fee: float
    slippage: float
    conversion: float
    carry: float
    exit_fee: float
    fixed: float
    profit: float
    buy_price: float
    sell_price: float


class Step(NamedTuple):
    """One stretch of the walk at constant prices (each in its own leg's quote)."""

    ask: float
    bid: float
    quantity: float


def steps(asks: Levels, bids: Levels, terms: Terms) -> list[Step]:
    """The stretches of the walk in order, each earning something after fees, up to `max_quantity`."""
    return _stretches(asks, bids, terms, terms.max_quantity)


def _stretches(asks: Levels, bids: Levels, terms: Terms, room: float) -> list[Step]:
    out: list[Step] = []
    i = j = 0
    left_ask = asks.quantities[0] if len(asks.quantities) > 0 else 0.0
    left_bid = bids.quantities[0] if len(bids.quantities) > 0 else 0.0
    toll = _unit_toll(asks, terms)
    while i < len(asks.prices) and j < len(bids.prices) and room > 0:
        ask, bid = asks.prices[i], bids.prices[j]
        if _unit_profit(ask, bid, terms) - toll <= 0:
            break
        quantity = min(left_ask, left_bid, room)
        out.append(Step(ask, bid, quantity))
        room -= quantity
        left_ask -= quantity
        left_bid -= quantity
        if left_ask <= 0:
            i += 1
            left_ask = asks.quantities[i] if i < len(asks.quantities) else 0.0
        if left_bid <= 0:
            j += 1
            left_bid = bids.quantities[j] if j < len(bids.quantities) else 0.0
    return out


def best_quantity(asks: Levels, bids: Levels, terms: Terms) -> float:
    """The most base that earns on every unit and keeps `min_edge` (after `fixed`) and `max_slippage` overall.

    Not on any grid yet; 0 if there is none.
    """
    return _best_quantity(asks, bids, terms, terms.fixed)


def _best_quantity(asks: Levels, bids: Levels, terms: Terms, fixed: float) -> float:
    if len(asks.prices) == 0 or len(bids.prices) == 0:
        return 0.0
    reference = asks.prices[0] * terms.buy_mid_rate
    hurdle = terms.min_edge * reference + _unit_toll(asks, terms)
    total = best = 0.0
    surplus = -fixed
    for ask, bid, quantity in _stretches(asks, bids, terms, _slippage_cap(asks, bids, terms)):
        slope = _unit_profit(ask, bid, terms) - hurdle
        after = surplus + slope * quantity
        if after >= 0:
            best = total + quantity
        elif surplus > 0:
            # The surplus over the hurdle is used up inside this stretch, and it never comes back.
            return total + surplus / -slope
        total += quantity
        surplus = after
    return best


def _slippage_cap(asks: Levels, bids: Levels, terms: Terms) -> float:
    """The most base whose slippage stays within `max_slippage`: slippage is convex, so there is one end."""
    if terms.max_slippage == math.inf:
        return terms.max_quantity
    allowed = terms.max_slippage * asks.prices[0] * terms.buy_mid_rate
    total = excess = 0.0
    for ask, bid, quantity in steps(asks, bids, terms):
        slope = (
            (ask - asks.prices[0]) * terms.buy_mid_rate
            + (bids.prices[0] - bid) * terms.sell_mid_rate
            - allowed
        )
        after = excess + slope * quantity
        if after > 0:
            return total + excess / -slope
        total += quantity
        excess = after
    return terms.max_quantity


def priced(asks: Levels, bids: Levels, terms: Terms) -> Priced:
    """The best trade on the grid, with every cost, or the first bound it breaks."""
    edge = top_edge(asks, bids, terms)
    if edge <= 0:
        return _refused(Reason.NOT_CROSSED.value, 0.0, edge)
    if edge < terms.min_edge:
        return _refused(Reason.BELOW_MIN_EDGE.value, terms.min_edge, edge)
    quantity = best_quantity(asks, bids, terms)
    if quantity <= 0:
        # No size covers the fixed cost: the size that comes nearest shows by how much.
        quantity = _best_quantity(asks, bids, terms, 0.0)
    trade = price_at(asks, bids, terms, quantity)
    if trade.quantity <= 0 < terms.step <= terms.max_quantity:
        # Not a whole step earns on every unit; one step may still earn, or says what it breaks.
        trade = price_at(asks, bids, terms, terms.step)
    if trade.quantity <= 0:
        return _named(trade, trade.reason, trade.limit, quantity)
    return _judged(trade, terms)


def price_at(asks: Levels, bids: Levels, terms: Terms, quantity: float) -> Priced:
    """The trade of `quantity`, floored to the grid and to what both books hold, bounds not checked."""
    quantity = min(quantity, held(asks), held(bids))
    lots = 0
    if terms.step > 0:
        lots = math.floor(quantity / terms.step + _STEP_SLACK)
        quantity = lots * terms.step
    if quantity <= 0:
        return _refused(Reason.BELOW_MIN_QUANTITY.value, max(terms.min_quantity, terms.step), 0.0)
    cost, revenue = taken(asks, quantity), taken(bids, quantity)
    notional = asks.prices[0] * terms.buy_mid_rate * quantity
    best_revenue = bids.prices[0] * terms.sell_mid_rate * quantity
    gross = best_revenue - notional
    buy_fee = cost * terms.buy_rate * terms.buy_fee
    sell_fee = revenue * terms.sell_rate * terms.sell_fee
    slippage = (cost * terms.buy_mid_rate - notional) + (best_revenue - revenue * terms.sell_mid_rate)
    conversion = cost * (terms.buy_rate - terms.buy_mid_rate)
    conversion += revenue * (terms.sell_mid_rate - terms.sell_rate)
    carry, exit_fee = terms.carry * notional, terms.exit_fee * notional
    costs = buy_fee + sell_fee + slippage + conversion
    costs += carry + exit_fee + terms.fixed
    # By position: the compiler knows no keywords here.
    return Priced(
        Reason.NONE.value,
        0.0,
        0.0,
        quantity,
        lots,
        notional,
        gross,
        buy_fee,
        sell_fee,
        slippage,
        conversion,
        carry,
        exit_fee,
        terms.fixed,
        gross - costs,
        cost / quantity,
        revenue / quantity,
    )


def taken(side: Levels, quantity: float) -> float:
    """What the first `quantity` base of a side cost, in its quote. The side must hold that much."""
    total = 0.0
    left = quantity
    for i in range(len(side.prices)):
        part = min(left, side.quantities[i])
        total += part * side.prices[i]
        left -= part
        if left <= 0:
            break
    return total


def held(side: Levels) -> float:
    """All the base a side offers."""
    total = 0.0
    for i in range(len(side.quantities)):
        total += side.quantities[i]
    return total


def top_edge(asks: Levels, bids: Levels, terms: Terms) -> float:
    """Net edge of the first unit as a fraction of its price, before fixed costs; -1 for an empty side."""
    if len(asks.prices) == 0 or len(bids.prices) == 0:
        return -1.0
    ask, bid = asks.prices[0], bids.prices[0]
    return _unit_profit(ask, bid, terms) / (ask * terms.buy_mid_rate) - terms.carry - terms.exit_fee


def _unit_profit(ask: float, bid: float, terms: Terms) -> float:
    return bid * terms.sell_rate * (1.0 - terms.sell_fee) - ask * terms.buy_rate * (1.0 + terms.buy_fee)


def _unit_toll(asks: Levels, terms: Terms) -> float:
    """What every unit pays whatever its price: funding and the way out."""
    if len(asks.prices) == 0:
        return 0.0
    return (terms.carry + terms.exit_fee) * asks.prices[0] * terms.buy_mid_rate


def _judged(trade: Priced, terms: Terms) -> Priced:
    bought, sold = trade.buy_price * trade.quantity, trade.sell_price * trade.quantity
    if trade.quantity < terms.min_quantity:
        least = max(terms.min_quantity, terms.step)
        return _named(trade, Reason.BELOW_MIN_QUANTITY.value, least, trade.quantity)
    if bought < terms.min_buy_notional:
        return _named(trade, Reason.BELOW_MIN_NOTIONAL.value, terms.min_buy_notional, bought)
    if sold < terms.min_sell_notional:
        return _named(trade, Reason.BELOW_MIN_NOTIONAL.value, terms.min_sell_notional, sold)
    return _judged_by_result(trade, terms)


def _judged_by_result(trade: Priced, terms: Terms) -> Priced:
    if trade.slippage > terms.max_slippage * trade.notional:
        value = trade.slippage / trade.notional
        return _named(trade, Reason.ABOVE_MAX_SLIPPAGE.value, terms.max_slippage, value)
    if trade.profit < terms.min_edge * trade.notional or trade.profit <= 0:
        value = trade.profit / trade.notional
        return _named(trade, Reason.BELOW_MIN_EDGE.value, terms.min_edge, value)
    if trade.profit < terms.min_profit:
        return _named(trade, Reason.BELOW_MIN_PROFIT.value, terms.min_profit, trade.profit)
    return trade


def _named(trade: Priced, reason: int, limit: float, value: float) -> Priced:
    """The trade with what it breaks."""
    return Priced(reason, limit, value, *trade[3:])


def _refused(reason: int, limit: float, value: float) -> Priced:
    return Priced(reason, limit, value, 0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
