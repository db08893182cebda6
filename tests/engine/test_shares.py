from dataclasses import replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.order import Fill, OrderRequest
from defi_analytics.engine.shares import shares
from tests.builders import NOON
from tests.engine.trading import HOME, PERP

AMOUNTS = st.decimals("0.001", "1000", places=3)


def a_fill(market, side=Side.SELL, quantity="3", fee="0.03"):
    return Fill("f", market.key, "", "0x1", side, Decimal(25), Decimal(quantity), Decimal(fee), NOON, 5)


def holding(market, **quantities):
    bought = replace(a_fill(market, Side.BUY), fee=Decimal(0))
    return {
        (strategy, market.key): Inventory().after(replace(bought, quantity=Decimal(quantity)))
        for strategy, quantity in quantities.items()
    }


def told(fill, held, market):
    return [(strategy, part.quantity) for strategy, part in shares(fill, None, held, market)]


def test_what_others_close_is_taken_from_who_holds_it_and_the_rest_is_theirs():
    held = holding(PERP, convergence="2")
    assert told(a_fill(PERP), held, PERP) == [("convergence", Decimal(2)), ("", Decimal(1))]


def test_what_a_stop_closes_beyond_the_strategies_shares_was_of_others():
    held = holding(PERP, convergence="2") | {("", PERP.key): holding(PERP, others="1")["others", PERP.key]}
    stop = OrderRequest("s", PERP, Side.SELL, OrderKind.STOP, 1, 3, "stop", reduce_only=True)
    parts = [(strategy, part.quantity) for strategy, part in shares(a_fill(PERP), stop, held, PERP)]
    assert parts == [("convergence", Decimal(2)), ("", Decimal(1))]


def test_what_adds_to_a_position_is_no_strategys():
    held = holding(PERP, convergence="2")
    assert told(a_fill(PERP, Side.BUY), held, PERP) == [("", Decimal(3))]


@pytest.mark.parametrize("market", [HOME, None])
def test_coins_that_others_sell_are_theirs(market):
    assert told(a_fill(HOME), holding(HOME, convergence="2"), market) == [("", Decimal(3))]


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_the_parts_come_to_the_whole_fill_and_its_fee(first, second, quantity, fee):
    fill = a_fill(PERP, quantity=quantity, fee=fee)
    parts = [part for _, part in shares(fill, None, holding(PERP, a=first, b=second), PERP)]
    with localcontext(prec=80):
        assert sum(part.quantity for part in parts) == quantity
        assert abs(sum(part.fee for part in parts) - fee) < Decimal("1e-40")
    assert all(part.quantity > 0 for part in parts)
