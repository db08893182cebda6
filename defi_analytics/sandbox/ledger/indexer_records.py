"""Trades, orders, positions and deposits as the indexer writes them.

Source: the indexer's Goa REST API. Its numbers are in the chain's first format: spot prices and quantities in
smallest units, derivative prices and money in those of the quote; fees too.
"""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Any, NamedTuple

from defi_analytics.sandbox.ledger.accounts import Deposit
from defi_analytics.sandbox.ledger.ledger import Ledger
from defi_analytics.sandbox.ledger.markets import PERPS
from defi_analytics.sandbox.ledger.numbers import EXACT
from defi_analytics.sandbox.ledger.positions import funded, liquidation_price, profit
from defi_analytics.sandbox.ledger.records import (
    ZERO,
    Execution,
    OrderRecord,
    OrderState,
    Position,
    Stage,
    Trade,
)
from defi_analytics.sandbox.listings import LISTINGS, Listing, Spot
from defi_analytics.sandbox.moment import Moment

_NO_HASH = "0x" + "0" * 64
_EXECUTIONS = {
    Execution.MARKET: "market",
    Execution.LIMIT_FILL: "limitFill",
    Execution.MATCH_RESTING: "limitMatchRestingOrder",
    Execution.MATCH_NEW: "limitMatchNewOrder",
    Execution.LIQUIDATION: "market",
}


class Scale(NamedTuple):
    """Powers of ten from human units to what the indexer writes."""

    price: int
    quantity: int
    quote: int


def scale(listing: Listing) -> Scale:
    quote = listing.quote_decimals
    if isinstance(listing, Spot):
        return Scale(quote - listing.base_decimals, listing.base_decimals, quote)
    return Scale(quote, 0, quote)


def text(value: Decimal, power: int = 0) -> str:
    """Shifted, without an exponent or idle zeros."""
    shifted = value.scaleb(power, EXACT).normalize(EXACT)
    return f"{shifted:f}" if shifted else "0"


def _trade(moment: Moment, trade: Trade) -> dict[str, Any]:
    return {
        "orderHash": trade.order_hash,
        "subaccountId": trade.subaccount,
        "marketId": trade.market_id,
        "tradeExecutionType": _EXECUTIONS[trade.execution],
        "fee": text(trade.fee, LISTINGS[trade.market_id].quote_decimals),
        "executedAt": millis(moment, trade.block),
        "feeRecipient": trade.fee_recipient,
        "tradeId": trade.trade_id,
        "executionSide": role(trade),
        "cid": trade.cid,
    }


def spot_trade(moment: Moment, trade: Trade) -> dict[str, Any]:
    by = scale(LISTINGS[trade.market_id])
    at_ms = millis(moment, trade.block)
    price = {"price": text(trade.price, by.price), "quantity": text(trade.quantity, by.quantity)}
    return {
        **_trade(moment, trade),
        "tradeDirection": direction(trade.is_buy),
        "price": {**price, "timestamp": at_ms},
    }


def derivative_trade(moment: Moment, trade: Trade) -> dict[str, Any]:
    by, delta = scale(LISTINGS[trade.market_id]), trade.position_delta
    return {
        **_trade(moment, trade),
        "positionDelta": {
            "tradeDirection": direction(trade.is_buy),
            "executionPrice": text(trade.price, by.price),
            "executionQuantity": text(trade.quantity),
            "executionMargin": text(delta.margin if delta else ZERO, by.quote),
        },
        "payout": text(trade.payout, by.quote),
        "pnl": text(trade.pnl, by.quote),
        "isLiquidation": trade.execution is Execution.LIQUIDATION,
    }


def role(trade: Trade) -> str:
    return "maker" if trade.is_maker else "taker"


def direction(is_buy: bool) -> str:
    return "buy" if is_buy else "sell"


def millis(moment: Moment, block: int) -> int:
    return int(moment.time_of(block).timestamp() * 1000)


def is_active(record: OrderRecord) -> bool:
    return record.state in {OrderState.BOOKED, OrderState.PARTIAL}


def _shared(moment: Moment, record: OrderRecord) -> dict[str, Any]:
    order = record.order
    by = scale(LISTINGS[order.market_id])
    margin = {} if order.request.margin is None else {"margin": text(order.margin, by.quote)}
    return {
        "orderHash": order.order_hash,
        "marketId": order.market_id,
        "subaccountId": order.subaccount,
        "price": text(order.price, by.price),
        "triggerPrice": text(order.request.trigger_price or ZERO, by.price),
        "quantity": text(order.quantity, by.quantity),
        **margin,
        "state": record.state.value,
        "createdAt": millis(moment, order.block),
        "updatedAt": millis(moment, record.updated_block),
        "txHash": _NO_HASH,
        "cid": order.cid,
    }


def past_order(moment: Moment, record: OrderRecord) -> dict[str, Any]:
    order, by = record.order, scale(LISTINGS[record.order.market_id])
    more: dict[str, Any] = {
        "executionType": "market" if order.stage in {Stage.MARKET, Stage.CONDITIONAL_MARKET} else "limit",
        "orderType": order.request.kind.name.lower(),
        "filledQuantity": text(record.filled, by.quantity),
        "direction": direction(order.is_buy),
        "isActive": is_active(record),
    }
    if order.request.margin is not None:
        more |= {"isReduceOnly": order.request.reduce_only, "isConditional": order.stage.conditional}
        more |= {"triggerAt": 0, "placedOrderHash": ""}
    return {**_shared(moment, record), **more}


def open_order(moment: Moment, record: OrderRecord) -> dict[str, Any]:
    order, by = record.order, scale(LISTINGS[record.order.market_id])
    return {
        **_shared(moment, record),
        "orderSide": order.request.kind.name.lower(),
        "unfilledQuantity": text(order.fillable, by.quantity),
        "feeRecipient": order.fee_recipient,
    }


def positions(moment: Moment, ledger: Ledger, found: Iterable[Position]) -> list[dict[str, Any]]:
    with localcontext(EXACT):
        return [_position(moment, ledger, one) for one in found]


def _position(moment: Moment, ledger: Ledger, raw: Position) -> dict[str, Any]:
    listing = PERPS[raw.market_id]
    position = funded(raw, ledger.cumulative_funding(raw.market_id))
    mark, quote = moment.world.mark_price(listing, moment.block), listing.quote_decimals
    liquidation = max(ZERO, liquidation_price(position, listing.maintenance_margin_ratio))
    return {
        "ticker": listing.ticker,
        "marketId": listing.market_id,
        "subaccountId": raw.subaccount,
        "direction": "long" if raw.is_long else "short",
        "quantity": text(raw.quantity),
        "entryPrice": text(raw.entry_price, quote),
        "margin": text(raw.margin, quote),
        "liquidationPrice": text(liquidation, quote),
        "markPrice": text(mark, quote),
        "updatedAt": millis(moment, moment.block),
        "denom": listing.quote_denom,
        "cumulativeFundingEntry": text(raw.cumulative_funding_entry, quote),
        "upnl": text(profit(position, mark, position.quantity), quote),
    }


def deposit(subaccount: str, denom: str, held: Deposit) -> dict[str, Any]:
    amounts = {"totalBalance": text(held.total), "availableBalance": text(held.available)}
    return {"subaccountId": subaccount, "denom": denom, "deposit": amounts}
