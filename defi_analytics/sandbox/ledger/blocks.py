"""What the end of a block does: funding, liquidations, triggers, matching, expiries, stops left over.

Source: injective-core, modules/exchange/abci.go and keeper/{funding_payment,derivative_liquidations,
conditional_orders}.go.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from defi_analytics.sandbox.exchange import funding_charged
from defi_analytics.sandbox.ledger import auction
from defi_analytics.sandbox.ledger.accounts import Pocket
from defi_analytics.sandbox.ledger.addresses import owner
from defi_analytics.sandbox.ledger.failed import Failed
from defi_analytics.sandbox.ledger.markets import PERPS
from defi_analytics.sandbox.ledger.numbers import times, units
from defi_analytics.sandbox.ledger.order_hash import order_hash
from defi_analytics.sandbox.ledger.placing import place_derivative
from defi_analytics.sandbox.ledger.positions import liquidatable, liquidation_price
from defi_analytics.sandbox.ledger.records import (
    ZERO,
    BlockEvents,
    Execution,
    FundingUpdate,
    LiveOrder,
    OrderFailure,
    OrderState,
    OrderType,
    Position,
    PositionDelta,
    Request,
    Stage,
    Trade,
)
from defi_analytics.sandbox.ledger.settling import move, next_trade_id, pay_out
from defi_analytics.sandbox.ledger.state import State, cumulative_at
from defi_analytics.sandbox.listings import PERPETUALS
from defi_analytics.sandbox.moment import FIRST_HEIGHT, Moment

_HOUR_S = 3_600
_EPOCH = datetime.fromtimestamp(0, UTC)
"""Rates depend on the block, not on its time."""
_CONDITIONAL = (Stage.CONDITIONAL_LIMIT, Stage.CONDITIONAL_MARKET)
_MATCHED = (Stage.RESTING, Stage.TRANSIENT, Stage.MARKET)


def end_block(state: State, block: int) -> BlockEvents:
    first_trade = len(state.trades)
    funding = tuple(_funding(state, block))
    liquidated = tuple(_liquidations(state, block))
    triggered = tuple(_triggers(state, block))
    for market_id in sorted({order.market_id for order in state.live(stages=_MATCHED)}):
        if state.standstill.is_active(market_id):
            auction.run(state, market_id, block)
    _expiries(state, block)
    _left_over(state, block)
    events = BlockEvents(
        block,
        tuple(state.trades[first_trade:]),
        tuple(state.changed.all.values()),
        tuple(state.failures.all.values()),
        triggered,
        liquidated,
        funding,
    )
    state.changed.clear()
    state.failures.clear()
    state.last_block = block
    return events


def _funding(state: State, block: int) -> Iterator[FundingUpdate]:
    """An update when an hour ended since the last block; positions pay when they are next touched.

    Blocks are only left out while nobody has a position, so no position misses an hour.
    """
    last = block - 1 if state.last_block is None else state.last_block
    if _hour(state, block) == _hour(state, last):
        return
    moment = Moment(state.world, block, _EPOCH)
    for listing in PERPETUALS:
        rate, mark = (
            funding_charged(moment, listing.market_id, 0).rate,
            state.world.mark_price(listing, block),
        )
        cumulative = cumulative_at(state.world, block, listing.market_id)
        yield FundingUpdate(listing.market_id, rate, mark, cumulative)


def _hour(state: State, block: int) -> int:
    return int(block * state.world.block_s // _HOUR_S)


def _liquidations(state: State, block: int) -> Iterator[Position]:
    """Positions whose margin fell to the maintenance ratio at the mark price.

    Simplified: closed at the mark instead of in the book, by the module instead of by a liquidator. As on the
    chain the trader loses what is left of the margin, and the insurance fund gets it or pays what is missing.
    """
    for where in sorted(state.positions.all):
        position, listing = state.position(*where), PERPS[where[1]]
        if not state.standstill.is_active(where[1]):
            continue
        mark = state.world.mark_price(listing, block)
        if position and liquidatable(position, listing.maintenance_margin_ratio, mark):
            for order in state.live(listing.market_id, position.subaccount):
                state.remove(order, OrderState.CANCELED, block)
            _liquidate(state, position, mark, block)
            yield position


def _liquidate(state: State, position: Position, mark: Decimal, block: int) -> None:
    who, market_id = where = position.subaccount, position.market_id
    listing = PERPS[market_id]
    delta = PositionDelta(not position.is_long, position.quantity, ZERO, mark)
    result = move(state, where, delta)
    fee = times(times(position.quantity, mark), listing.taker_fee)
    state.accounts.keep(Pocket.FEES, listing.quote_denom, units(fee, listing.quote_decimals))
    payout = result.payout - fee
    if payout > 0:
        state.accounts.keep(Pocket.INSURANCE, listing.quote_denom, units(payout, listing.quote_decimals))
    else:
        pay_out(state, who, market_id, payout)
    trade = Trade(
        trade_id=next_trade_id(state, block),
        block=block,
        market_id=market_id,
        subaccount=who,
        order_hash=_liquidation_hash(state, position),
        cid="",
        is_buy=delta.is_long,
        execution=Execution.LIQUIDATION,
        price=mark,
        quantity=position.quantity,
        notional=times(position.quantity, mark),
        fee=fee,
        fee_recipient="",
        position_delta=delta,
        payout=payout,
        pnl=result.pnl,
        cumulative_funding=state.cumulative_of(market_id),
    )
    state.trades.append(trade)


def _liquidation_hash(state: State, position: Position) -> str:
    kind = OrderType.SELL if position.is_long else OrderType.BUY
    price = liquidation_price(position, ZERO)
    address = owner(position.subaccount)
    terms = (price, position.quantity, "", kind, ZERO, None, 0)
    request = Request(position.market_id, position.subaccount, address, address, *terms)
    return order_hash(request, state.bump(position.subaccount))


def _triggers(state: State, block: int) -> Iterator[LiveOrder]:
    """Conditional orders whose mark price came become orders of this block, with hashes of their own.

    None does while only post-only orders are taken, nor in a market that is not active.
    """
    if state.standstill.post_only(block):
        return
    for order in state.live(stages=_CONDITIONAL):
        if not state.standstill.is_active(order.market_id):
            continue
        if not _reached(order, state.mark_price(order.market_id, block)):
            continue
        state.remove(order, OrderState.TRIGGERED, block)
        kind = OrderType.BUY if order.is_buy else OrderType.SELL
        request = order.request._replace(kind=kind, trigger_price=None)
        try:
            place_derivative(state, request, block, market=order.stage is Stage.CONDITIONAL_MARKET)
        except Failed as failed:
            asked = order.request
            state.fail(OrderFailure(asked.sender, asked.market_id, failed.order_hash, asked.cid, failed.code))
        yield order


def _reached(order: LiveOrder, mark: Decimal) -> bool:
    trigger = order.request.trigger_price or ZERO
    return mark >= trigger if order.request.kind.triggers_above else mark <= trigger


def _expiries(state: State, block: int) -> None:
    """An order good till a block takes part in it, and is gone afterwards."""
    for order in state.live(stages=[Stage.RESTING]):
        if 0 < order.request.expiration_height <= FIRST_HEIGHT + block:
            state.remove(order, OrderState.CANCELED, block)


def _left_over(state: State, block: int) -> None:
    """Conditional orders that only reduce go with their position, unless other orders lock margin there."""
    reducing = [order for order in state.live(stages=_CONDITIONAL) if order.request.reduce_only]
    for subaccount, market_id in sorted({(order.subaccount, order.market_id) for order in reducing}):
        own = state.live(market_id, subaccount)
        if state.position(subaccount, market_id) is None and not any(order.margin for order in own):
            for order in own:
                state.remove(order, OrderState.CANCELED, block)
