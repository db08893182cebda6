from decimal import Decimal

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from tests.venues.injective.chain.kit import (
    SPOT_ID,
    a_chain,
)
from tests.venues.injective.chain.kit_holdings import HASH, MARKETS, node


async def test_open_orders_are_those_that_rest_and_those_that_wait_for_a_trigger():
    spot_order, perp_order, stop = (await a_chain(node()).portfolio(MARKETS)).open_orders
    assert (spot_order.key.market_id, spot_order.side, spot_order.kind) == (
        SPOT_ID,
        Side.SELL,
        OrderKind.LIMIT,
    )
    assert (spot_order.order_hash, spot_order.client_order_id) == (HASH, "c")
    assert (spot_order.quantity, spot_order.remaining) == (3, 1)
    assert (spot_order.reduce_only, perp_order.reduce_only, stop.reduce_only) == (False, False, True)
    assert (stop.kind, stop.side, stop.trigger_price, stop.remaining) == (
        OrderKind.STOP,
        Side.BUY,
        Decimal("9.5"),
        2,
    )
