"""What a block did to users' orders, as the chain writes it into the block's own events.

Source: injective.exchange.v2 EventBatchSpotExecution and EventBatchDerivativeExecution (one for each market,
side and kind of execution), written by sdk.TypedEventToEvent: bytes in base64, decimals with 18 places.
"""

import base64
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from defi_analytics.sandbox.chain.abci import Event
from defi_analytics.sandbox.chain.events import typed
from defi_analytics.sandbox.gateway import dec
from defi_analytics.sandbox.ledger.addresses import decoded

_END_BLOCK = ("mode", "EndBlock")


def of_block(told: Any) -> list[Event]:
    """`told` is the ledger's BlockEvents, or None."""
    if told is None:
        return []
    grouped = groupby(sorted(told.trades, key=_batch), key=_batch)
    return [_execution(key, list(trades)) for key, trades in grouped]


def _batch(trade: Any) -> tuple[str, bool, str]:
    return trade.market_id, trade.is_buy, str(trade.execution)


def _execution(key: tuple[str, bool, str], trades: list[Any]) -> Event:
    market_id, is_buy, execution = key
    if trades[0].position_delta is None:
        fields = {"market_id": market_id, "is_buy": is_buy, "executionType": execution}
        fields["trades"] = [_spot_trade(one) for one in trades]
        return typed("injective.exchange.v2.EventBatchSpotExecution", fields, _END_BLOCK)
    fields = {
        "market_id": market_id,
        "is_buy": is_buy,
        "is_liquidation": execution == "MarketLiquidation",
        "cumulative_funding": dec(trades[0].cumulative_funding),
        "executionType": "Market" if execution == "MarketLiquidation" else execution,
        "trades": [_derivative_trade(one) for one in trades],
    }
    return typed("injective.exchange.v2.EventBatchDerivativeExecution", fields, _END_BLOCK)


def _spot_trade(trade: Any) -> dict[str, Any]:
    terms = {"quantity": dec(trade.quantity), "price": dec(trade.price), "notional": dec(trade.notional)}
    return {**terms, **_common(trade)}


def _derivative_trade(trade: Any) -> dict[str, Any]:
    return {
        **_common(trade),
        "position_delta": position_delta(trade.position_delta),
        "payout": dec(trade.payout),
        "pnl": dec(trade.pnl),
    }


def position_delta(delta: Any) -> dict[str, Any]:
    return {
        "is_long": delta.is_long,
        "execution_quantity": dec(delta.quantity),
        "execution_margin": dec(delta.margin),
        "execution_price": dec(delta.price),
    }


def _common(trade: Any) -> dict[str, Any]:
    return {
        "subaccount_id": hex_bytes(trade.subaccount),
        "fee": dec(trade.fee),
        "order_hash": hex_bytes(trade.order_hash),
        "fee_recipient_address": account_bytes(trade.fee_recipient),
        "cid": trade.cid,
    }


def hex_bytes(text: str) -> str:
    """0x… as JSON writes bytes."""
    return base64.b64encode(bytes.fromhex(text.removeprefix("0x"))).decode()


def account_bytes(address: str) -> str:
    return base64.b64encode(decoded(address)).decode() if address else ""


def order_fails(failures: Sequence[Any], index: int) -> list[Event]:
    """One for each account whose orders a message could not place, although it succeeded."""
    accounts = dict.fromkeys(one.sender for one in failures)
    return [
        _order_fail(account, [one for one in failures if one.sender == account], index)
        for account in accounts
    ]


def _order_fail(account: str, failed: list[Any], index: int) -> Event:
    fields = {
        "account": account_bytes(account),
        "hashes": [hex_bytes(one.order_hash) for one in failed],
        "flags": [one.code for one in failed],
        "cids": [one.cid for one in failed],
    }
    return typed("injective.exchange.v2.EventOrderFail", fields, ("msg_index", str(index)))
