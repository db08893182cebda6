"""Orders as messages ask for them, checked without any state.

Source: injective-core, modules/exchange/types (ValidateBasic). Protobuf decimals are integers of 1e-18.
"""

import re
from decimal import Decimal
from typing import Any

from defi_analytics.sandbox.ledger.addresses import decoded, subaccount_of
from defi_analytics.sandbox.ledger.failed import Code, Sdk, failure
from defi_analytics.sandbox.ledger.numbers import EXACT
from defi_analytics.sandbox.ledger.records import OrderType, Request

_INTEGER = re.compile(r"-?[0-9]{1,94}")
"""The chain's decimals have 315 bits at most."""
_MARKET = re.compile(r"0x[0-9a-fA-F]{64}")
_CID = 36
_MAX_PRICE = Decimal("1e32")


def decimal(text: str) -> Decimal:
    """Raises Failed, as a transaction that does not decode, for anything but an integer."""
    if not text:
        return Decimal(0)
    if not _INTEGER.fullmatch(text):
        raise failure(Sdk.TX_DECODE, f"math/big: cannot unmarshal {text[:60]!r} into a *big.Int")
    return Decimal(text).scaleb(-18, EXACT)


def market_id(text: str) -> str:
    if not _MARKET.fullmatch(text):
        raise failure(Code.MARKET_INVALID, text[:80])
    return text.lower()


def cid(text: str) -> str:
    if len(text) > _CID:
        raise failure(Code.INVALID_CID, text)
    return text


def request(order: Any, sender: str, *, market: bool, derivative: bool) -> Request:
    """An order of `MsgCreate…` as asked for. Raises Failed."""
    info = order.order_info
    kind = _kind(order.order_type, market=market, derivative=derivative)
    if info.fee_recipient:
        decoded(info.fee_recipient)
    trigger = decimal(order.trigger_price) if order.trigger_price else None
    if (trigger is not None and trigger < 0) or (kind.is_conditional and not trigger):
        raise failure(Code.INVALID_TRIGGER_PRICE)
    return Request(
        market_id(order.market_id),
        subaccount_of(sender, info.subaccount_id),
        sender,
        info.fee_recipient,
        _bounded(info.price, Code.INVALID_PRICE),
        _bounded(info.quantity, Code.INVALID_QUANTITY),
        cid(info.cid),
        kind,
        _margin(order.margin) if derivative else None,
        trigger,
        _expiration(order.expiration_block),
    )


def _kind(value: int, *, market: bool, derivative: bool) -> OrderType:
    if value not in {int(one) for one in OrderType}:
        raise failure(Code.UNRECOGNIZED_ORDER_TYPE, str(value))
    kind = OrderType(value)
    if kind.is_conditional and not derivative:
        raise failure(Code.UNRECOGNIZED_ORDER_TYPE, kind.name)
    if kind.is_atomic if not market else kind.is_post_only:
        raise failure(Code.ORDER_TYPE_FOR_MESSAGE, kind.name)
    if kind.is_atomic:
        raise failure(Code.ACCESS_LEVEL)
    return kind


def _bounded(text: str, code: Code) -> Decimal:
    value = decimal(text)
    if not 0 < value <= _MAX_PRICE:
        raise failure(code, text[:100])
    return value


def _margin(text: str) -> Decimal:
    value = decimal(text)
    if not 0 <= value <= _MAX_PRICE:
        raise failure(Code.INSUFFICIENT_MARGIN, text[:100])
    return value


def _expiration(height: int) -> int:
    if height < 0:
        raise failure(Code.INVALID_EXPIRATION, str(height))
    return int(height)
