"""What a fill does to money and positions.

Source: injective-core, modules/exchange/keeper/common_trades.go (fees) and derivative_execution.go.
"""

from decimal import Decimal
from typing import NamedTuple

from defi_analytics.sandbox.ledger.accounts import Pocket
from defi_analytics.sandbox.ledger.addresses import owner, subaccount
from defi_analytics.sandbox.ledger.markets import SPOTS
from defi_analytics.sandbox.ledger.numbers import share, times, units
from defi_analytics.sandbox.ledger.placing import hold
from defi_analytics.sandbox.ledger.positions import Applied, applied
from defi_analytics.sandbox.ledger.records import (
    ZERO,
    Execution,
    LiveOrder,
    OrderRecord,
    OrderState,
    PositionDelta,
    Stage,
    Trade,
)
from defi_analytics.sandbox.ledger.state import State
from defi_analytics.sandbox.listings import LISTINGS
from defi_analytics.sandbox.moment import FIRST_HEIGHT

_RELAYER_SHARE = Decimal("0.4")


class Fill(NamedTuple):
    order: LiveOrder
    quantity: Decimal
    price: Decimal
    execution: Execution
    block: int


class Fees(NamedTuple):
    """Of one fill, in quote."""

    trader: Decimal
    """What the trader pays on the spot; negative for a rebate."""
    reward: Decimal
    """What the fee recipient gets."""
    pool: Decimal


def fees(notional: Decimal, rate: Decimal) -> Fees:
    total = times(notional, rate)
    reward = abs(times(_RELAYER_SHARE, total))
    return Fees(total + reward, reward, total) if total < 0 else Fees(total, reward, total - reward)


def settle(state: State, fill: Fill) -> None:
    listing = LISTINGS[fill.order.market_id]
    rate = listing.maker_fee if fill.execution.is_maker else listing.taker_fee
    paid = fees(times(fill.quantity, fill.price), rate)
    if fill.order.market_id in SPOTS:
        _settle_spot(state, fill, paid)
    else:
        _settle_derivative(state, fill, paid)


def collect(state: State, fill: Fill, paid: Fees) -> None:
    listing = LISTINGS[fill.order.market_id]
    state.accounts.keep(Pocket.FEES, listing.quote_denom, units(paid.pool, listing.quote_decimals))
    recipient = subaccount(fill.order.fee_recipient)
    state.accounts.receive(recipient, listing.quote_denom, units(paid.reward, listing.quote_decimals))


def spend(state: State, order: LiveOrder, cost: Decimal, fillable: Decimal) -> LiveOrder:
    """The order after paying `cost` (chain units) out of what it locks, with `fillable` left.

    A sale above its limit pays more fee than it locked: the rest is taken from what is available, and what is
    still missing the insurance fund pays.
    """
    _, needed = hold(order.request, order.stage, order.quantity, fillable)
    spare = order.hold - cost - needed
    state.accounts.spend(order.subaccount, order.denom, cost)
    if spare >= 0:
        state.accounts.release(order.subaccount, order.denom, spare)
    else:
        missing = -spare - state.accounts.lock_up_to(order.subaccount, order.denom, -spare)
        state.accounts.spend(order.subaccount, order.denom, -missing)
        state.accounts.keep(Pocket.INSURANCE, order.denom, -missing)
    return order._replace(fillable=fillable, hold=needed)


def _settle_spot(state: State, fill: Fill, paid: Fees) -> None:
    order, listing = fill.order, SPOTS[fill.order.market_id]
    base = units(fill.quantity, listing.base_decimals)
    notional = times(fill.quantity, fill.price)
    left = order.fillable - fill.quantity
    if order.is_buy:
        after = spend(state, order, units(notional + paid.trader, listing.quote_decimals), left)
        state.accounts.receive(order.subaccount, listing.base_denom, base)
    else:
        after = spend(state, order, base, left)
        proceeds = units(notional - paid.trader, listing.quote_decimals)
        state.accounts.receive(order.subaccount, listing.quote_denom, proceeds)
    sign = 1 if order.is_buy else -1
    state.accounts.keep(Pocket.MAKERS, listing.base_denom, -sign * base)
    state.accounts.keep(Pocket.MAKERS, listing.quote_denom, sign * units(notional, listing.quote_decimals))
    collect(state, fill, paid)
    _filled(state, fill, after, _trade(state, fill, paid))


