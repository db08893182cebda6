"""What the indexer tells of users: trades, orders past and present, positions, portfolios.

Source: the indexer's Goa REST API.
"""

from collections.abc import Sequence
from typing import Any

from defi_analytics.sandbox.gateway import Answer, Route, whole
from defi_analytics.sandbox.ledger import indexer_records as records
from defi_analytics.sandbox.ledger.addresses import owner
from defi_analytics.sandbox.ledger.records import OrderRecord, Trade
from defi_analytics.sandbox.ledger.routes import ledger_of
from defi_analytics.sandbox.listings import LISTINGS, Perpetual, Spot
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Request

_PAGE = 100


def _trades(kind: type[Spot] | type[Perpetual], told: Any) -> Answer:
    def answer(moment: Moment, request: Request) -> Any:
        found = [
            one
            for one in reversed(ledger_of(moment).trades())
            if one.block <= moment.block
            and isinstance(LISTINGS[one.market_id], kind)
            and _asked_trade(request, moment, one)
        ]
        page, paging = _paged(request, found)
        return {"trades": [told(moment, one) for one in page], "paging": paging}

    return answer


def _asked_trade(request: Request, moment: Moment, trade: Trade) -> bool:
    at_ms = records.millis(moment, trade.block)
    end_ms = whole(request, "endTime", 0)
    return (
        _asked(request, trade.market_id, trade.subaccount)
        and request.first("cid") in {"", trade.cid}
        and request.first("tradeId") in {"", trade.trade_id}
        and request.first("executionSide") in {"", records.role(trade)}
        and request.first("direction") in {"", records.direction(trade.is_buy)}
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


def _history(kind: type[Spot] | type[Perpetual]) -> Answer:
    def answer(moment: Moment, request: Request) -> Any:
        found = [one for one in _records(moment, request, kind) if request.first("state") in {"", one.state}]
        page, paging = _paged(request, found)
        return {"orders": [records.past_order(moment, one) for one in page], "paging": paging}

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
        found = [one for one in _records(moment, request, kind) if records.is_active(one)]
        page, paging = _paged(request, [one for one in found if not one.order.stage.conditional])
        return {"orders": [records.open_order(moment, one) for one in page], "paging": paging}

    return answer


def _positions(moment: Moment, request: Request) -> Any:
    ledger = ledger_of(moment)
    found = [one for one in ledger.positions() if _asked(request, one.market_id, one.subaccount)]
    page, paging = _paged(request, found)
    return {"positions": records.positions(moment, ledger, page), "paging": paging}


def _portfolio(moment: Moment, request: Request, address: str) -> Any:
    ledger = ledger_of(moment)
    held = ledger.subaccounts(address).items()
    deposits = [(whose, denom, one) for whose, by_denom in held for denom, one in by_denom.items()]
    found = [one for one in ledger.positions() if owner(one.subaccount) == address]
    positions = records.positions(moment, ledger, found)
    portfolio = {
        "accountAddress": address,
        "bankBalances": [{"denom": name, "amount": str(n)} for name, n in ledger.balances(address).items()],
        "subaccounts": [records.deposit(*one) for one in deposits],
        "positionsWithUpnl": [{"position": one, "unrealizedPnl": one["upnl"]} for one in positions],
    }
    return {"portfolio": portfolio}


_API = "GET /api/exchange"
ROUTES: tuple[Route, ...] = (
    Route(f"{_API}/spot/v2/trades", _trades(Spot, records.spot_trade)),
    Route(f"{_API}/derivative/v2/trades", _trades(Perpetual, records.derivative_trade)),
    Route(f"{_API}/spot/v1/ordersHistory", _history(Spot)),
    Route(f"{_API}/derivative/v1/ordersHistory", _history(Perpetual)),
    Route(f"{_API}/spot/v1/orders", _open_orders(Spot)),
    Route(f"{_API}/derivative/v1/orders", _open_orders(Perpetual)),
    Route(f"{_API}/derivative/v2/positions", _positions),
    Route(f"{_API}/portfolio/v2/portfolio/{{address}}", _portfolio),
)
