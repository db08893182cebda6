from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.app.asked import Asked, parse_order, request_of
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import EdgeKind, Side
from defi_analytics.errors import UsageError
from tests.builders import a_market


def test_json_and_yaml_mean_the_same_order():
    asked = Asked("INJ/USDT", Side.SELL, Decimal("25.5"), Decimal(2), OrderKind.POST_ONLY, reduce_only=True)
    yaml = b"market: INJ/USDT\nside: sell\nkind: post-only\nprice: 25.5\nquantity: 2\nreduce_only: true\n"
    json = (
        b'{"market": "INJ/USDT", "side": "sell", "kind": "post-only", "price": "25.5", "quantity": 2,'
        b' "reduce_only": true}'
    )
    assert parse_order(yaml, "a") == parse_order(json, "b") == asked


def test_only_what_its_strategy_goes_by_is_looked_for():
    asked = Asked("INJ/USDT", Side.BUY, Decimal(1), Decimal(1))
    assert len(asked.kinds) == 3
    assert asked._replace(strategy="oracle").kinds == {EdgeKind.ORACLE}


def test_an_order_is_put_on_the_grid_under_a_name_of_its_own():
    asked = Asked("INJ/USDT", Side.BUY, Decimal("25.5"), Decimal(2), trigger=Decimal(25))
    request = request_of(asked, a_market(), "x")
    assert (request.price, request.quantity, request.trigger_price) == (25.5, 2, 25)
    assert request.client_order_id.startswith("check-")
    assert len(request.client_order_id) == 36


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_it_is_an_order_or_a_mistake(raw):
    mistakes = ()
    try:
        parse_order(raw, "x")
    except UsageError as error:
        mistakes = error.violations
    # What random bytes make is never an order: four fields are needed.
    assert mistakes


@pytest.mark.parametrize("price", ["1e99", "nan", "inf", "0", "-1", "1e1000000", "[1]"])
def test_a_price_that_is_none_is_refused(price):
    text = f"{{market: INJ/USDT, side: buy, quantity: 1, price: {price}}}".encode()
    with pytest.raises(UsageError) as error:
        parse_order(text, "x")
    assert len(error.value.violations) == 1
