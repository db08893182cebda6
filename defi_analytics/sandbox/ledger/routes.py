"""What the chain tells of users: orders, positions, deposits, bank balances, grants.

Source: the queries of injective.exchange.v2, cosmos.bank.v1beta1 and cosmos.authz.v1beta1, as the chain's
gateway writes them.
"""

import base64
import importlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import localcontext
from typing import Any

from defi_analytics.sandbox.exchange import book_of, funding_info
from defi_analytics.sandbox.gateway import Answer, Code, Refused, Route, dec
from defi_analytics.sandbox.ledger.addresses import owner
from defi_analytics.sandbox.ledger.ledger import Ledger
from defi_analytics.sandbox.ledger.numbers import EXACT
from defi_analytics.sandbox.ledger.positions import funded
from defi_analytics.sandbox.ledger.records import LiveOrder, Position, Stage
from defi_analytics.sandbox.listings import LISTINGS, Perpetual, Spot
from defi_analytics.sandbox.matching import Order
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Request

Listed = Callable[[Ledger, str, str], Sequence[LiveOrder]]
"""(ledger, market, subaccount) to orders."""


def ledger_of(moment: Moment) -> Ledger:
    """Raises Refused where the sandbox keeps no ledger."""
    if not isinstance(moment.ledger, Ledger):
        raise Refused(Code.UNIMPLEMENTED, "Not Implemented")
    return moment.ledger


def _resting(ledger: Ledger, market_id: str, subaccount: str) -> Sequence[LiveOrder]:
    return ledger.resting(subaccount, market_id)


def _transient(ledger: Ledger, market_id: str, subaccount: str) -> Sequence[LiveOrder]:
    return ledger.transient(subaccount, market_id)


def _of_account(ledger: Ledger, market_id: str, address: str) -> Sequence[LiveOrder]:
    return [order for order in ledger.in_market(market_id) if owner(order.subaccount) == address]


def _market(kind: type[Spot] | type[Perpetual], market_id: str) -> str:
    if not isinstance(LISTINGS.get(market_id.lower()), kind):
        raise Refused(Code.NOT_FOUND, f"{kind.__name__.lower()} market {market_id}: key not found")
    return market_id.lower()


def _orders(kind: type[Spot] | type[Perpetual], listed: Listed) -> Answer:
    def answer(moment: Moment, request: Request, market_id: str, whose: str) -> Any:
        found = listed(ledger_of(moment), _market(kind, market_id), whose.lower())
        return {"orders": [_trimmed(order) for order in found]}

    return answer


def _orders_by_hashes(kind: type[Spot] | type[Perpetual]) -> Answer:
    def answer(moment: Moment, request: Request, market_id: str, whose: str) -> Any:
        wanted = {one.lower() for one in request.every("order_hashes")}
        found = ledger_of(moment).resting(whose.lower(), _market(kind, market_id))
        return {"orders": [_trimmed(order) for order in found if order.order_hash in wanted]}

    return answer


def _trimmed(order: LiveOrder) -> dict[str, Any]:
    margin = {} if order.request.margin is None else {"margin": dec(order.margin)}
    return {
        "price": dec(order.price),
        "quantity": dec(order.quantity),
        **margin,
        "fillable": dec(order.fillable),
        "isBuy": order.is_buy,
        "order_hash": order.order_hash,
        "cid": order.cid,
    }


def _conditional(moment: Moment, request: Request, market_id: str, whose: str) -> Any:
    found = ledger_of(moment).conditional(whose.lower(), _market(Perpetual, market_id))
    return {"orders": [_trimmed_conditional(order) for order in found]}


def _trimmed_conditional(order: LiveOrder) -> dict[str, Any]:
    return {
        "price": dec(order.price),
        "quantity": dec(order.quantity),
        "margin": dec(order.margin),
        "triggerPrice": dec(order.request.trigger_price or order.price),
        "isBuy": order.is_buy,
        "isLimit": order.stage is Stage.CONDITIONAL_LIMIT,
        "order_hash": order.order_hash,
        "cid": order.cid,
    }


def _subaccount_orders(moment: Moment, request: Request, whose: str) -> Any:
    found = ledger_of(moment).resting(whose.lower(), request.first("market_id").lower() or None)
    return {
        f"{side}_orders": [_order_data(order) for order in found if order.is_buy is is_buy]
        for side, is_buy in (("buy", True), ("sell", False))
    }


