"""Single trades, orders and positions as the chain stream tells them.

Source: injective.stream.v2 SpotTrade, DerivativeTrade, SpotOrderUpdate, DerivativeOrderUpdate and Position;
here subaccounts and hashes are text, not bytes, but for the hash inside an order.
"""

from typing import Any

from defi_analytics.sandbox.chain.block_events import hex_bytes, position_delta
from defi_analytics.sandbox.gateway import dec

_STATUS = {
    "booked": "Booked",
    "partial_filled": "Matched",
    "filled": "Matched",
    "canceled": "Cancelled",
}
_NONE = "0.000000000000000000"


def spot_trade(trade: Any) -> dict[str, Any]:
    row = {"quantity": dec(trade.quantity), "price": dec(trade.price), "notional": dec(trade.notional)}
    return {**_trade(trade), **row}


def derivative_trade(trade: Any) -> dict[str, Any]:
    return {
        **_trade(trade),
        "position_delta": position_delta(trade.position_delta),
        "payout": dec(trade.payout),
        "is_liquidation": trade.execution == "MarketLiquidation",
    }


def _trade(trade: Any) -> dict[str, Any]:
    return {
        "market_id": trade.market_id,
        "is_buy": trade.is_buy,
        "executionType": str(trade.execution),
        "subaccount_id": trade.subaccount,
        "fee": dec(trade.fee),
        "order_hash": trade.order_hash,
        "fee_recipient_address": trade.fee_recipient,
        "cid": trade.cid,
        "trade_id": trade.trade_id,
    }


def order_update(record: Any) -> dict[str, Any] | None:
    """None for a change that the stream does not tell."""
    status, order = _STATUS.get(str(record.state)), record.order
    if status is None:
        return None
    request = order.request
    row = {
        "order_info": {
            "subaccount_id": order.subaccount,
            "fee_recipient": order.fee_recipient,
            "price": dec(order.price),
            "quantity": dec(order.quantity),
            "cid": order.cid,
        },
        "order_type": request.kind.name,
        "fillable": dec(order.fillable),
        "trigger_price": dec(request.trigger_price) if request.trigger_price else "",
        "order_hash": hex_bytes(order.order_hash),
        "expiration_block": str(request.expiration_height),
    }
    update = {"market_id": order.market_id, "order": row}
    if request.margin is not None:
        row["margin"] = dec(request.margin)
        update["is_market"] = "market" in str(order.stage)
    return {"status": status, "order_hash": order.order_hash, "cid": order.cid, "order": update}


def position(trade: Any, held: Any | None) -> dict[str, Any]:
    """A closed position is one of quantity zero."""
    row = {"market_id": trade.market_id, "subaccount_id": trade.subaccount}
    if held is None:
        nothing = dict.fromkeys(("quantity", "entry_price", "margin", "cumulative_funding_entry"), _NONE)
        return {**row, "isLong": False, **nothing}
    return {
        **row,
        "isLong": held.is_long,
        "quantity": dec(held.quantity),
        "entry_price": dec(held.entry_price),
        "margin": dec(held.margin),
        "cumulative_funding_entry": dec(held.cumulative_funding_entry),
    }
