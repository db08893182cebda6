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
from defi_analytics.risk.liquidation import distance, distance_after, liquidation_price, share_to_close
from defi_analytics.sandbox.ledger import positions
from defi_analytics.sandbox.ledger import records as sandboxed
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
    assert left / (size * price) == pytest.approx(maintenance, rel=1e-6), "the ratio the chain maintains"


@settings(deadline=None)
@given(
    st.decimals("0.1", "1e4", places=3),
    st.decimals("0.01", "1e4", places=3),
    st.decimals("0.05", "0.9", places=4),
    st.decimals("0.01", "0.04", places=4),
    st.booleans(),
)
def test_the_sandbox_which_counts_in_the_chains_decimals_liquidates_there(size, entry, share, ratio, long):
    """Just beyond that price it is due, just short of it not, and the distance has the sign that says so."""
    margin, sign = share * size * entry, 1 if long else -1
    there = liquidation_price(float(sign * size), float(entry), float(margin), float(ratio))
    for off in (-1e-6, 1e-6):
        mark = there * (1 + off)
        held = sandboxed.Position("0xs", "0xm", long, size, entry, margin, Decimal(0))
        due = positions.liquidatable(held, ratio, Decimal(repr(mark)))
        assert due is (off * sign < 0)
        left = distance(float(sign * size), float(entry), float(margin), mark, float(ratio))
        assert due is (left < 0)


@settings(deadline=None)
@given(
    st.one_of(st.none(), st.tuples(st.integers(-20_000, 20_000).filter(bool), st.integers(15_000, 25_000))),
    st.sampled_from(Side),
    st.integers(1, 40_000),
    st.integers(15_000, 25_000),
    st.sampled_from([1, 2, 4]),
)
def test_an_order_makes_of_a_position_what_the_sandbox_makes_of_it(before, side, lots, ticks, leverage):
    """Whether it adds, takes off, closes or turns over; entries and amounts in thousandths."""
    order = an_order(side, Decimal(lots) / 1000, Decimal(ticks) / 1000, leverage)
    held = a_position(Decimal(before[0]) / 1000, Decimal(before[1]) / 1000, 77) if before else None
    old = held and sandboxed.Position(
        "s", "m", held.quantity > 0, abs(held.quantity), held.entry_price, held.margin, Decimal(0)
    )
    delta = sandboxed.PositionDelta(side is Side.BUY, order.quantity, order.notional / leverage, order.price)
    new = positions.applied(old, delta, ("s", "m"), Decimal(0)).position
    quantity = float(new.quantity) * (1 if new.is_long else -1) if new else 0.0
    numbers = (quantity, float(new.entry_price), float(new.margin)) if new else (0.0, 0.0, 0.0)
    assert distance_after(order, held, FACTS) == pytest.approx(distance(*numbers, 20.0, 0.05), abs=1e-9)


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


def test_at_the_very_price_there_is_nothing_to_go():
    """A quarter, so that floats hold it: a long one of 8 at 20 with 40 is due at 20, a short one at 20 too."""
    assert liquidation_price(8.0, 20.0, 40.0, 0.25) == 20.0
    assert distance(8.0, 20.0, 40.0, 20.0, 0.25) == 0.0
    assert liquidation_price(-8.0, 20.0, 40.0, 0.25) == 20.0
    assert distance(-8.0, 20.0, 40.0, 20.0, 0.25) == 0.0


def test_a_closed_position_cannot_be_liquidated():
    assert distance_after(an_order(Side.SELL, 10, 20), a_position(10), FACTS) == 1.0
    assert distance_after(an_order(Side.SELL, 0, 20), None, FACTS) == 1.0


def test_nor_can_spot():
    order = an_order(Side.BUY, 10, 20)
    spot = OrderRequest("c", a_market(), order.side, order.kind, order.ticks, order.lots, "s")
    assert distance_after(spot, None, FACTS._replace(oracle=math.nan)) == 1.0


@pytest.mark.parametrize(
    ("gap", "share"),
    [(3.0, 0.0), (2.0, 0.0), (1.999, 0.5), (1.0, 0.5), (0.999, 1.0), (-1.0, 1.0), (math.nan, 0.0)],
)
def test_the_nearer_a_liquidation_the_more_is_closed(gap, share):
    assert share_to_close(gap, 3.0) == share
