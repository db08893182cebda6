from decimal import Decimal

import pytest

from defi_analytics.domain.edge import Costs, Edge, EdgeKind, Pricing, Reason, Rejection
from tests.builders import a_market

COSTS = Costs(
    buy_fee=1.0, sell_fee=2.0, slippage=0.5, conversion=0.25, carry=-0.125, exit_fee=3.0, fixed=0.0625
)
PRICING = Pricing("USDT", Decimal(4), 100.0, 8.0, COSTS, 8.0 - COSTS.total, 25.0, 27.0)


def test_every_cost_is_in_the_total_and_income_lowers_it() -> None:
    assert COSTS.total == 1.0 + 2.0 + 0.5 + 0.25 - 0.125 + 3.0 + 0.0625


def test_edges_are_fractions_of_the_notional() -> None:
    assert PRICING.gross_edge == 0.08
    assert PRICING.net_edge == pytest.approx((8.0 - COSTS.total) / 100.0)


def test_an_edge_stands_until_it_is_rejected() -> None:
    assert Edge(EdgeKind.ORACLE, a_market(), "pyth").stands
    assert not Edge(EdgeKind.ORACLE, a_market(), "pyth", rejection=Rejection(Reason.NO_BOOK)).stands


def test_nothing_more_is_known_of_an_edge_than_was_told() -> None:
    edge = Edge(EdgeKind.ORACLE, a_market(), "pyth")
    assert (edge.side, edge.pricing, edge.indicative, edge.rates, edge.inputs, edge.notes) == (
        *[None] * 3,
        *[()] * 3,
    )
    assert (PRICING.exhausted, PRICING.curve) == (False, ())


def test_a_rejection_publishes_the_name_of_its_reason() -> None:
    assert [Rejection(r).code for r in Reason] == [r.name for r in Reason]


def test_reasons_keep_their_numbers_because_compiled_code_and_journals_hold_them() -> None:
    assert [r.value for r in Reason] == list(range(20))
    assert (Reason.NONE, Reason.NOT_CROSSED, Reason.NOT_EXAMINED) == (0, 13, 19)