def _settle_derivative(state: State, fill: Fill, paid: Fees) -> None:
    order = fill.order
    margin = share(order.margin, fill.quantity, order.quantity)
    delta = PositionDelta(order.is_buy, fill.quantity, margin, fill.price)
    result = move(state, (order.subaccount, order.market_id), delta)
    # A reduce-only order locks nothing: its fee comes out of what the position pays.
    fee = ZERO if order.request.reduce_only else paid.trader
    payout = result.payout - (paid.trader - fee)
    pay_out(state, order.subaccount, order.market_id, payout)
    listing = LISTINGS[order.market_id]
    cost = units(result.collateral + fee, listing.quote_decimals)
    after = spend(state, order, cost, order.fillable - fill.quantity)
    collect(state, fill, paid)
    trade = _trade(state, fill, paid)._replace(
        position_delta=delta,
        payout=payout,
        pnl=result.pnl,
        cumulative_funding=state.cumulative_of(order.market_id),
    )
    _filled(state, fill, after, trade)


def move(state: State, where: tuple[str, str], delta: PositionDelta) -> Applied:
    """Applies a fill to a position; its profit is the makers' loss."""
    _, market_id = where
    before = state.settle_funding(*where)
    result = applied(before, delta, where, state.cumulative_of(market_id))
    state.set_position(where, result.position)
    held = (result.position.margin if result.position else ZERO) - (before.margin if before else ZERO)
    listing = LISTINGS[market_id]
    inflow = units(result.collateral - result.payout - held, listing.quote_decimals)
    state.accounts.keep(Pocket.MAKERS, listing.quote_denom, inflow)
    return result


def pay_out(state: State, who: str, market_id: str, payout: Decimal) -> None:
    """A loss beyond the margin is taken from what is available; what is missing the insurance fund pays."""
    listing = LISTINGS[market_id]
    amount = units(payout, listing.quote_decimals)
    if amount >= 0:
        state.accounts.receive(who, listing.quote_denom, amount)
        return
    taken = state.accounts.lock_up_to(who, listing.quote_denom, -amount)
    state.accounts.spend(who, listing.quote_denom, taken)
    state.accounts.keep(Pocket.INSURANCE, listing.quote_denom, amount + taken)


def _filled(state: State, fill: Fill, after: LiveOrder, trade: Trade) -> None:
    state.trades.append(trade)
    state.orders.put(after.order_hash, after)
    if after.fillable:
        state.note(OrderRecord(after, OrderState.PARTIAL, after.quantity - after.fillable, fill.block))
    elif after.stage is not Stage.MARKET:
        state.remove(after, OrderState.FILLED, fill.block)


def _trade(state: State, fill: Fill, paid: Fees) -> Trade:
    order = fill.order
    own = order.fee_recipient == owner(order.subaccount)
    return Trade(
        trade_id=next_trade_id(state, fill.block),
        block=fill.block,
        market_id=order.market_id,
        subaccount=order.subaccount,
        order_hash=order.order_hash,
        cid=order.cid,
        is_buy=order.is_buy,
        execution=fill.execution,
        price=fill.price,
        quantity=fill.quantity,
        notional=times(fill.quantity, fill.price),
        fee=paid.pool if own else paid.pool + paid.reward,
        fee_recipient=order.fee_recipient,
    )


def next_trade_id(state: State, block: int) -> str:
    """In the indexer's manner: the height and the place within the block."""
    before = 0
    for trade in reversed(state.trades):
        if trade.block != block:
            break
        before += 1
    return f"{FIRST_HEIGHT + block}_{before}_0"
