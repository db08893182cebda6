"""What the indexer tells of users: trades, orders past and present, positions, portfolios.

Source: the indexer's Goa REST API. Its numbers are in the chain's first format: spot prices and quantities in
smallest units, derivative prices and money in those of the quote; fees too.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from typing import Any, NamedTuple

from defi_analytics.sandbox.gateway import Answer, Route, whole
from defi_analytics.sandbox.ledger.addresses import owner
from defi_analytics.sandbox.ledger.ledger import Ledger
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
from defi_analytics.sandbox.ledger.routes import ledger_of
from defi_analytics.sandbox.listings import LISTINGS, Listing, Perpetual, Spot
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Request

_PAGE = 100
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


def _trades(kind: type[Spot] | type[Perpetual], told: Any) -> Answer:
    def answer(moment: Moment, request: Request) -> Any:
        found = [
            one
            for one in reversed(ledger_of(moment).trades())
            if isinstance(LISTINGS[one.market_id], kind) and _asked_trade(request, moment, one)
        ]
        page, paging = _paged(request, found)
        return {"trades": [told(moment, one) for one in page], "paging": paging}

    return answer


def _asked_trade(request: Request, moment: Moment, trade: Trade) -> bool:
    at_ms = _ms(moment, trade.block)
    end_ms = whole(request, "endTime", 0)
    return (
        _asked(request, trade.market_id, trade.subaccount)
        and request.first("cid") in {"", trade.cid}
        and request.first("tradeId") in {"", trade.trade_id}
        and request.first("executionSide") in {"", _role(trade)}
        and request.first("direction") in {"", _direction(trade.is_buy)}
        and whole(request, "startTime", 0) <= at_ms <= (end_ms or at_ms)
    )


def _asked(request: Request, market_id: str, subaccount: str) -> bool:
    markets = {one.lower() for one in (*request.every("marketId"), *request.every("marketIds")) if one}
    whose = {one.lower() for one in (*request.every("subaccountId"), *request.every("subaccountIds")) if one}
    address = request.first("accountAddress")
    return (
        (not markets or market_id in markets)
        and (not whose or subaccount in whose)
        and address in {"", owner(subaccount)}
    )


def _paged(request: Request, found: Sequence[Any]) -> tuple[Sequence[Any], dict[str, Any]]:
    skip, limit = whole(request, "skip", 0), min(whole(request, "limit", _PAGE) or _PAGE, _PAGE)
    page = found[skip : skip + limit]
    return page, {"total": len(found), "from": skip + 1 if page else 0, "to": skip + len(page)}


def _trade(moment: Moment, trade: Trade) -> dict[str, Any]:
    return {
        "orderHash": trade.order_hash,
        "subaccountId": trade.subaccount,
        "marketId": trade.market_id,
        "tradeExecutionType": _EXECUTIONS[trade.execution],
        "fee": text(trade.fee, LISTINGS[trade.market_id].quote_decimals),
        "executedAt": _ms(moment, trade.block),
        "feeRecipient": trade.fee_recipient,
        "tradeId": trade.trade_id,
        "executionSide": _role(trade),
        "cid": trade.cid,
    }


def _spot_trade(moment: Moment, trade: Trade) -> dict[str, Any]:
    by = scale(LISTINGS[trade.market_id])
    at_ms = _ms(moment, trade.block)
    price = {"price": text(trade.price, by.price), "quantity": text(trade.quantity, by.quantity)}
    return {
        **_trade(moment, trade),
        "tradeDirection": _direction(trade.is_buy),
        "price": {**price, "timestamp": at_ms},
    }


def _derivative_trade(moment: Moment, trade: Trade) -> dict[str, Any]:
    by, delta = scale(LISTINGS[trade.market_id]), trade.position_delta
    return {
        **_trade(moment, trade),
        "positionDelta": {
            "tradeDirection": _direction(trade.is_buy),
            "executionPrice": text(trade.price, by.price),
            "executionQuantity": text(trade.quantity),
            "executionMargin": text(delta.margin if delta else ZERO, by.quote),
        },
        "payout": text(trade.payout, by.quote),
        "pnl": text(trade.pnl, by.quote),
        "isLiquidation": trade.execution is Execution.LIQUIDATION,
    }


def _role(trade: Trade) -> str:
    return "maker" if trade.is_maker else "taker"


def _direction(is_buy: bool) -> str:
    return "buy" if is_buy else "sell"


def _ms(moment: Moment, block: int) -> int:
    return int(moment.time_of(block).timestamp() * 1000)


def _history(kind: type[Spot] | type[Perpetual]) -> Answer:
    def answer(moment: Moment, request: Request) -> Any:
        found = [one for one in _records(moment, request, kind) if request.first("state") in {"", one.state}]
        page, paging = _paged(request, found)
        return {"orders": [_past_order(moment, one) for one in page], "paging": paging}

    return answer


def _records(moment: Moment, request: Request, kind: type[Spot] | type[Perpetual]) -> list[OrderRecord]:
    """Newest first."""
    return [
        one
        for one in reversed(ledger_of(moment).history())
        if isinstance(LISTINGS[one.order.market_id], kind)
        and _asked(request, one.order.market_id, one.order.subaccount)
        and request.first("cid") in {"", one.order.cid}
    ]


def _open_orders(kind: type[Spot] | type[Perpetual]) -> Answer:
    def answer(moment: Moment, request: Request) -> Any:
        found = [one for one in _records(moment, request, kind) if _is_active(one)]
        page, paging = _paged(request, [one for one in found if not one.order.stage.conditional])
        return {"orders": [_open_order(moment, one) for one in page], "paging": paging}

    return answer


def _is_active(record: OrderRecord) -> bool:
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
        "createdAt": _ms(moment, order.block),
        "updatedAt": _ms(moment, record.updated_block),
        "txHash": _NO_HASH,
        "cid": order.cid,
    }


def _past_order(moment: Moment, record: OrderRecord) -> dict[str, Any]:
    order, by = record.order, scale(LISTINGS[record.order.market_id])
    more: dict[str, Any] = {
        "executionType": "market" if order.stage in {Stage.MARKET, Stage.CONDITIONAL_MARKET} else "limit",
        "orderType": order.request.kind.name.lower(),
        "filledQuantity": text(record.filled, by.quantity),
        "direction": _direction(order.is_buy),
        "isActive": _is_active(record),
    }
    if order.request.margin is not None:
        more |= {"isReduceOnly": order.request.reduce_only, "isConditional": order.stage.conditional}
        more |= {"triggerAt": 0, "placedOrderHash": ""}
    return {**_shared(moment, record), **more}


def _open_order(moment: Moment, record: OrderRecord) -> dict[str, Any]:
    order, by = record.order, scale(LISTINGS[record.order.market_id])
    return {
        **_shared(moment, record),
        "orderSide": order.request.kind.name.lower(),
        "unfilledQuantity": text(order.fillable, by.quantity),
        "feeRecipient": order.fee_recipient,
    }


def _positions(moment: Moment, request: Request) -> Any:
    ledger = ledger_of(moment)
    found = [one for one in ledger.positions() if _asked(request, one.market_id, one.subaccount)]
    page, paging = _paged(request, found)
    return {"positions": _told_positions(moment, ledger, page), "paging": paging}


def _told_positions(moment: Moment, ledger: Ledger, found: Iterable[Position]) -> list[dict[str, Any]]:
    with localcontext(EXACT):
        return [_position(moment, ledger, one) for one in found]


def _position(moment: Moment, ledger: Ledger, raw: Position) -> dict[str, Any]:
    listing = LISTINGS[raw.market_id]
    if not isinstance(listing, Perpetual):
        raise TypeError(raw.market_id)
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
        "updatedAt": _ms(moment, moment.block),
        "denom": listing.quote_denom,
        "cumulativeFundingEntry": text(raw.cumulative_funding_entry, quote),
        "upnl": text(profit(position, mark, position.quantity), quote),
    }


def _portfolio(moment: Moment, request: Request, address: str) -> Any:
    ledger = ledger_of(moment)
    held = ledger.subaccounts(address).items()
    deposits = [(whose, denom, one) for whose, by_denom in held for denom, one in by_denom.items()]
    found = [one for one in ledger.positions() if owner(one.subaccount) == address]
    positions = _told_positions(moment, ledger, found)
    portfolio = {
        "accountAddress": address,
        "bankBalances": [{"denom": name, "amount": str(n)} for name, n in ledger.balances(address).items()],
        "subaccounts": [_deposit(*one) for one in deposits],
        "positionsWithUpnl": [{"position": one, "unrealizedPnl": one["upnl"]} for one in positions],
    }
    return {"portfolio": portfolio}


def _deposit(subaccount: str, denom: str, deposit: Any) -> dict[str, Any]:
    amounts = {"totalBalance": text(deposit.total), "availableBalance": text(deposit.available)}
    return {"subaccountId": subaccount, "denom": denom, "deposit": amounts}


_API = "GET /api/exchange"
ROUTES: tuple[Route, ...] = (
    Route(f"{_API}/spot/v2/trades", _trades(Spot, _spot_trade)),
    Route(f"{_API}/derivative/v2/trades", _trades(Perpetual, _derivative_trade)),
    Route(f"{_API}/spot/v1/ordersHistory", _history(Spot)),
    Route(f"{_API}/derivative/v1/ordersHistory", _history(Perpetual)),
    Route(f"{_API}/spot/v1/orders", _open_orders(Spot)),
    Route(f"{_API}/derivative/v1/orders", _open_orders(Perpetual)),
    Route(f"{_API}/derivative/v2/positions", _positions),
    Route(f"{_API}/portfolio/v2/portfolio/{{address}}", _portfolio),
)
