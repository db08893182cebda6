from decimal import Decimal

import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import LONGEST_CLIENT_ORDER_ID, Fill, OpenOrder, OrderRequest
from tests.builders import a_market
from tests.fakes import NOON


def test_an_order_tells_its_integers_in_the_units_of_its_market() -> None:
    market = a_market(price_tick=Decimal("0.01"), quantity_tick=Decimal("0.1"))
    order = OrderRequest("c1", market, Side.BUY, OrderKind.STOP, 2_501, 12, "oracle", trigger_ticks=2_400)
    assert (order.price, order.quantity) == (Decimal("25.01"), Decimal("1.2"))
    assert (order.notional, order.trigger_price) == (Decimal("30.012"), Decimal("24.00"))


def test_an_order_neither_reduces_nor_is_leveraged_unless_it_says_so() -> None:
    order = OrderRequest("c1", a_market(), Side.BUY, OrderKind.LIMIT, 25_000, 1_000, "oracle")
    assert (order.group, order.trigger_ticks, order.reduce_only, order.leverage) == ("", 0, False, 1)


def test_what_rests_and_what_filled_is_not_taken_for_more_than_the_venue_said() -> None:
    key, one = a_market().key, Decimal(1)
    resting = OpenOrder(key, "0xh", "", Side.BUY, OrderKind.LIMIT, one, one, one)
    assert (resting.reduce_only, resting.trigger_price) == (False, None)
    assert not Fill("f", key, "c", "0xh", Side.BUY, one, one, one, NOON, 7).maker


@pytest.mark.parametrize(("side", "signed"), [(Side.BUY, 2), (Side.SELL, -2)])
def test_what_was_sold_went_out(side: Side, signed: int) -> None:
    one = Decimal(1)
    assert Fill("f", a_market().key, "c", "0xh", side, one, Decimal(2), one, NOON, 7).signed == signed


def test_a_client_order_id_may_be_as_long_as_the_chain_allows() -> None:
    assert LONGEST_CLIENT_ORDER_ID == 36
