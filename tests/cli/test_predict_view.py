from dataclasses import replace

import pytest

from defi_analytics.cli.predict_view import COLUMNS, Compared, _dollar_markets, gap, prediction_row
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.prediction import Interval, PredictionKind
from defi_analytics.domain.snapshot import Listing
from defi_analytics.sandbox.sandbox import Sandbox
from tests.builders import a_book, a_market, a_prediction, a_rate, a_topic
from tests.cli.forms import FORMS, assert_form, cells
from tests.cli.front import DOWN, GONE, answering
from tests.fakes import NOON, FakeClock

SPOT = a_market()
PERPETUAL = a_market(market_id="0x1", kind=MarketKind.PERPETUAL)
PAR = a_rate("USDT", "USD")
BOOK = a_book(SPOT, [(24.9, 1.0)], [(25.1, 1.0)])


@pytest.mark.parametrize("form", FORMS)
def test_predictions_come_in_every_form(defi, form):
    assert_form(defi("predict", "BTC", "--with-market", "-o", form), form, COLUMNS, 1)


def test_all_assets_are_asked_for_when_none_is_named(defi):
    assert [row["asset"] for row in defi("predict", "--json").rows] == ["BTC", "ETH", "SOL"]


def test_the_gap_is_a_fraction_in_json_and_basis_points_for_people(defi):
    (row,) = defi("predict", "SOL", "--with-market", "--json").rows
    asked = ("scan", row["market"]["market_id"], "--kind", "prediction", "--include-rejected", "--json")
    (rate,) = defi(*asked).rows[0]["rates"]
    assert (rate["base"], rate["quote"]) == ("USD", "USDT")
    in_quote = float(row["predicted_price"]) * (float(rate["bid"]) + float(rate["ask"])) / 2
    gap = in_quote / float(row["market_mid"]) - 1
    assert float(row["gap"]) == pytest.approx(gap, rel=1e-4)
    # There is a spot market too.
    assert row["market"]["kind"] == "perpetual"
    header, line = cells(defi("predict", "SOL", "--with-market").out, "plain")
    shown = dict(zip(header, line, strict=True))
    assert float(shown["Gap bps"]) == pytest.approx(gap * 10_000, abs=0.5)
    assert shown["Market"] == row["market"]["ticker"]
    assert " to " in shown["Interval"]


def test_without_with_market_nothing_is_compared(defi):
    (row,) = defi("predict", "SOL", "--json").rows
    assert (row["market"], row["market_mid"], row["gap"]) == (None, None, None)


@pytest.mark.parametrize("path", ["/injective/exchange/", "/orderbook/"])
def test_a_market_that_cannot_be_read_does_not_hide_the_prediction(
    defi, background, sandbox, monkeypatch, path
):
    with answering(background, sandbox, monkeypatch, {path: GONE}):
        ran = defi("predict", "BTC", "--with-market", "--json")
    assert ran.code == 0
    (row,) = ran.rows
    assert row["predicted_price"] is not None
    assert (row["market"], row["market_mid"], row["gap"]) == (None, None, None)
    (warning,) = ran.document["warnings"]
    assert (warning["source"], warning["code"]) == ("injective", "NOT_FOUND")


def test_a_log_return_without_a_base_price_is_shown_with_the_reason(defi, background, sandbox, monkeypatch):
    with answering(background, sandbox, monkeypatch, {"/binance/": GONE}):
        (row,) = defi("predict", "--topic", "1", "--with-market", "--json").rows
        said = defi("predict", "--topic", "1", "-o", "table").err
    assert (row["kind"], row["predicted_price"], row["base_price"], row["gap"]) == (
        "log-return",
        None,
        None,
        None,
    )
    assert row["market_mid"] is not None
    assert row["notes"][0].startswith("no base price: binance")
    assert "BTC topic 1: no base price: binance" in said


def test_what_allora_cannot_tell_is_the_error_it_is(defi, background, sandbox, monkeypatch, home):
    with answering(background, sandbox, monkeypatch, {"/allora/": DOWN}):
        ran = defi("predict", "BTC", "ETH", "--json")
    assert (ran.code, ran.error["code"], ran.error["retryable"]) == (5, "UNAVAILABLE", True)
    assert ran.error["message"].startswith("allora")
    # One is the error, the other a warning.
    assert ran.err.count("503") == 2
    assert not (home / "state" / "journal.sqlite").exists()


def test_not_covered_is_said_before_what_may_pass(defi, background, sandbox, monkeypatch):
    with answering(background, sandbox, monkeypatch, {"/allora/": DOWN}):
        ran = defi("predict", "BTC", "INJ")
    assert ran.code == 8
    assert ran.err.startswith("defi: warning: allora")
    assert "no topic of Allora's mainnet covers INJ" in ran.err


def test_a_network_without_topics_covers_nothing(defi, monkeypatch):
    monkeypatch.setattr("defi_analytics.sandbox.allora.TOPICS", {})
    ran = defi("predict", "--json")
    assert (ran.code, ran.error["message"]) == (8, "allora: no topics on this network")


