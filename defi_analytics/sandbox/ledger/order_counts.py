"""How many orders of a subaccount wait, and for how much, in each derivative market.

Source: injective.exchange.v2.Query SubaccountOrderMetadata: every derivative market twice, once for each
side, whether or not anything waits there; spot orders are counted nowhere.
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

from defi_analytics.sandbox.gateway import Route, dec
from defi_analytics.sandbox.ledger.numbers import EXACT
from defi_analytics.sandbox.ledger.records import LiveOrder
from defi_analytics.sandbox.ledger.routes import ledger_of
from defi_analytics.sandbox.listings import PERPETUALS
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Request


def _order_metadata(moment: Moment, request: Request, whose: str) -> Any:
    ledger, subaccount = ledger_of(moment), whose.lower()
    rows = []
    for listing in PERPETUALS:
        waiting = ledger.resting(subaccount, listing.market_id)
        conditional = ledger.conditional(subaccount, listing.market_id)
        for is_buy in (True, False):
            counted = _counted(
                [order for order in waiting if order.is_buy is is_buy],
                [order for order in conditional if order.is_buy is is_buy],
            )
            rows.append({"metadata": counted, "market_id": listing.market_id, "isBuy": is_buy})
    return {"metadata": rows}


def _counted(resting: Sequence[LiveOrder], conditional: Sequence[LiveOrder]) -> dict[str, Any]:
    reducing = [order for order in resting if order.request.reduce_only]
    vanilla = [order for order in resting if not order.request.reduce_only]
    return {
        "vanilla_limit_order_count": len(vanilla),
        "reduce_only_limit_order_count": len(reducing),
        "aggregate_reduce_only_quantity": _aggregate(reducing),
        "aggregate_vanilla_quantity": _aggregate(vanilla),
        "vanilla_conditional_order_count": sum(not one.request.reduce_only for one in conditional),
        "reduce_only_conditional_order_count": sum(one.request.reduce_only for one in conditional),
    }


def _aggregate(orders: Sequence[LiveOrder]) -> str:
    with localcontext(EXACT):
        return dec(sum((order.fillable for order in orders), Decimal(0)))


ROUTES: tuple[Route, ...] = (
    Route("GET /injective/exchange/v2/order_metadata/{subaccount}", _order_metadata),
)
