"""Grants: what one account lets another do in its name, and nothing else.

Source: cosmos-sdk's x/authz; injective-core, modules/exchange/types/v2/authz.go, with the market orders of a
batch checked as well (since v1.20).
"""

import importlib
from collections.abc import Iterable
from typing import Any

from defi_analytics.sandbox.ledger.failed import Authz, Sdk, failure
from defi_analytics.sandbox.ledger.state import State

_STUBS = (
    "pyinjective.proto.injective.exchange.v2.tx_pb2",
    "pyinjective.proto.injective.exchange.v2.authz_pb2",
    "pyinjective.proto.cosmos.bank.v1beta1.tx_pb2",
    "pyinjective.proto.cosmos.authz.v1beta1.authz_pb2",
)
_AUTHZ = "injective.exchange.v2."
_GENERIC = "cosmos.authz.v1beta1.GenericAuthorization"
_MAX_MARKETS = 200
_TYPED = {
    f"{_AUTHZ}{name}Authz": f"/{_AUTHZ}Msg{name}"
    for name in (
        *(f"Create{kind}{how}Order" for kind in ("Spot", "Derivative") for how in ("Limit", "Market")),
        *(f"BatchCreate{kind}LimitOrders" for kind in ("Spot", "Derivative")),
        *(f"Cancel{kind}Order" for kind in ("Spot", "Derivative")),
        *(f"BatchCancel{kind}Orders" for kind in ("Spot", "Derivative")),
        "BatchUpdateOrders",
    )
}
"""The type of an authorization and the message it is for."""


def unpacked(packed: Any) -> Any:
    """The message in a google.protobuf.Any. Raises Failed for a type nobody here knows, or other bytes."""
    name = packed.type_url.rpartition("/")[2]
    for stub in _STUBS:
        importlib.import_module(stub)
    factory = importlib.import_module("google.protobuf.message_factory")
    pool = importlib.import_module("google.protobuf.descriptor_pool").Default()
    broken = importlib.import_module("google.protobuf.message").DecodeError
    try:
        return factory.GetMessageClass(pool.FindMessageTypeByName(name)).FromString(packed.value)
    except KeyError:
        raise failure(Sdk.TX_DECODE, f"unable to resolve type URL {packed.type_url[:100]}") from None
    except broken as error:
        raise failure(Sdk.TX_DECODE, str(error)) from error


def grant(state: State, message: Any, at_s: float) -> dict[str, Any]:
    if message.granter == message.grantee:
        raise failure(Authz.GRANTEE_IS_GRANTER)
    authorization = unpacked(message.grant.authorization)
    url = _message_url(authorization)
    expires_s = message.grant.expiration.seconds if message.grant.HasField("expiration") else float("inf")
    if expires_s <= at_s:
        raise failure(Authz.EXPIRATION_TIME)
    state.grants.put((message.granter, message.grantee, url), (authorization, expires_s))
    return {}


def revoke(state: State, message: Any, sender: str, block: int) -> dict[str, Any]:
    key = message.granter, message.grantee, message.msg_type_url
    if state.grants.find(key) is None:
        raise failure(Authz.NO_AUTHORIZATION)
    state.grants.drop(key)
    return {}


def check(state: State, granter: str, grantee: str, message: Any, at_s: float) -> None:
    """Raises Failed unless the granter lets the grantee send this very message."""
    if granter == grantee:
        return
    url = f"/{message.DESCRIPTOR.full_name}"
    found = state.grants.find((granter, grantee, url))
    if found is None:
        raise failure(Authz.NO_AUTHORIZATION)
    authorization, expires_s = found
    if expires_s <= at_s:
        raise failure(Authz.EXPIRED)
    _accept(authorization, message)


def _message_url(authorization: Any) -> str:
    """Which message an authorization is for. Raises Failed for kinds and contents the chain refuses."""
    name = authorization.DESCRIPTOR.full_name
    if name == _GENERIC:
        return str(authorization.msg)
    if name not in _TYPED:
        raise failure(Authz.UNKNOWN_AUTHORIZATION, name)
    lists = [list(getattr(authorization, field, ())) for field in _MARKETS]
    if not any(lists) or any(len(one) > _MAX_MARKETS or len(set(one)) < len(one) for one in lists):
        raise failure(Sdk.INVALID_TYPE, "invalid markets array length")
    return _TYPED[name]


_MARKETS = ("market_ids", "spot_markets", "derivative_markets")


def _accept(authorization: Any, message: Any) -> None:
    name = authorization.DESCRIPTOR.full_name
    if name == _GENERIC:
        return
    if name == f"{_AUTHZ}BatchUpdateOrdersAuthz":
        _accept_batch(authorization, message)
        return
    for market_id, subaccount in _touched(message):
        if subaccount != authorization.subaccount_id:
            raise failure(Sdk.UNAUTHORIZED, "requested subaccount is unauthorized")
        if market_id not in authorization.market_ids:
            raise failure(Sdk.UNAUTHORIZED, "requested market is unauthorized")


def _touched(message: Any) -> list[tuple[str, str]]:
    """(market, subaccount) of everything a message other than MsgBatchUpdateOrders does."""
    fields = message.DESCRIPTOR.fields_by_name
    if "order" in fields:
        return _of_orders([message.order])
    if "orders" in fields:
        return _of_orders(message.orders)
    return _of_cancels(message.data if "data" in fields else [message])


def _of_orders(orders: Iterable[Any]) -> list[tuple[str, str]]:
    return [(order.market_id, order.order_info.subaccount_id) for order in orders]


def _of_cancels(data: Iterable[Any]) -> list[tuple[str, str]]:
    return [(one.market_id, one.subaccount_id) for one in data]


def _accept_batch(authorization: Any, message: Any) -> None:
    for kind in ("spot", "derivative", "binary_options"):
        touched = [
            *_of_orders(getattr(message, f"{kind}_orders_to_create")),
            *_of_orders(getattr(message, f"{kind}_market_orders_to_create")),
            *_of_cancels(getattr(message, f"{kind}_orders_to_cancel")),
        ]
        cancel_all = getattr(message, f"{kind}_market_ids_to_cancel_all")
        touched += [(market_id, message.subaccount_id) for market_id in cancel_all]
        allowed = getattr(authorization, f"{kind}_markets", ())
        for market_id, subaccount in touched:
            if market_id not in allowed:
                raise failure(Sdk.UNAUTHORIZED, f"requested {kind} market is unauthorized")
            if subaccount != authorization.subaccount_id:
                raise failure(Sdk.UNAUTHORIZED, "requested subaccount is unauthorized")
