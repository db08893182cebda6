from decimal import Decimal
from importlib import metadata

import msgspec
import pytest

from defi_analytics.app.venues import VENUES
from defi_analytics.cli.schemas import VenueRow
from defi_analytics.cli.venue import LIST_COLUMNS, PING_COLUMNS, pinged
from defi_analytics.domain.snapshot import Listing
from defi_analytics.errors import AuthError
from tests.builders import a_market
from tests.cli.forms import FORMS, assert_form
from tests.cli.front import DOWN, answering
from tests.cli.harness import Defi
from tests.fakes import FakeClock


def test_venues_are_listed_with_fees_and_roles(bare):
    rows = {row["name"]: row for row in bare("venue", "list", "--json").rows}
    assert rows["injective"]["role"] == "home"
    assert rows["binance"]["taker_fee"] == "0.001"
    assert rows["okx-perp"]["kinds"] == "perpetual"
    assert {row["role"] for row in rows.values()} == {"home", "compared", "on request"}


@pytest.fixture
def installed(monkeypatch):
    """A package that offers a venue, which is Binance in disguise."""

    class Point:
        name = "theirs"

        def load(self):
            return VENUES["binance"]

    monkeypatch.setattr(metadata, "entry_points", lambda group: [Point()])
    for name, text in {"URL": "http://127.0.0.1:9", "TAKER_FEE": "0.002", "MAKER_FEE": "0.001"}.items():
        monkeypatch.setenv(f"DEFI_VENUES__THEIRS__{name}", text)
    monkeypatch.setenv("DEFI_HTTP__ATTEMPTS", "1")


def test_a_venue_of_an_installed_package_is_listed_and_asked_like_ours(bare, installed):
    (row,) = [row for row in bare("venue", "list", "--json").rows if row["name"] == "theirs"]
    assert (row["role"], row["kinds"], row["taker_fee"]) == ("on request", "", "0.002")
    assert [row["name"] for row in bare("venue", "ping", "theirs", "--json").rows] == ["theirs"]


def test_a_venue_of_an_installed_package_without_fees_tells_how_to_give_them(bare, installed, monkeypatch):
    for name in ("URL", "TAKER_FEE", "MAKER_FEE"):
        monkeypatch.delenv(f"DEFI_VENUES__THEIRS__{name}")
    ran = bare("scan", "--against", "theirs")
    assert ran.code == 2
    assert "set venues.theirs.taker_fee and venues.theirs.maker_fee" in ran.err


def test_a_ping_counts_the_markets_of_each(defi):
    ran = defi("venue", "ping", "--json")
    assert ran.code == 0
    assert {row["name"] for row in ran.rows} == {"injective", "binance", "hyperliquid"}
    assert all(row["ok"] and row["markets"] > 0 and row["elapsed_ms"] >= 0 for row in ran.rows)


def test_only_those_named_are_asked(defi):
    assert [row["name"] for row in defi("venue", "ping", "binance", "--json").rows] == ["binance"]


def test_one_that_does_not_answer_is_a_row_and_a_code(bare: Defi, monkeypatch):
    # Nobody listens on port 9 of the loopback interface.
    monkeypatch.setenv("DEFI_VENUES__BINANCE__URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DEFI_HTTP__ATTEMPTS", "1")
    ran = bare("venue", "ping", "binance", "--json")
    assert ran.code == 5
    (row,) = ran.rows
    assert (row["ok"], row["markets"], row["code"]) == (False, 0, "UNAVAILABLE")
    assert row["message"].startswith("binance: 127.0.0.1:9")
    assert "UNAVAILABLE" not in bare("venue", "ping", "binance").out


def test_an_unknown_venue_lists_the_known(bare):
    ran = bare("venue", "ping", "nonsense")
    assert ran.code == 2
    assert "known:" in ran.err


@pytest.mark.parametrize("form", FORMS)
def test_venues_are_listed_in_every_form(defi, form):
    assert_form(defi("venue", "list", "-o", form), form, LIST_COLUMNS, 3)