def _order_data(order: LiveOrder) -> dict[str, Any]:
    terms = {"price": dec(order.price), "quantity": dec(order.fillable)}
    flags = {"isReduceOnly": order.request.reduce_only, "cid": order.cid}
    raw = base64.b64encode(bytes.fromhex(order.order_hash[2:])).decode()
    return {"order": {**terms, **flags}, "order_hash": raw}


def _l3(kind: type[Spot] | type[Perpetual]) -> Answer:
    def answer(moment: Moment, request: Request, market_id: str) -> Any:
        found = _market(kind, market_id)
        book, mine = book_of(moment, found), ledger_of(moment).in_market(found)
        owners = {order.order_hash: order.subaccount for order in mine}
        sides = {"Bids": _levels(book.bids, owners, 0), "Asks": _levels(book.asks, owners, len(book.bids))}
        return {**sides, "seq": str(moment.height)}

    return answer


def _levels(orders: Iterable[Order], owners: dict[str, str], first: int) -> list[dict[str, str]]:
    """The makers have numbers for hashes, and one account."""
    return [
        {
            "price": dec(order.price),
            "quantity": dec(order.quantity),
            "order_hash": order.owner if order.owner in owners else f"0x{number:064x}",
            "subaccount_id": owners.get(order.owner, f"0x{1:040x}{0:024x}"),
        }
        for number, order in enumerate(orders, first)
    ]


def _positions(moment: Moment, request: Request) -> Any:
    return {"state": [_named(one) for one in ledger_of(moment).positions()]}


def _positions_in_market(moment: Moment, request: Request, market_id: str) -> Any:
    found = ledger_of(moment).positions(None, _market(Perpetual, market_id))
    return {"state": [_named(one) for one in found]}


def _subaccount_positions(moment: Moment, request: Request, whose: str) -> Any:
    """Of the markets that are active alone, as on the chain."""
    ledger = ledger_of(moment)
    found = [one for one in ledger.positions(whose.lower()) if ledger.standstill.is_active(one.market_id)]
    return {"state": [_named(one) for one in found]}


def _position(moment: Moment, request: Request, whose: str, market_id: str) -> Any:
    found = ledger_of(moment).positions(whose.lower(), _market(Perpetual, market_id))
    return {"state": _plain(found[0]) if found else None}


def _effective_position(moment: Moment, request: Request, whose: str, market_id: str) -> Any:
    """With its funding settled: `effective_margin` is what it would be worth in margin now."""
    ledger, known = ledger_of(moment), _market(Perpetual, market_id)
    found = ledger.positions(whose.lower(), known)
    if not found:
        return {"state": None}
    with localcontext(EXACT):
        position = funded(found[0], ledger.cumulative_funding(known))
    state = {
        "is_long": position.is_long,
        "quantity": dec(position.quantity),
        "entry_price": dec(position.entry_price),
        "effective_margin": dec(position.margin),
    }
    return {"state": state}


def _named(position: Position) -> dict[str, Any]:
    return {
        "subaccount_id": position.subaccount,
        "market_id": position.market_id,
        "position": _plain(position),
    }


def _plain(position: Position) -> dict[str, Any]:
    return {
        "isLong": position.is_long,
        "quantity": dec(position.quantity),
        "entry_price": dec(position.entry_price),
        "margin": dec(position.margin),
        "cumulative_funding_entry": dec(position.cumulative_funding_entry),
    }


def _perpetual_funding(moment: Moment, request: Request, market_id: str) -> Any:
    known = _market(Perpetual, market_id)
    return {"state": funding_info(moment, known, ledger_of(moment).cumulative_funding(known))}


def _deposits(moment: Moment, request: Request) -> Any:
    found = ledger_of(moment).deposits(request.first("subaccount_id").lower())
    return {"deposits": {denom: _deposit(*deposit) for denom, deposit in found.items()}}


def _one_deposit(moment: Moment, request: Request) -> Any:
    found = ledger_of(moment).deposits(request.first("subaccount_id").lower())
    available, total = found.get(request.first("denom"), (EXACT.create_decimal(0),) * 2)
    return {"deposits": _deposit(available, total)}


def _deposit(available: Any, total: Any) -> dict[str, str]:
    return {"available_balance": dec(available), "total_balance": dec(total)}


