from dataclasses import replace
from decimal import Decimal

import pytest

from defi_analytics.cli.audit_rows import MEANS, difference_row, order_row, position_row, text
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.order import OrderRequest, OrderState
from defi_analytics.engine.bookkeeping import TrackedOrder
from defi_analytics.engine.differences import Code, Difference
from tests.builders import a_market
from tests.fakes import NOON


def test_every_difference_has_a_meaning_and_only_what_moves_nothing_itself_lets_an_agent_start():
    rows = [difference_row(Difference(code, "x", Decimal(1), Decimal("2.50"), "INJ")) for code in Code]
    assert MEANS.keys() == set(Code)
    assert {row.gap for row in rows} == {"1.5"}
    told_only = {"FILL_FOREIGN", "FILL_TWICE", "PERPETUAL_CASH", "GAS_FOREIGN", "RECEIVED"}
    assert {row.code for row in rows if not row.refuses} == told_only


def test_an_average_without_an_end_stops_at_the_chains_decimals():
    row = position_row(a_market(), "oracle", Inventory(Decimal(-3), Decimal(10)), Decimal(3))
    assert (row.side, row.entry_price, row.unrealised) == ("short", "3.333333333333333333", "1")
    unknown = position_row(a_market(), "", Inventory(Decimal(3), Decimal(9)), None)
    assert (unknown.mark, unknown.unrealised, unknown.strategy) == (None, None, "")


@pytest.mark.parametrize(
    ("kind", "filled", "closed", "expiry", "state"),
    [
        (OrderKind.LIMIT, 2, 0, 30, "filled"),
        (OrderKind.LIMIT, 1, 12, 30, "cancelled"),
        (OrderKind.LIMIT, 0, 30, 30, "expired"),
        (OrderKind.LIMIT, 0, 0, 30, "expired"),
        (OrderKind.MARKET, 1, 0, 0, "filled in part"),
        (OrderKind.MARKET, 0, 0, 0, "unfilled"),
    ],
)
def test_it_is_told_how_an_order_ended(kind, filled, closed, expiry, state):
    market = a_market()
    lots = market.lots(Decimal(2))
    request = OrderRequest("o1", market, Side.BUY, kind, 17_000, lots, "oracle")
    order = TrackedOrder(request, "T", expiry, NOON, OrderState.OPEN, filled=Decimal(filled))
    assert order_row(order).state == "open"
    assert order_row(replace(order, state=OrderState.DONE, closed_height=closed)).state == state


def test_every_digit_is_told():
    assert text(Decimal("1234567890123456789012345.000000000000000001")).endswith("345.000000000000000001")