def test_predictions_that_are_all_stale_are_shown_with_exit_6(defi, background, monkeypatch):
    old = Sandbox(58, FakeClock(), hold=True)
    background.call(old.__aenter__())
    try:
        monkeypatch.setenv("DEFI_SANDBOX__PORT", old.url.rpartition(":")[2])
        ran = defi("predict", "BTC", "ETH", "--json")
        people = defi("predict", "BTC", "-o", "table")
    finally:
        background.call(old.__aexit__())
    assert (ran.code, people.code) == (6, 6)
    assert [row["stale"] for row in ran.rows] == [True, True]
    assert any(note.startswith("stale: ") for note in ran.rows[0]["notes"])
    assert "stale" in people.out
    assert "BTC topic 14: stale: " in people.err


def test_a_volatility_is_no_price_and_has_no_gap():
    topic = a_topic(kind=PredictionKind.VOLATILITY)
    book = a_book(PERPETUAL, [(24.9, 1.0)], [(25.1, 1.0)])
    row = prediction_row(a_prediction(None, topic), NOON, Compared(PERPETUAL, book, (PAR,)))
    assert (row.predicted_price, row.interval, row.gap, row.market_mid) == (None, None, None, "25")


def test_a_book_of_one_side_has_no_mid_and_so_no_gap():
    row = prediction_row(a_prediction(25.0), NOON, Compared(SPOT, a_book(SPOT, [(24.9, 1.0)], []), (PAR,)))
    assert (row.market.market_id, row.market_mid, row.gap) == (SPOT.market_id, None, None)


def test_age_and_share_gone_are_as_of_now():
    made = replace(a_prediction(25.0), interval=Interval(0.95, 24.5, 25.5), notes=("one",))
    row = prediction_row(made, NOON, None)
    assert (row.age_s, row.share_gone) == (1800, "0.5")
    assert (row.interval.level, row.interval.low, row.interval.high) == ("0.95", "24.5", "25.5")
    assert row.notes == ["one"]
    gone = {column.name: column.text(row) for column in COLUMNS}["Gone"]
    assert gone == "50%"


def test_where_there_is_no_interval_its_cell_is_empty():
    row = prediction_row(a_prediction(None), NOON, None)
    shown = {column.name: column.text(row) for column in COLUMNS}
    assert (shown["Interval"], shown["Predicted USD"], shown["Market"], shown["Gap bps"]) == ("", "", "", "")


@pytest.mark.parametrize("markets", [(SPOT, PERPETUAL), (PERPETUAL, SPOT)])
def test_a_perpetual_is_compared_before_spot_in_whatever_order_they_are_listed(markets):
    listing = Listing("injective", {market.market_id: market for market in markets}, {})
    assert _dollar_markets(listing) == {"INJ": PERPETUAL}


@pytest.mark.parametrize(
    "other", [a_market(quote="INJ"), a_market(quote=""), a_market(base="", quote="USDT")]
)
def test_only_a_proven_dollar_market_is_compared(other):
    assert _dollar_markets(Listing("injective", {other.market_id: other}, {})) == {}


def test_the_gap_is_measured_in_the_markets_own_quote():
    rates = (a_rate("USDT", "USD", 0.8, 0.8),)
    assert gap(a_prediction(25.0), Compared(SPOT, BOOK, rates)) == pytest.approx(0.25)
    assert gap(a_prediction(25.0), Compared(SPOT, BOOK, (PAR,))) == pytest.approx(0.0)


def test_without_a_rate_there_is_no_gap_rather_than_one_at_par():
    assert gap(a_prediction(25.0), Compared(SPOT, BOOK, ())) is None
    row = prediction_row(a_prediction(25.0), NOON, Compared(SPOT, BOOK, ()))
    assert (row.gap, row.market_mid, row.predicted_price) == (None, "25", "25")


def test_a_log_return_is_in_the_currency_of_its_base_price():
    made = a_prediction(25.5, a_topic(kind=PredictionKind.LOG_RETURN), quote="USDT")
    far = (a_rate("USDT", "USD", 0.8, 0.8),)
    assert gap(made, Compared(SPOT, BOOK, far)) == gap(made, Compared(SPOT, BOOK, ())) == pytest.approx(0.02)
    assert gap(made, Compared(a_market(quote="USDC"), BOOK, ())) is None


def test_rates_that_cannot_be_read_cost_the_gap_and_not_the_prediction(
    defi, background, sandbox, monkeypatch
):
    with answering(background, sandbox, monkeypatch, {"/oracle/": GONE}):
        ran = defi("predict", "BTC", "--with-market", "--json")
    (row,) = ran.rows
    assert (ran.code, row["gap"]) == (0, None)
    assert row["market_mid"] is not None
    assert {warning["source"] for warning in ran.document["warnings"]} == {"injective-oracle"}


def test_a_journal_that_cannot_be_written_still_shows_the_prediction(defi, home):
    state = home / "state"
    state.mkdir(mode=0o700)
    (state / "journal.sqlite").write_bytes(b"not a database" * 100)
    (state / "journal.sqlite").chmod(0o600)
    ran = defi("predict", "BTC", "--json")
    assert ran.code == ran.error["exit_code"] == 9
    assert not ran.document["ok"]
    assert ran.rows[0]["asset"] == "BTC"
    assert ran.err.count("defi: error:") == 1
