"""Orders coming in: what the chain checks, in its sequence, and what it locks.

Source: injective-core, modules/exchange/keeper: ValidateSpotOrder, createSpotMarketOrder and
EnsureValidDerivativeOrder of v1.17.
"""

from decimal import Decimal

from defi_analytics.sandbox.ledger.failed import Code, Failed, failure
from defi_analytics.sandbox.ledger.markets import PERPS, SPOTS
from defi_analytics.sandbox.ledger.numbers import positive, share, times, units
from defi_analytics.sandbox.ledger.order_hash import order_hash
from defi_analytics.sandbox.ledger.positions import beyond_bankruptcy, margin_threshold
from defi_analytics.sandbox.ledger.records import ZERO, LiveOrder, Position, Request, Stage
from defi_analytics.sandbox.ledger.state import State
from defi_analytics.sandbox.listings import LISTINGS, Listing, Perpetual, Spot
from defi_analytics.sandbox.moment import FIRST_HEIGHT

_SIDE_COUNT = 20
"""Limit and conditional orders of one side that a subaccount may have in a derivative market."""


def active(state: State, market_id: str, kind: type[Spot] | type[Perpetual]) -> Listing:
    listing = LISTINGS.get(market_id)
    if isinstance(listing, kind) and state.standstill.is_active(market_id):
        return listing
    if kind is Spot:
        raise failure(Code.SPOT_MARKET_NOT_FOUND, f"active spot market doesn't exist {market_id}")
    raise failure(
        Code.DERIVATIVE_MARKET_NOT_FOUND, f"active derivative market for marketID {market_id} not found"
    )


def place_spot(state: State, request: Request, block: int, *, market: bool) -> LiveOrder:
    """Raises Failed. A refusal before the last steps does not count on the subaccount's nonce."""
    _check_mode(state, block, market=market)
    listing = active(state, request.market_id, Spot)
    _check_expiration(request, block, market=market)
    _check_grid(listing, request)
    best = _best(state, request, block)
    if _posting(state, request, block) and _crosses(request, best):
        raise failure(Code.EXCEEDS_TOP_OF_BOOK)
    _check_cid(state, request)
    hashed = order_hash(request, state.bump(request.subaccount))
    try:
        if market and best is None:
            raise failure(Code.NO_LIQUIDITY)
        if market and not _crosses(request, best):
            raise failure(Code.SLIPPAGE)
        return _placed(state, request, hashed, (_stage(request, market=market), request.quantity, block))
    except Failed as failed:
        failed.order_hash = hashed
        raise


def place_derivative(state: State, request: Request, block: int, *, market: bool) -> LiveOrder:
    """Raises Failed. Every attempt counts on the subaccount's nonce."""
    listing = active(state, request.market_id, Perpetual)
    hashed = order_hash(request, state.bump(request.subaccount))
    stage = _stage(request, market=market)
    try:
        _check_cid(state, request)
        _check_expiration(request, block, market=market)
        _check_mode(state, block, market=market)
        if not stage.conditional:
            _check_top(state, request, block, stage)
        mark = state.mark_price(request.market_id, block - 1)
        _check_trigger(request, mark)
        _check_grid(listing, request)
        _check_counts(state, request, stage)
        quantity = _reducible(state, request, stage)
        _check_margin(request, request.trigger_price if stage.conditional else mark)
        return _placed(state, request, hashed, (stage, quantity, block))
    except Failed as failed:
        failed.order_hash = hashed
        raise


def hold(request: Request, stage: Stage, quantity: Decimal, fillable: Decimal) -> tuple[str, Decimal]:
    """(denom, chain units) that an order locks for what is left of it.

    A resting order's fee is a maker's, and never a rebate in advance.
    """
    listing = LISTINGS[request.market_id]
    maker = stage is Stage.RESTING
    rate = positive(listing.maker_fee) if maker else listing.taker_fee
    if request.margin is not None:
        if not request.margin:
            return listing.quote_denom, ZERO
        fee = times(times(request.price, quantity), rate)
        whole = share(request.margin + fee, fillable, quantity)
        return listing.quote_denom, units(whole, listing.quote_decimals)
    if not request.kind.is_buy:
        spot = SPOTS[request.market_id]
        return spot.base_denom, units(fillable, spot.base_decimals)
    notional = times(fillable, request.price)
    return listing.quote_denom, units(notional + times(notional, rate), listing.quote_decimals)


