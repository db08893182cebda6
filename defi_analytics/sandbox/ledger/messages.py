"""One message at a time: which one does what.

Source: injective.exchange.v2.Msg, cosmos.bank.v1beta1.Msg and cosmos.authz.v1beta1.Msg.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from defi_analytics.sandbox.ledger import grants
from defi_analytics.sandbox.ledger.addresses import canonical, decoded, is_default, subaccount_of
from defi_analytics.sandbox.ledger.batches import batch_create, batch_update, cancels
from defi_analytics.sandbox.ledger.cancelling import cancel
from defi_analytics.sandbox.ledger.failed import Code, Sdk, failure
from defi_analytics.sandbox.ledger.numbers import units
from defi_analytics.sandbox.ledger.placing import active, place_derivative, place_spot
from defi_analytics.sandbox.ledger.requests import decimal, market_id, request
from defi_analytics.sandbox.ledger.state import State
from defi_analytics.sandbox.listings import Perpetual

_COIN = re.compile(r"[1-9][0-9]{0,77}")
_SHORT = 3
Handler = Callable[[State, Any, str, int], dict[str, Any]]


def execute(state: State, message: Any, sender: str, when: tuple[int, float]) -> dict[str, Any]:
    """`when` is the block and its time, in seconds since 1970. Raises Failed."""
    name = message.DESCRIPTOR.full_name
    if _signer(message) != sender:
        raise failure(Sdk.UNAUTHORIZED, f"{name} is not signed by {sender}")
    block, at_s = when
    if name == "cosmos.authz.v1beta1.MsgExec":
        return _execute_granted(state, message, block, at_s)
    if name == "cosmos.authz.v1beta1.MsgGrant":
        return grants.grant(state, message, at_s)
    handler = _HANDLERS.get(name)
    if handler is None:
        raise failure(Sdk.UNKNOWN_REQUEST, f"unrecognized message route: /{name}")
    return handler(state, message, sender, block)


def _execute_granted(state: State, message: Any, block: int, at_s: float) -> dict[str, Any]:
    """The results are (type name, fields) of each inner message's response."""
    results = []
    for packed in message.msgs:
        inner = grants.unpacked(packed)
        granter = _signer(inner)
        grants.check(state, granter, message.grantee, inner, at_s)
        fields = execute(state, inner, granter, (block, at_s))
        results.append((f"{inner.DESCRIPTOR.full_name}Response", fields))
    return {"results": results}


def _signer(message: Any) -> str:
    fields = message.DESCRIPTOR.fields_by_name
    names = ("sender", "from_address", "granter", "grantee")
    return next((str(getattr(message, name)) for name in names if name in fields), "")


def _place(*, market: bool, derivative: bool) -> Handler:
    place = place_derivative if derivative else place_spot

    def handle(state: State, message: Any, sender: str, block: int) -> dict[str, Any]:
        asked = request(message.order, sender, market=market, derivative=derivative)
        order = place(state, asked, block, market=market)
        return {"order_hash": order.order_hash, "cid": order.cid}

    return handle


def _cancel(*, derivative: bool) -> Handler:
    def handle(state: State, message: Any, sender: str, block: int) -> dict[str, Any]:
        cancel(state, message, sender, block, derivative=derivative)
        return {}

    return handle


def _batch_create(*, derivative: bool) -> Handler:
    def handle(state: State, message: Any, sender: str, block: int) -> dict[str, Any]:
        return batch_create(state, message.orders, sender, block, derivative=derivative)

    return handle


def _batch_cancel(*, derivative: bool) -> Handler:
    def handle(state: State, message: Any, sender: str, block: int) -> dict[str, Any]:
        return {"success": cancels(state, message.data, sender, block, derivative=derivative)}

    return handle


def _coin(coin: Any) -> tuple[str, int]:
    if not coin.denom or not _COIN.fullmatch(coin.amount):
        raise failure(Sdk.INVALID_COINS, f"{coin.amount[:90]}{coin.denom[:90]}")
    return coin.denom, int(coin.amount)


def _send(state: State, message: Any, sender: str, block: int) -> dict[str, Any]:
    decoded(message.to_address)
    if not message.amount:
        raise failure(Sdk.INVALID_COINS)
    for coin in message.amount:
        denom, amount = _coin(coin)
        state.accounts.debit(sender, denom, amount)
        state.accounts.credit(message.to_address, denom, amount)
    return {}


