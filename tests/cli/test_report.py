import csv
import io

import msgspec
import pytest

from defi_analytics.app.earned import By
from defi_analytics.cli.report import columns
from defi_analytics.cli.schemas_audit import ReportRow
from tests.cli.forms import FORMS, assert_form
from tests.cli.holding import holds
from tests.cli.lived import ACCOUNT, MARKET, live


@pytest.mark.parametrize("form", FORMS)
def test_what_was_earned_is_shown_in_every_form(defi, home, form):
    live(home)
    assert_form(defi("report", "-o", form), form, columns(By.DAY), 2)


def test_a_day_on_which_nothing_was_closed_has_a_fee_and_no_win_rate_and_says_why(defi, home):
    live(home)
    day, total = defi("report", "--json").rows
    assert (day["by"], day["day"], total["by"], total["day"]) == ("day", "2026-01-02", "total", None)
    assert (day["fees"], day["total"], day["quote"]) == ("0.017036", "-0.017036", "USDT")
    assert (day["gas_inj"], day["funding"], day["fills"], day["trades"]) == ("0.000096", "0", 1, 0)
    assert (day["win_rate"], day["empty_because"]) == (None, "no trade ended")


def test_a_market_has_its_trades_and_how_many_were_won(defi, state):
    holds(state, ACCOUNT, MARKET, "2", left=True)
    market, _ = defi("report", "--by", "market", "--json").rows
    assert (market["market"], market["market_id"]) == ("INJ/USDT", MARKET.market_id)
    # Bought and sold at one price: nothing was won.
    assert (market["trades"], market["won"], market["win_rate"], market["total"]) == (1, 0, "0", "0")


def test_a_person_reads_cents_and_percent_and_a_program_every_digit(defi, home, state):
    live(home)
    seen = defi("report", terminal=True)
    assert "-0.02" in seen.out
    assert "A cell is empty where no trade ended" in seen.err
    assert "what is still held: defi positions" in seen.err
    row, _ = csv.DictReader(io.StringIO(defi("report", "-o", "csv").out))
    assert (row["Fees"], row["Won"], row["Empty because"]) == ("0.017036", "", "no trade ended")


@pytest.mark.parametrize(("days", "count"), [(("--since", "2026-01-02"), 2), (("--until", "2026-01-01"), 0)])
def test_it_is_of_the_days_that_were_asked_for(defi, home, days, count):
    live(home)
    assert len(defi("report", *days, "--json").rows) == count


def test_an_account_without_a_fill_is_told_in_words(defi):
    seen = defi("report", terminal=True)
    assert (seen.code, "paper has no fill yet" in seen.err) == (0, True)
    assert "paper has no fill in these days" in defi("report", "--until", "2026-01-01", terminal=True).err


def test_a_line_says_what_it_is_of():
    of = columns(By.MARKET)[0].text
    row = ReportRow(
        by="market", day=None, market="INJ/USDT", market_id="0x1", quote="USDT", fills=0, trades=0, won=0,
        win_rate=None, realised="0", fees="0", funding="0", gas_inj="0.1", total=None, empty_because="",
    )  # fmt: skip
    assert of(row) == "INJ/USDT"
    assert of(msgspec.structs.replace(row, market=None)) == "gas, several"
    assert of(msgspec.structs.replace(row, market=None, by="total")) == "total"