def _nonce(moment: Moment, request: Request, whose: str) -> Any:
    return {"nonce": ledger_of(moment).nonce(whose.lower())}


def _balances(moment: Moment, request: Request, address: str) -> Any:
    found = ledger_of(moment).balances(address)
    coins = [{"denom": denom, "amount": str(amount)} for denom, amount in found.items()]
    return {"balances": coins, "pagination": {"next_key": None, "total": str(len(coins))}}


def _balance(moment: Moment, request: Request, address: str) -> Any:
    denom = request.first("denom")
    return {"balance": {"denom": denom, "amount": str(ledger_of(moment).balance(address, denom))}}


def _grants(moment: Moment, request: Request) -> Any:
    wanted = request.first("msg_type_url")
    found = ledger_of(moment).grants(request.first("granter"), request.first("grantee"))
    grants = [
        {"authorization": _authorization(authorization), "expiration": _expiration(expires_s)}
        for _, url, authorization, expires_s in found
        if wanted in {"", url}
    ]
    return {"grants": grants, "pagination": {"next_key": None, "total": str(len(grants))}}


def _authorization(message: Any) -> dict[str, Any]:
    form = importlib.import_module("google.protobuf.json_format")
    fields = form.MessageToDict(message, preserving_proto_field_name=True)
    return {"@type": f"/{message.DESCRIPTOR.full_name}", **fields}


def _expiration(expires_s: float) -> str | None:
    if expires_s == float("inf"):
        return None
    return datetime.fromtimestamp(expires_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_V2 = "GET /injective/exchange/v2"
_BANK = "GET /cosmos/bank/v1beta1"
_BY_MARKET = (
    Route(f"{_V2}/spot/orders/{{market}}/account/{{address}}", _orders(Spot, _of_account)),
    Route(f"{_V2}/spot/orders/{{market}}/{{subaccount}}", _orders(Spot, _resting)),
    Route(f"{_V2}/spot/transient_orders/{{market}}/{{subaccount}}", _orders(Spot, _transient)),
    Route(f"{_V2}/spot/orders_by_hashes/{{market}}/{{subaccount}}", _orders_by_hashes(Spot)),
    Route(f"{_V2}/spot/L3OrderBook/{{market}}", _l3(Spot)),
    Route(f"{_V2}/derivative/orders/conditional/{{market}}/{{subaccount}}", _conditional),
    Route(f"{_V2}/derivative/orders/{{market}}/account/{{address}}", _orders(Perpetual, _of_account)),
    Route(f"{_V2}/derivative/orders/{{market}}/{{subaccount}}", _orders(Perpetual, _resting)),
    Route(f"{_V2}/derivative/transient_orders/{{market}}/{{subaccount}}", _orders(Perpetual, _transient)),
    Route(f"{_V2}/derivative/orders_by_hashes/{{market}}/{{subaccount}}", _orders_by_hashes(Perpetual)),
    Route(f"{_V2}/derivative/L3OrderBook/{{market}}", _l3(Perpetual)),
)
ROUTES: tuple[Route, ...] = (
    *_BY_MARKET,
    Route(f"{_V2}/orders/{{subaccount}}", _subaccount_orders),
    Route(f"{_V2}/positions", _positions),
    Route(f"{_V2}/positions_in_market/{{market}}", _positions_in_market),
    Route(f"{_V2}/subaccount_positions/{{subaccount}}", _subaccount_positions),
    Route(f"{_V2}/positions/{{subaccount}}/{{market}}", _position),
    Route(f"{_V2}/effective_positions/{{subaccount}}/{{market}}", _effective_position),
    Route(f"{_V2}/perpetual_market_funding/{{market}}", _perpetual_funding),
    Route(f"{_V2}/exchange/subaccountDeposits", _deposits),
    Route(f"{_V2}/exchange/subaccountDeposit", _one_deposit),
    Route(f"{_V2}/exchange/{{subaccount}}", _nonce),
    Route(f"{_BANK}/balances/{{address}}", _balances),
    Route(f"{_BANK}/balances/{{address}}/by_denom", _balance),
    Route(f"{_BANK}/spendable_balances/{{address}}", _balances),
    Route(f"{_BANK}/spendable_balances/{{address}}/by_denom", _balance),
    Route("GET /cosmos/authz/v1beta1/grants", _grants),
)