def _deposit(state: State, message: Any, sender: str, block: int) -> dict[str, Any]:
    """Anybody's subaccount may be paid into, but for those whose money is the bank's."""
    denom, amount = _coin(message.amount)
    text = message.subaccount_id
    target = canonical(text) if len(text) > _SHORT else subaccount_of(sender, text)
    _refuse_default(target, Code.BAD_SUBACCOUNT)
    state.accounts.debit(sender, denom, amount)
    state.accounts.receive(target, denom, Decimal(amount))
    return {}


def _withdraw(state: State, message: Any, sender: str, block: int) -> dict[str, Any]:
    denom, amount = _coin(message.amount)
    source = subaccount_of(sender, message.subaccount_id)
    _refuse_default(source)
    state.accounts.pay(source, denom, Decimal(amount))
    state.accounts.credit(sender, denom, amount)
    return {}


def _transfer(state: State, message: Any, sender: str, block: int) -> dict[str, Any]:
    denom, amount = _coin(message.amount)
    source = subaccount_of(sender, message.source_subaccount_id)
    target = subaccount_of(sender, message.destination_subaccount_id)
    _refuse_default(source)
    _refuse_default(target, Code.BAD_SUBACCOUNT)
    state.accounts.pay(source, denom, Decimal(amount))
    state.accounts.receive(target, denom, Decimal(amount))
    return {}


def _refuse_default(subaccount: str, code: Code = Code.INSUFFICIENT_DEPOSIT) -> None:
    """Index 0 keeps no deposits, so nothing is moved out of or into them."""
    if is_default(subaccount):
        raise failure(code, subaccount)


def _increase_margin(state: State, message: Any, sender: str, block: int) -> dict[str, Any]:
    listing = active(state, market_id(message.market_id), Perpetual)
    source = subaccount_of(sender, message.source_subaccount_id)
    where = canonical(message.destination_subaccount_id), listing.market_id
    amount = decimal(message.amount)
    if amount <= 0:
        raise failure(Code.INVALID_AMOUNT, message.amount[:100])
    position = state.settle_funding(*where)
    if position is None:
        raise failure(Code.POSITION_NOT_FOUND, f"subaccountID {where[0]} marketID {where[1]}")
    state.accounts.pay(source, listing.quote_denom, units(amount, listing.quote_decimals))
    state.set_position(where, position._replace(margin=position.margin + amount))
    return {}


_EXCHANGE = "injective.exchange.v2.Msg"
_HANDLERS: dict[str, Handler] = {
    f"{_EXCHANGE}CreateSpotLimitOrder": _place(market=False, derivative=False),
    f"{_EXCHANGE}CreateSpotMarketOrder": _place(market=True, derivative=False),
    f"{_EXCHANGE}CreateDerivativeLimitOrder": _place(market=False, derivative=True),
    f"{_EXCHANGE}CreateDerivativeMarketOrder": _place(market=True, derivative=True),
    f"{_EXCHANGE}BatchCreateSpotLimitOrders": _batch_create(derivative=False),
    f"{_EXCHANGE}BatchCreateDerivativeLimitOrders": _batch_create(derivative=True),
    f"{_EXCHANGE}CancelSpotOrder": _cancel(derivative=False),
    f"{_EXCHANGE}CancelDerivativeOrder": _cancel(derivative=True),
    f"{_EXCHANGE}BatchCancelSpotOrders": _batch_cancel(derivative=False),
    f"{_EXCHANGE}BatchCancelDerivativeOrders": _batch_cancel(derivative=True),
    f"{_EXCHANGE}BatchUpdateOrders": batch_update,
    f"{_EXCHANGE}Deposit": _deposit,
    f"{_EXCHANGE}Withdraw": _withdraw,
    f"{_EXCHANGE}SubaccountTransfer": _transfer,
    f"{_EXCHANGE}IncreasePositionMargin": _increase_margin,
    "cosmos.bank.v1beta1.MsgSend": _send,
    "cosmos.authz.v1beta1.MsgRevoke": grants.revoke,
}
