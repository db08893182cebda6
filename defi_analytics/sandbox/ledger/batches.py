"""Batches: the transaction goes on although orders of it fail; their slots hold the error's code.

Source: injective-core, modules/exchange/keeper/batch_update.go. An order in a market that does not exist or
is not active leaves its slot of MsgBatchUpdateOrders empty and its client order id in neither list.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from defi_analytics.sandbox.ledger.addresses import subaccount_of
from defi_analytics.sandbox.ledger.cancelling import cancel, cancel_all
from defi_analytics.sandbox.ledger.failed import Code, Failed, failure
from defi_analytics.sandbox.ledger.markets import PERPS, SPOTS
from defi_analytics.sandbox.ledger.placing import place_derivative, place_spot
from defi_analytics.sandbox.ledger.records import OrderFailure, Request
from defi_analytics.sandbox.ledger.requests import request
from defi_analytics.sandbox.ledger.state import State
from defi_analytics.sandbox.listings import LISTINGS, Perpetual, Spot

_NO_HASH = "0x" + "0" * 64
_KINDS = (
    ("spot_market_orders_to_create", True, False),
    ("spot_orders_to_create", False, False),
    ("derivative_market_orders_to_create", True, True),
    ("derivative_orders_to_create", False, True),
)
"""(field, market orders, derivatives), in the sequence in which they are processed."""
_UNSUPPORTED = ("binary_options_orders_to_create", "binary_options_market_orders_to_create")


class Outcomes(NamedTuple):
    """Of one list of orders, by place."""

    hashes: list[str]
    created: list[str]
    """Client order ids."""
    failed: list[str]


def batch_update(state: State, message: Any, sender: str, block: int) -> dict[str, Any]:
    cancels_all = (*message.spot_market_ids_to_cancel_all, *message.derivative_market_ids_to_cancel_all)
    _check_cancels_all(message, cancels_all)
    asked = {
        field: _requests(getattr(message, field), sender, market, kind) for field, market, kind in _KINDS
    }
    who = subaccount_of(sender, message.subaccount_id)
    for market_id in map(str.lower, message.spot_market_ids_to_cancel_all):
        if market_id in SPOTS:
            cancel_all(state, who, market_id, block)
    for market_id in map(str.lower, message.derivative_market_ids_to_cancel_all):
        if market_id in PERPS:
            cancel_all(state, who, market_id, block)
    answer: dict[str, Any] = {
        "spot_cancel_success": cancels(state, message.spot_orders_to_cancel, sender, block, derivative=False),
        "derivative_cancel_success": cancels(
            state, message.derivative_orders_to_cancel, sender, block, derivative=True
        ),
    }
    for field, market, derivative in _KINDS:
        outcomes = _placed(state, asked[field], block, market=market, derivative=derivative)
        answer |= _told(outcomes, "derivative" if derivative else "spot", market=market)
    return answer


def batch_create(
    state: State, orders: Iterable[Any], sender: str, block: int, *, derivative: bool
) -> dict[str, Any]:
    """MsgBatchCreate…LimitOrders. Here an unknown market is an error code like any other."""
    asked = _requests(orders, sender, market=False, derivative=derivative)
    found = _each(state, asked, block, market=False, derivative=derivative)
    return {
        "order_hashes": found.hashes,
        "created_orders_cids": found.created,
        "failed_orders_cids": found.failed,
    }


def cancels(state: State, data: Iterable[Any], sender: str, block: int, *, derivative: bool) -> list[bool]:
    return [_cancelled(state, one, sender, block, derivative=derivative) for one in data]


def _cancelled(state: State, data: Any, sender: str, block: int, *, derivative: bool) -> bool:
    try:
        cancel(state, data, sender, block, derivative=derivative)
    except Failed:
        return False
    return True


def _check_cancels_all(message: Any, market_ids: Sequence[str]) -> None:
    if market_ids and not message.subaccount_id:
        raise failure(Code.INVALID_BATCH, "msg contains cancel all marketIDs but no subaccountID")
    if not market_ids and message.subaccount_id:
        raise failure(Code.INVALID_BATCH, "msg contains subaccountID but no cancel all marketIDs")
    if len(set(market_ids)) < len(market_ids):
        raise failure(Code.INVALID_BATCH, "msg contains duplicate cancel all market ids")
    if any(getattr(message, field) for field in _UNSUPPORTED):
        raise failure(Code.INVALID_BATCH, "no binary options markets here")


def _requests(orders: Iterable[Any], sender: str, market: bool, derivative: bool) -> list[Request]:
    """An order that no state could make valid fails the whole transaction."""
    return [request(order, sender, market=market, derivative=derivative) for order in orders]


def _placed(state: State, asked: list[Request], block: int, *, market: bool, derivative: bool) -> Outcomes:
    kind = Perpetual if derivative else Spot
    known = [_is_active(state, one.market_id, kind) for one in asked]
    done = _each(
        state,
        [one for one, active in zip(asked, known, strict=True) if active],
        block,
        market=market,
        derivative=derivative,
    )
    hashes = iter(done.hashes)
    return done._replace(hashes=[next(hashes) if active else "" for active in known])


def _is_active(state: State, market_id: str, kind: type[Spot] | type[Perpetual]) -> bool:
    return isinstance(LISTINGS.get(market_id), kind) and state.standstill.is_active(market_id)


def _each(state: State, asked: list[Request], block: int, *, market: bool, derivative: bool) -> Outcomes:
    outcomes = Outcomes([], [], [])
    place = place_derivative if derivative else place_spot
    for one in asked:
        try:
            outcomes.hashes.append(place(state, one, block, market=market).order_hash)
            outcomes.created.append(one.cid)
        except Failed as failed:
            outcomes.hashes.append(str(failed.code))
            outcomes.failed.append(one.cid)
            hashed = failed.order_hash or _NO_HASH
            state.fail(OrderFailure(one.sender, one.market_id, hashed, one.cid, failed.code))
    return outcomes


def _told(outcomes: Outcomes, kind: str, *, market: bool) -> dict[str, list[str]]:
    name = f"{kind}_market_order" if market else f"{kind}_order"
    return {
        f"{name}_hashes": outcomes.hashes,
        f"created_{name}s_cids": outcomes.created,
        f"failed_{name}s_cids": outcomes.failed,
    }
