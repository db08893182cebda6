"""Cancels: at once, so that one beats the matching of its own block.

Source: injective-core, modules/exchange/keeper/derivatives_msg_server.go (order masks).
"""

from enum import IntFlag

from defi_analytics.sandbox.ledger.addresses import subaccount_of
from defi_analytics.sandbox.ledger.failed import Code, failure
from defi_analytics.sandbox.ledger.records import LiveOrder, OrderState, Stage
from defi_analytics.sandbox.ledger.requests import cid as checked_cid
from defi_analytics.sandbox.ledger.state import State
from defi_analytics.sandbox.listings import LISTINGS, Perpetual, Spot


class Mask(IntFlag):
    """Which orders a derivative cancel means; what it leaves open it does not restrict."""

    ANY = 1
    REGULAR = 2
    CONDITIONAL = 4
    BUY_OR_HIGHER = 8
    SELL_OR_LOWER = 16
    MARKET = 32
    LIMIT = 64


def cancel(state: State, data: object, sender: str, block: int, *, derivative: bool) -> None:
    """`data` has market_id, subaccount_id, order_hash or cid; for derivatives order_mask. Raises Failed."""
    market_id, kind = str(getattr(data, "market_id", "")).lower(), Perpetual if derivative else Spot
    cid, hashed = checked_cid(getattr(data, "cid", "")), str(getattr(data, "order_hash", "")).lower()
    who = subaccount_of(sender, getattr(data, "subaccount_id", ""))
    if not cid and not hashed:
        raise failure(Code.ORDER_HASH_INVALID)
    if not isinstance(LISTINGS.get(market_id), kind) or not state.standstill.may_cancel(market_id):
        code = Code.DERIVATIVE_MARKET_NOT_FOUND if derivative else Code.SPOT_MARKET_NOT_FOUND
        raise failure(code, f"active {kind.__name__.lower()} market doesn't exist {market_id[:80]}")
    found = state.cids.find((who, cid)) if cid else hashed
    order = state.orders.find(found) if found else None
    mask = Mask(getattr(data, "order_mask", 0)) if derivative else Mask(0)
    if order is None or not _meant(order, (who, market_id), mask):
        kind_name = "Derivative" if derivative else "Spot"
        raise failure(Code.ORDER_DOES_NOT_EXIST, f"{kind_name} Limit Order doesn't exist")
    state.remove(order, OrderState.CANCELED, block)


def cancel_all(state: State, who: str, market_id: str, block: int) -> None:
    """All that can be cancelled of a subaccount's in a market; conditional orders too."""
    if not state.standstill.may_cancel(market_id):
        return
    for order in state.live(market_id, who):
        if order.stage is not Stage.MARKET:
            state.remove(order, OrderState.CANCELED, block)


def _meant(order: LiveOrder, where: tuple[str, str], mask: Mask) -> bool:
    if (order.subaccount, order.market_id) != where or order.stage is Stage.MARKET:
        return False
    conditional, market = order.stage.conditional, order.stage is Stage.CONDITIONAL_MARKET
    high = order.request.kind.triggers_above if conditional else order.is_buy
    choices = [
        (Mask.REGULAR, Mask.CONDITIONAL, conditional),
        (Mask.BUY_OR_HIGHER, Mask.SELL_OR_LOWER, not high),
    ]
    if conditional:
        choices.append((Mask.MARKET, Mask.LIMIT, not market))
    return all(_allows(mask, first, second, is_second) for first, second, is_second in choices)


def _allows(mask: Mask, first: Mask, second: Mask, is_second: bool) -> bool:
    """Whether one of two kinds is meant: when it is named, or neither is."""
    return not mask & (first | second) or bool(mask & (second if is_second else first))
