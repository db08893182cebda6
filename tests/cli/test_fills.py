import csv
import io
import json

import pytest

from defi_analytics.cli.audit_rows import FILL_COLUMNS
from tests.cli.forms import FORMS, assert_form
from tests.cli.lived import live


@pytest.mark.parametrize("form", FORMS)
def test_fills_are_listed_in_every_form(defi, home, form):
    live(home)
    assert_form(defi("fills", "-o", form), form, FILL_COLUMNS, 1)


def test_an_export_is_csv_with_every_digit_and_the_transaction(defi, home):
    live(home)
    (row,) = csv.DictReader(io.StringIO(defi("fills", "export").out))
    assert (row["Price"], row["Quantity"], row["Notional"], row["Fee"]) == (
        "17.036",
        "2",
        "34.072",
        "0.017036",
    )
    assert (row["Fee asset"], row["Tx"], row["Height"], row["Time"]) == (
        "USDT",
        "TXtaken-1",
        "139999995",
        "2026-01-02T12:00:00Z",
    )
    (line,) = defi("fills", "export", "-o", "ndjson").out.splitlines()
    assert json.loads(line)["fee_asset"] == "USDT"


@pytest.mark.parametrize(
    ("days", "count"),
    [
        (("--since", "2026-01-02"), 1),
        (("--since", "2026-01-03"), 0),
        (("--until", "2026-01-02"), 1),
        (("--until", "2026-01-01"), 0),
    ],
)
def test_an_export_is_of_the_days_that_were_asked_for(defi, home, days, count):
    live(home)
    assert len(defi("fills", "export", *days, "--json").rows) == count


def test_a_day_that_is_none_is_a_usage_error(defi):
    assert defi("fills", "export", "--since", "yesterday").code == 2