def _stage(request: Request, *, market: bool) -> Stage:
    if request.kind.is_conditional:
        return Stage.CONDITIONAL_MARKET if market else Stage.CONDITIONAL_LIMIT
    if market:
        return Stage.MARKET
    return Stage.RESTING if request.kind.is_post_only else Stage.TRANSIENT


def _placed(state: State, request: Request, hashed: str, what: tuple[Stage, Decimal, int]) -> LiveOrder:
    stage, quantity, block = what
    denom, amount = hold(request, stage, quantity, quantity)
    state.accounts.lock(request.subaccount, denom, amount)
    number = state.next_number()
    order = LiveOrder(number, hashed, request, stage, quantity, quantity, amount, denom, block)
    state.add(order)
    return order


def _best(state: State, request: Request, block: int) -> Decimal | None:
    """The other side's best price as of the block before, which is the book a message sees."""
    book = state.standing(request.market_id, block - 1)
    side = book.asks if request.kind.is_buy else book.bids
    return side[0].price if side else None


def _crosses(request: Request, best: Decimal | None) -> bool:
    if best is None:
        return False
    return request.price >= best if request.kind.is_buy else request.price <= best


def _check_mode(state: State, block: int, *, market: bool) -> None:
    if market and state.standstill.post_only(block):
        until = f"until height {state.standstill.post_only_until}"
        raise failure(Code.POST_ONLY_MODE, f"cannot create market orders in post only mode {until}")


def _posting(state: State, request: Request, block: int) -> bool:
    return request.kind.is_post_only or state.standstill.post_only(block)


def _check_expiration(request: Request, block: int, *, market: bool) -> None:
    if market and request.expiration_height:
        raise failure(Code.INVALID_EXPIRATION, "market orders cannot have expiration block")
    if 0 < request.expiration_height <= FIRST_HEIGHT + block:
        raise failure(Code.INVALID_EXPIRATION, "expiration block must be higher than current block")


def _check_grid(listing: Listing, request: Request) -> None:
    price_tick, quantity_tick = listing.price_tick, listing.quantity_tick
    if request.price % price_tick:
        detail = (
            f"price {request.price:.18f} must be a multiple of the minimum price tick size {price_tick:.18f}"
        )
        raise failure(Code.INVALID_PRICE, detail)
    if request.quantity % quantity_tick:
        detail = f"quantity {request.quantity:.18f} must be a multiple of the minimum quantity tick size"
        raise failure(Code.INVALID_QUANTITY, f"{detail} {quantity_tick:.18f}")
    notional = times(request.quantity, request.price)
    if notional < listing.min_notional:
        detail = f"order notional ({notional:.18f}) is less than the minimum notional for the market"
        raise failure(Code.INVALID_NOTIONAL, f"{detail} ({listing.min_notional:.18f})")


def _check_cid(state: State, request: Request) -> None:
    if request.cid and state.cids.find((request.subaccount, request.cid)):
        raise failure(Code.CID_EXISTS)


def _check_top(state: State, request: Request, block: int, stage: Stage) -> None:
    crosses = _crosses(request, _best(state, request, block))
    if _posting(state, request, block) and crosses:
        raise failure(Code.EXCEEDS_TOP_OF_BOOK)
    if stage is not Stage.MARKET:
        return
    if not crosses:
        raise failure(Code.SLIPPAGE)
    if state.live(request.market_id, request.subaccount, [Stage.MARKET]):
        raise failure(Code.MARKET_ORDER_EXISTS)


