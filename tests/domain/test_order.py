from decimal import Decimal

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import OrderRequest
from tests.builders import a_market


def test_an_order_tells_its_integers_in_the_units_of_its_market() -> None:
    market = a_market(price_tick=Decimal("0.01"), quantity_tick=Decimal("0.1"))
    order = OrderRequest("c1", market, Side.BUY, OrderKind.STOP, 2_501, 12, "oracle", trigger_ticks=2_400)
    assert (order.price, order.quantity) == (Decimal("25.01"), Decimal("1.2"))
    assert (order.notional, order.trigger_price) == (Decimal("30.012"), Decimal("24.00"))
