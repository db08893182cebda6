import pytest

from defi_analytics.cli.audit_rows import POSITION_COLUMNS
from defi_analytics.errors import Unavailable
from defi_analytics.venues.injective.lcd import InjectiveMarketData
from tests.cli.forms import FORMS, assert_form
from tests.cli.lived import live


@pytest.mark.parametrize("form", FORMS)
def test_positions_are_shown_in_every_form(defi, home, form):
    live(home)
    assert_form(defi("positions", "-o", form), form, POSITION_COLUMNS, 1)


def test_a_position_is_valued_at_the_mark_from_its_exact_entry(defi, home):
    live(home)
    (row,) = defi("positions", "--json").rows
    assert (row["entry_price"], row["quantity"], row["fees"], row["side"]) == (
        "17.036",
        "2",
        "0.017036",
        "long",
    )
    assert float(row["unrealised"]) == pytest.approx(2 * (float(row["mark"]) - 17.036))


def test_what_is_held_is_shown_though_the_venue_cannot_be_read(defi, home, monkeypatch):
    live(home)

    async def broken(self):
        raise Unavailable("injective", "down")

    monkeypatch.setattr(InjectiveMarketData, "listing", broken)
    ran = defi("positions", "--json")
    assert (ran.rows[0]["mark"], ran.rows[0]["unrealised"]) == (None, None)
    assert ran.document["warnings"][0]["code"] == "UNAVAILABLE"


def test_what_has_no_mark_says_why(defi, home, sandbox):
    live(home)
    market_id = defi("positions", "--json").rows[0]["market_id"]
    standstill = sandbox.chain.ledger.standstill
    standstill.put(market_id, "Paused", sandbox.moment().block)
    try:
        ran = defi("positions", "--json")
    finally:
        standstill.put(market_id, "Active", sandbox.moment().block)
    assert ran.rows[0]["mark"] is None
    [told] = ran.document["warnings"]
    assert (told["code"], told["message"].partition(":")[0]) == ("NO_MARK", "INJ/USDT has no mark")


def test_nothing_held_is_said(defi):
    assert "holds nothing" in defi("positions", "-o", "table").err


def test_at_80_columns_what_was_earned_and_paid_is_shown_and_a_short_once(defi, home, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    live(home)
    header = next(line for line in defi("positions", "-o", "table").out.splitlines() if line.strip())
    assert {"Quantity", "Unrealised", "realised", "fees"} <= set(header.split())
    assert "Side" not in header
    assert "Side" in defi("positions", "-o", "plain").out