@pytest.mark.parametrize("form", FORMS)
def test_pings_are_shown_in_every_form(defi, form):
    assert_form(defi("venue", "ping", "-o", form), form, PING_COLUMNS, 3)


def test_on_mainnet_every_venue_has_its_own_address(bare):
    ran = bare("venue", "list", "--json")
    rows = {row.name: row for row in msgspec.convert(ran.rows, list[VenueRow])}
    assert ran.document["network"] == "mainnet"
    assert [name for name, row in rows.items() if row.role == "compared"] == ["hyperliquid", "binance", "okx"]
    assert rows["injective"].taker_fee == rows["injective"].maker_fee == ""
    assert Decimal(rows["binance"].taker_fee) == Decimal("0.001")
    assert {name for name, row in rows.items() if row.kinds == "perpetual"} == {
        "hyperliquid",
        "binance-perp",
        "okx-perp",
    }
    # OKX has both kinds at one address.
    assert len({row.url for row in rows.values()}) == 5
    assert all(row.url.startswith("https://") for row in rows.values())


def test_people_read_fees_in_basis_points(bare):
    lines = bare("venue", "list").out.splitlines()
    assert lines[1].startswith("injective\thome\tspot, perpetual\tby market\tby market\t")
    assert any(line.startswith("hyperliquid\tcompared\tperpetual\t4.5\t1.5\t") for line in lines)


def test_a_free_venue_has_a_fee_of_zero(bare, monkeypatch):
    monkeypatch.setenv("DEFI_VENUES__BINANCE__MAKER_FEE", "0")
    rows = {row["name"]: row for row in bare("venue", "list", "--json").rows}
    assert rows["binance"]["maker_fee"] == "0"


def test_in_the_sandbox_all_are_on_this_machine(defi, sandbox):
    rows = defi("venue", "list", "--json").rows
    assert [row["name"] for row in rows] == ["injective", "hyperliquid", "binance"]
    assert all(row["url"].startswith(sandbox.url) for row in rows)


def test_each_is_asked_once_however_often_it_is_named(defi):
    rows = defi("venue", "ping", "binance", "injective", "binance", "--json").rows
    assert [row["name"] for row in rows] == ["binance", "injective"]


def test_one_venue_down_leaves_the_others_and_is_exit_5(defi, background, sandbox, monkeypatch):
    with answering(background, sandbox, monkeypatch, {"/binance/": DOWN}):
        ran = defi("venue", "ping", "--json")
        people = defi("venue", "ping", "-o", "table")
    assert (ran.code, ran.document["ok"], ran.error["exit_code"]) == (5, False, 5)
    assert ran.error["message"] == "venue ping: no answer from binance"
    assert {row["name"]: row["ok"] for row in ran.rows} == {
        "injective": True,
        "hyperliquid": True,
        "binance": False,
    }
    (broken,) = [row for row in ran.rows if not row["ok"]]
    assert (broken["code"], broken["markets"]) == ("UNAVAILABLE", 0)
    assert "503" in broken["message"]
    assert people.code == 5
    assert "no" in next(line for line in people.out.splitlines() if "binance" in line).split()


def test_the_sandbox_names_those_it_has(defi):
    ran = defi("venue", "ping", "okx")
    assert (ran.code, ran.out) == (2, "")
    assert "it has hyperliquid, binance" in ran.err


async def test_a_refusal_is_a_row_too_with_the_time_it_took():
    clock = FakeClock()

    async def refused():
        clock.advance(0.25)
        raise AuthError("shut out")

    row = await pinged("x", refused(), clock.monotonic)
    assert (row.ok, row.code, row.message, row.elapsed_ms) == (False, "AUTH", "shut out", 250)


async def test_an_answer_counts_its_markets():
    clock, market = FakeClock(), a_market()

    async def answered():
        clock.advance(0.0042)
        return Listing("x", {market.market_id: market}, {})

    row = await pinged("x", answered(), clock.monotonic)
    assert (row.ok, row.markets, row.elapsed_ms, row.code) == (True, 1, 4, "")
