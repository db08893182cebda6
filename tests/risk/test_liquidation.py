import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import OrderRequest
from defi_analytics.domain.portfolio import Position
from defi_analytics.risk.liquidation import distance, distance_after, liquidation_price
from tests.builders import a_market
from tests.risk.facts import MARKET

PERP = a_market(kind=MarketKind.PERPETUAL)
FACTS = MARKET._replace(oracle=20_000.0, maintenance_margin=0.05)
"""The oracle says 20."""


def an_order(side, quantity, price, leverage=2):
    return OrderRequest(
        "c",
        PERP,
        side,
        OrderKind.LIMIT,
        int(price * 1000),
        int(quantity * 1000),
        "s",
        leverage=Decimal(leverage),
    )


def a_position(quantity, entry=20, margin=100):
    return Position(PERP.key, Decimal(quantity), Decimal(entry), Decimal(margin))


@settings(deadline=None)
@given(
    st.floats(0.1, 1e6),
    st.floats(0.01, 1e5),
    st.floats(0.05, 0.9),
    st.floats(0.01, 0.04),
    st.sampled_from([1, -1]),
)
def test_there_margin_and_profit_are_down_to_the_maintenance_margin(size, entry, share, maintenance, sign):
    margin = share * size * entry
    price = liquidation_price(sign * size, entry, margin, maintenance)
    left = margin + sign * size * (price - entry)
    assert left == pytest.approx(maintenance * size * price, rel=1e-6)


def test_the_distance_is_a_fraction_of_the_mark():
    assert distance(10.0, 20.0, 100.0, 20.0, 0.0625) == pytest.approx((20 - 10 / 0.9375) / 20)
    assert distance(10.0, 0.2, 1.0, 0.2, 0.0625) == pytest.approx((0.2 - 0.1 / 0.9375) / 0.2)
    assert distance(0.5, 20.0, 5.0, 20.0, 0.0625) == pytest.approx((20 - 10 / 0.9375) / 20)
    assert distance(-10.0, 20.0, 100.0, 20.0, 0.0625) == pytest.approx((30 / 1.0625 - 20) / 20)


@pytest.mark.parametrize("quantity", [10.0, -10.0])
def test_a_position_that_is_past_it_has_less_than_nothing_to_go(quantity):
    mark = 20.0 - quantity
    assert distance(quantity, 20.0, 50.0, mark, 0.05) < 0


def test_what_no_price_liquidates_is_as_far_as_can_be():
    assert distance(0.0, 0.0, 0.0, math.nan, 0.0) == 1.0
    assert distance(10.0, 20.0, 400.0, 20.0, 0.05) == 1.0
    assert distance(-10.0, 20.0, 900.0, 20.0, 0.05) == 1.0


@pytest.mark.parametrize(
    ("mark", "maintenance"),
    [(0.0, 0.05), (math.nan, 0.05), (-1.0, 0.05), (20.0, 0.0), (20.0, 1.0), (20.0, math.nan)],
)
def test_without_a_mark_or_a_maintenance_margin_it_is_not_known(mark, maintenance):
    assert math.isnan(distance(10.0, 20.0, 100.0, mark, maintenance))


@pytest.mark.parametrize(
    ("held", "order", "as_one"),
    [
        (None, (Side.BUY, 10, 20, 4), (10, 20, 50)),
        (None, (Side.SELL, 10, 20, 4), (-10, 20, 50)),
        (a_position(10, 18, 60), (Side.BUY, 5, 21, 3), (15, 19, 95)),
        (a_position(-10, 18, 60), (Side.SELL, 5, 21, 3), (-15, 19, 95)),
        (a_position(10, 18, 60), (Side.SELL, 5, 21, 3), (5, 18, 30)),
        (a_position(-10, 18, 60), (Side.BUY, 5, 21, 3), (-5, 18, 30)),
        (a_position("0.5", 18, 3), (Side.SELL, 0.25, 21, 3), (0.25, 18, 1.5)),
        (a_position("0.25", 20, 2), (Side.SELL, 0.5, 20, 4), (-0.25, 20, 1.25)),
        (a_position(10, 18, 60), (Side.SELL, 15, 20, 4), (-5, 20, 25)),
        (a_position(-10, 18, 60), (Side.BUY, 15, 20, 4), (5, 20, 25)),
    ],
)
def test_an_order_adds_takes_off_or_turns_over(held, order, as_one):
    found = distance_after(an_order(*order), held, FACTS)
    assert found == pytest.approx(distance(*map(float, as_one), 20.0, 0.05))
    assert found < 1


def test_a_closed_position_cannot_be_liquidated():
    assert distance_after(an_order(Side.SELL, 10, 20), a_position(10), FACTS) == 1.0
    assert distance_after(an_order(Side.SELL, 0, 20), None, FACTS) == 1.0


def test_nor_can_spot():
    order = an_order(Side.BUY, 10, 20)
    spot = OrderRequest("c", a_market(), order.side, order.kind, order.ticks, order.lots, "s")
    assert distance_after(spot, None, FACTS._replace(oracle=math.nan)) == 1.0
