from decimal import Decimal

from defi_analytics.cli.audit_rows import MEANS, difference_row, position_row, text
from defi_analytics.domain.inventory import Inventory
from defi_analytics.engine.differences import Code, Difference
from tests.builders import a_market


def test_every_difference_has_a_meaning_and_only_what_moves_nothing_itself_lets_an_agent_start():
    rows = [difference_row(Difference(code, "x", Decimal(1), Decimal("2.50"), "INJ")) for code in Code]
    assert MEANS.keys() == set(Code)
    assert {row.gap for row in rows} == {"1.5"}
    assert [row.code for row in rows if not row.refuses] == ["FILL_FOREIGN", "PERPETUAL_CASH"]


def test_an_average_without_an_end_stops_at_the_chains_decimals():
    row = position_row(a_market(), "oracle", Inventory(Decimal(-3), Decimal(10)), Decimal(3))
    assert (row.side, row.entry_price, row.unrealised) == ("short", "3.333333333333333333", "1")
    unknown = position_row(a_market(), "", Inventory(Decimal(3), Decimal(9)), None)
    assert (unknown.mark, unknown.unrealised, unknown.strategy) == (None, None, "")


def test_every_digit_is_told():
    assert text(Decimal("1234567890123456789012345.000000000000000001")).endswith("345.000000000000000001")
