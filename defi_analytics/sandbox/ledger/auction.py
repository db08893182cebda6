"""One market's part of a block: the users' orders and the world's, matched as the chain matches."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from defi_analytics.sandbox.ledger.books import entries, merged, theirs
from defi_analytics.sandbox.ledger.markets import PERPS
from defi_analytics.sandbox.ledger.placing import hold
from defi_analytics.sandbox.ledger.records import ZERO, Execution, LiveOrder, OrderRecord, OrderState, Stage
from defi_analytics.sandbox.ledger.settling import Fill, settle
from defi_analytics.sandbox.ledger.state import State
from defi_analytics.sandbox.matching import Book, match_limit_orders, match_market_orders
from defi_analytics.sandbox.matching import Fill as Match

_Fills = Iterable[tuple[Execution, Sequence[Match]]]


def run(state: State, market_id: str, block: int) -> None:
    """Market orders against the resting book, then one auction; what is left of the limit orders rests."""
    rest = _market_orders(state, market_id, block)
    _limit_orders(state, market_id, block, rest)
    for order in state.live(market_id, stages=[Stage.TRANSIENT]):
        _rest(state, order, block)
    for order in state.live(market_id, stages=[Stage.RESTING]):
        if order.request.reduce_only and not _opposed(state, order):
            state.remove(order, OrderState.CANCELED, block)


def _market_orders(state: State, market_id: str, block: int) -> Book:
    """What is left of the world's own resting orders."""
    flow = state.world.block(market_id, block).flow
    resting, market = (state.live(market_id, stages=[one]) for one in (Stage.RESTING, Stage.MARKET))
    caps = _caps(state, [*market, *resting])
    meeting = merged(flow.resting, resting, caps)
    buys = (*flow.buys, *entries(_side(market, is_buy=True), caps))
    sells = (*flow.sells, *entries(_side(market, is_buy=False), caps))
    buying, selling, rest = match_market_orders(meeting.book, buys, sells)
    fills = [
        (Execution.MARKET, (*buying.takers, *selling.takers)),
        (Execution.LIMIT_FILL, (*buying.makers, *selling.makers)),
    ]
    _settle(state, fills, block)
    for order in state.live(market_id, stages=[Stage.MARKET]):
        state.remove(order, OrderState.CANCELED if order.fillable else OrderState.FILLED, block)
    left = theirs(rest, (order.order_hash for order in resting))
    bids = sorted((*left.bids, *meeting.buys), key=lambda order: -order.price)
    asks = sorted((*left.asks, *meeting.sells), key=lambda order: order.price)
    return Book(tuple(bids), tuple(asks))


def _limit_orders(state: State, market_id: str, block: int, world: Book) -> None:
    resting, fresh = (state.live(market_id, stages=[one]) for one in (Stage.RESTING, Stage.TRANSIENT))
    caps = _caps(state, [*resting, *fresh])
    meeting = merged(world, resting, caps)
    crossing = state.world.block(market_id, block).flow.crossing
    buys = (*meeting.buys, *crossing, *entries(_side(fresh, is_buy=True), caps))
    sells = (*meeting.sells, *entries(_side(fresh, is_buy=False), caps))
    mark = state.mark_price(market_id, block) if market_id in PERPS else None
    auction = match_limit_orders(meeting.book, buys, sells, mark)
    matches = (*auction.buys, *auction.sells)
    old = {order.order_hash for order in resting}
    fills = [
        (Execution.MATCH_RESTING, [one for one in matches if one.order.owner in old]),
        (Execution.MATCH_NEW, [one for one in matches if one.order.owner not in old]),
    ]
    _settle(state, fills, block)
    state.leave(market_id, block, auction.book, (order.order_hash for order in (*resting, *fresh)))


def _settle(state: State, fills: _Fills, block: int) -> None:
    """Reduce-only orders first: they were measured against the positions as they are."""
    found = [
        (order, match, execution)
        for execution, matches in fills
        for match in matches
        if (order := state.orders.find(match.order.owner)) is not None
    ]
    for order, match, execution in sorted(found, key=lambda one: not one[0].request.reduce_only):
        # A resting order may fill in several pieces: each sees what the one before left.
        now = state.orders.all[order.order_hash]
        settle(state, Fill(now, match.quantity, match.price, execution, block))


def _side(orders: Iterable[LiveOrder], *, is_buy: bool) -> list[LiveOrder]:
    return [order for order in orders if order.is_buy == is_buy]


def _caps(state: State, orders: Sequence[LiveOrder]) -> dict[str, Decimal]:
    """By hash, what reduce-only orders may trade: together no more than closes their position."""
    caps: dict[str, Decimal] = {}
    left: dict[str, Decimal] = {}
    best_first = sorted(orders, key=lambda one: -one.price if one.is_buy else one.price)
    for order in sorted(best_first, key=lambda one: one.stage is not Stage.MARKET):
        if order.request.reduce_only:
            if order.subaccount not in left:
                left[order.subaccount] = _closable(state, order)
            allowed = min(order.fillable, left[order.subaccount]) if _opposed(state, order) else ZERO
            left[order.subaccount] -= allowed
            caps[order.order_hash] = allowed
    return caps


def _closable(state: State, order: LiveOrder) -> Decimal:
    position = state.positions.find((order.subaccount, order.market_id))
    return ZERO if position is None else position.quantity


def _opposed(state: State, order: LiveOrder) -> bool:
    position = state.positions.find((order.subaccount, order.market_id))
    return position is not None and position.is_long != order.is_buy


def _rest(state: State, order: LiveOrder, block: int) -> None:
    """From now on it pays a maker's fee, so it locks less."""
    _, needed = hold(order.request, Stage.RESTING, order.quantity, order.fillable)
    state.accounts.release(order.subaccount, order.denom, order.hold - needed)
    rested = order._replace(stage=Stage.RESTING, hold=needed)
    state.orders.put(order.order_hash, rested)
    filled = order.quantity - order.fillable
    state.note(OrderRecord(rested, OrderState.PARTIAL if filled else OrderState.BOOKED, filled, block))