def _check_trigger(request: Request, mark: Decimal) -> None:
    if not request.kind.is_conditional or request.trigger_price is None:
        return
    above = request.trigger_price > mark
    if request.trigger_price == mark or above != request.kind.triggers_above:
        detail = (
            f"order type {request.kind.name} incompatible with trigger price {request.trigger_price:.18f}"
        )
        raise failure(Code.INVALID_TRIGGER_PRICE, f"{detail} and markPrice {mark:.18f}")


def _check_counts(state: State, request: Request, stage: Stage) -> None:
    here = state.live(request.market_id, request.subaccount)
    side = [one for one in here if one.is_buy == request.kind.is_buy and one.stage is not Stage.MARKET]
    if stage is not Stage.MARKET and len(side) >= _SIDE_COUNT:
        raise failure(Code.ORDER_SIDE_COUNT)
    if stage is Stage.CONDITIONAL_MARKET and any(
        one.stage is stage and one.request.kind.triggers_above == request.kind.triggers_above for one in here
    ):
        raise failure(Code.CONDITIONAL_MARKET_ORDER_EXISTS)


def _reducible(state: State, request: Request, stage: Stage) -> Decimal:
    """The order's quantity; of a reduce-only order no more than better ones leave of its position.

    The chain also cancels worse reduce-only orders that no longer fit; here the matching holds those back.
    """
    position = state.position(request.subaccount, request.market_id)
    if stage.conditional:
        _check_margin_locked(state, request, position)
        return request.quantity
    if position is not None and position.is_long != request.kind.is_buy:
        _check_bankruptcy(request, position)
    if not request.reduce_only:
        return request.quantity
    if position is None:
        detail = f"Position for marketID {request.market_id} subaccountID {request.subaccount} not found"
        raise failure(Code.POSITION_NOT_FOUND, detail)
    if position.is_long == request.kind.is_buy:
        raise failure(Code.REDUCE_ONLY_DIRECTION)
    left = position.quantity - _better(state, request)
    if left <= 0:
        raise failure(Code.INSUFFICIENT_POSITION, f"position quantity {position.quantity:f}")
    return min(request.quantity, left)


def _better(state: State, request: Request) -> Decimal:
    """What orders of the same side at the same price or a better one may trade."""
    stages = [Stage.RESTING, Stage.TRANSIENT]
    sign = 1 if request.kind.is_buy else -1
    return sum(
        (
            one.fillable
            for one in state.live(request.market_id, request.subaccount, stages)
            if one.is_buy == request.kind.is_buy and one.price * sign >= request.price * sign
        ),
        ZERO,
    )


def _check_margin_locked(state: State, request: Request, position: Position | None) -> None:
    vanilla = any(one.margin for one in state.live(request.market_id, request.subaccount))
    if request.reduce_only and position is None and not vanilla:
        detail = "Should have a position or open vanilla orders before posting conditional reduce-only orders"
        raise failure(Code.NO_MARGIN_LOCKED, detail)


def _check_bankruptcy(request: Request, position: Position) -> None:
    listing = LISTINGS[request.market_id]
    rate = listing.maker_fee if request.kind.is_post_only else listing.taker_fee
    if beyond_bankruptcy(position, request.price, rate, request.margin or ZERO):
        raise failure(Code.BEYOND_BANKRUPTCY)


def _check_margin(request: Request, mark: Decimal | None) -> None:
    if not request.margin or mark is None:
        return
    notional = times(request.price, request.quantity)
    ratio = PERPS[request.market_id].initial_margin_ratio
    needed = times(ratio, notional)
    if request.margin < needed:
        detail = f"InitialMarginRatio Check: need at least {needed:.18f} but got {request.margin:.18f}"
        raise failure(Code.INSUFFICIENT_MARGIN, detail)
    is_buy = request.kind.is_buy
    threshold = margin_threshold(is_buy, notional, request.quantity, (request.margin, ratio))
    if mark < threshold if is_buy else mark > threshold:
        side, bound = ("Buy", "GTE") if is_buy else ("Sell", "LTE")
        detail = f"{side} MarkPriceThreshold Check: mark/trigger price {mark:.18f} must be {bound}"
        raise failure(Code.INSUFFICIENT_MARGIN, f"{detail} {threshold:.18f}")
