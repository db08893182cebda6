"""Positions: what a fill, funding and a price do to one. Pure.

Source: injective-core v1.17.2, modules/exchange/types/v2/position.go and derivative_orders.go.
"""

from decimal import Decimal
from typing import NamedTuple

from defi_analytics.sandbox.ledger.numbers import over, share, times
from defi_analytics.sandbox.ledger.records import ZERO, Position, PositionDelta


class Applied(NamedTuple):
    position: Position | None
    """None when it is closed."""
    collateral: Decimal
    """Of the fill's margin, what the position took."""
    payout: Decimal
    """What it paid out: margin and profit, before fees; negative is a loss beyond its margin."""
    pnl: Decimal


def applied(
    position: Position | None, delta: PositionDelta, where: tuple[str, str], cumulative: Decimal
) -> Applied:
    """A fill in or against a position whose funding is settled. `where` is (subaccount, market)."""
    if position is None or position.is_long == delta.is_long:
        return Applied(_grown(position, delta, where, cumulative), delta.margin, ZERO, ZERO)
    closed = min(position.quantity, delta.quantity)
    pnl = profit(position, delta.price, closed)
    payout = pnl + share(position.margin, closed, position.quantity)
    left = position.quantity - closed
    if delta.quantity <= closed:
        rest = position._replace(quantity=left, margin=share(position.margin, left, position.quantity))
        return Applied(rest if left else None, ZERO, payout, pnl)
    unused = delta.margin - share(delta.margin, closed, delta.quantity)
    flipped = delta._replace(quantity=delta.quantity - closed, margin=unused)
    return Applied(_grown(None, flipped, where, cumulative), unused, payout, pnl)


def _grown(
    position: Position | None, delta: PositionDelta, where: tuple[str, str], cumulative: Decimal
) -> Position:
    if position is None:
        return Position(*where, delta.is_long, delta.quantity, delta.price, delta.margin, cumulative)
    quantity = position.quantity + delta.quantity
    cost = times(position.quantity, position.entry_price) + times(delta.quantity, delta.price)
    margin = position.margin + delta.margin
    return position._replace(quantity=quantity, entry_price=over(cost, quantity), margin=margin)


def profit(position: Position, price: Decimal, quantity: Decimal) -> Decimal:
    gain = times(quantity, price - position.entry_price)
    return gain if position.is_long else -gain


def funded(position: Position, cumulative: Decimal) -> Position:
    """With the funding since it was last settled: longs paid it out of their margin, shorts got it."""
    payment = times(position.quantity, cumulative - position.cumulative_funding_entry)
    margin = position.margin - payment if position.is_long else position.margin + payment
    return position._replace(margin=margin, cumulative_funding_entry=cumulative)


def liquidation_price(position: Position, ratio: Decimal, added_margin: Decimal = ZERO) -> Decimal:
    """The mark price at which only `ratio` of the notional is left of its margin; of 0, its bankruptcy price.

    Of a position whose funding is settled.
    """
    per_base = over(position.margin + added_margin, position.quantity)
    if position.is_long:
        return over(position.entry_price - per_base, 1 - ratio)
    return over(position.entry_price + per_base, 1 + ratio)


def liquidatable(position: Position, ratio: Decimal, mark_price: Decimal) -> bool:
    price = liquidation_price(position, ratio)
    return mark_price <= price if position.is_long else mark_price >= price


def beyond_bankruptcy(position: Position, price: Decimal, fee_rate: Decimal, added_margin: Decimal) -> bool:
    """Whether closing at this price would pay out less than nothing."""
    bankruptcy = liquidation_price(position, ZERO, added_margin)
    if position.is_long:
        return price < over(bankruptcy, 1 - fee_rate)
    return price > over(bankruptcy, 1 + fee_rate)


def margin_threshold(
    is_buy: bool, notional: Decimal, quantity: Decimal, terms: tuple[Decimal, Decimal]
) -> Decimal:
    """The mark price to which (margin, initial margin ratio) suffice: a buy's lowest, a sell's highest."""
    margin, ratio = terms
    if is_buy:
        return over(margin - notional, times(ratio - 1, quantity))
    return over(margin + notional, times(ratio + 1, quantity))
