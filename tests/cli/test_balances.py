from decimal import Decimal

import pytest

from defi_analytics.cli.audit_rows import BALANCE_COLUMNS, balance_row
from defi_analytics.domain.portfolio import Balance
from tests.cli.forms import FORMS, assert_form
from tests.cli.lived import live


@pytest.mark.parametrize("form", FORMS)
def test_balances_are_shown_in_every_form(defi, home, form):
    live(home)
    assert_form(defi("balances", "-o", form), form, BALANCE_COLUMNS, 2)


def test_a_balance_tells_what_became_of_its_start(defi, home):
    live(home)
    rows = {row["asset"]: row for row in defi("balances", "--json").rows}
    assert (rows["INJ"]["baseline"], rows["INJ"]["change"]) == ("0", "2")
    assert (rows["USDT"]["total"], rows["USDT"]["change"]) == ("965.910964", "-34.089036")


def test_an_account_that_never_ran_has_what_the_settings_give_it(defi):
    (row,) = defi("balances", "--json").rows
    assert (row["asset"], row["total"], row["baseline"]) == ("USDT", "1000", None)


def test_a_start_written_with_the_chains_zeros_is_shown_without_them():
    row = balance_row(Balance("peggy0x", "USDT", Decimal(1000), Decimal(1000)), {"USDT": "1000.000000000"})
    assert (row.baseline, row.change) == ("1000", "0")
