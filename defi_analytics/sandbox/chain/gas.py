"""How much gas a transaction uses.

Source: injective-core v1.17.2 keeper/fixed_gas.go (a fixed price for each kind of order) and what the ante
handler costs there: about 105,000 with one signature, of which ten for each byte.
"""

from typing import Any

from defi_analytics.sandbox.chain.transaction import Transaction, unpacked

MIN_GAS_PRICE = 160_000_000
"""In the smallest unit of INJ."""
_ANTE = 88_000
_PER_BYTE = 10
_OTHER = 25_000
_POST_ONLY = (7, 8)
_ONE_SPOT, _ONE_DERIVATIVE = (100_000, 120_000), (120_000, 140_000)
"""A limit order; a post-only one."""
_FIXED = {
    "MsgCreateSpotMarketOrder": 50_000,
    "MsgCancelSpotOrder": 65_000,
    "MsgCreateDerivativeMarketOrder": 105_000,
    "MsgCancelDerivativeOrder": 70_000,
    "MsgDeposit": 38_000,
    "MsgWithdraw": 35_000,
    "MsgSubaccountTransfer": 15_000,
    "MsgExternalTransfer": 40_000,
    "MsgIncreasePositionMargin": 51_000,
    "MsgDecreasePositionMargin": 60_000,
}
_LISTS = {
    "spot_orders_to_create": "spot",
    "derivative_orders_to_create": "derivative",
    "spot_market_orders_to_create": 50_000,
    "derivative_market_orders_to_create": 105_000,
    "spot_orders_to_cancel": 65_000,
    "derivative_orders_to_cancel": 70_000,
    "spot_market_ids_to_cancel_all": 65_000,
    "derivative_market_ids_to_cancel_all": 70_000,
}
"""What a batch holds: limit orders of a kind, or so much gas each."""


def ante_gas(transaction: Transaction) -> int:
    return _ANTE + _PER_BYTE * len(transaction.raw)


def gas_used(transaction: Transaction) -> int:
    """Of the whole transaction when every message of it succeeds."""
    return ante_gas(transaction) + sum(_message(one) for one in transaction.messages)


def _message(message: Any) -> int:
    name = message.DESCRIPTOR.name
    if name in _FIXED:
        return _FIXED[name]
    if name == "MsgCreateSpotLimitOrder":
        return _limit(message.order, _ONE_SPOT)
    if name == "MsgCreateDerivativeLimitOrder":
        return _limit(message.order, _ONE_DERIVATIVE)
    if name == "MsgExec":
        return sum(_message(unpacked(one)) for one in message.msgs)
    if name.startswith("MsgBatch"):
        return sum(_listed(message, field) for field in _LISTS if hasattr(message, field)) or _OTHER
    return _OTHER


def _listed(message: Any, field: str) -> int:
    orders, cost = getattr(message, field), _LISTS[field]
    if isinstance(cost, int):
        return cost * len(orders)
    return sum(_limit(one, _ONE_SPOT if cost == "spot" else _ONE_DERIVATIVE) for one in orders)


def _limit(order: Any, costs: tuple[int, int]) -> int:
    """A tenth more for an order that expires with a block."""
    cost = costs[order.order_type in _POST_ONLY]
    return cost + (cost // 10 if getattr(order, "expiration_block", 0) else 0)
