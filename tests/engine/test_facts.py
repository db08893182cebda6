import math
from dataclasses import replace
from datetime import timedelta

import pytest

from defi_analytics.domain.book import Top
from defi_analytics.domain.market import Market, MarketStatus, OracleFeed
from defi_analytics.engine.facts import maintenance_margin, market_facts, marks_of
from defi_analytics.risk.codes import MarketState
from defi_analytics.risk.exposure import Marks
from tests.builders import a_book, a_market, a_prediction, a_quote, a_rate, a_snapshot
from tests.engine.trading import PERP
from tests.fakes import NOON

SPOT = a_market()
BOOK = a_book(SPOT, [(24.9, 1)], [(25.1, 1)])
MARKS = Marks({"USDT": 1.0, "INJ": 25.0}, frozenset({"USDT"}))


def test_prices_are_told_in_ticks_and_inputs_with_their_ages() -> None:
    quote = a_quote(price=25.2, at=NOON - timedelta(seconds=9))
    older = a_quote(price=99.0, at=NOON - timedelta(seconds=90))
    snapshot = a_snapshot(
        [(SPOT, replace(BOOK, at=NOON - timedelta(seconds=3)))],
        quotes=(older, quote),
        rates=(a_rate("USD", "USDT", 1.0, 1.0),),
        predictions=(a_prediction(usable_at=NOON - timedelta(seconds=60)),),
    )
    facts = market_facts(snapshot, SPOT, MARKS)
    assert (facts.bid, facts.ask, facts.mid) == pytest.approx((24_900, 25_100, 25_000))
    assert facts.oracle == pytest.approx(25_200)
    assert (facts.book_age_s, facts.oracle_age_s, facts.prediction_age_s) == (3.0, 9.0, 60.0)
    assert (facts.quote_rate, facts.maintenance_margin, facts.status) == (1.0, 0.0, MarketState.ACTIVE)
    assert market_facts(snapshot, PERP, MARKS).maintenance_margin == float(PERP.maintenance_margin_ratio)


def test_a_margin_that_nobody_told_is_not_known_and_nothing_stands_in_for_it() -> None:
    assert math.isnan(maintenance_margin(replace(PERP, maintenance_margin_ratio=None)))
    assert maintenance_margin(SPOT) == 0.0


@pytest.mark.parametrize("status", MarketStatus)
def test_the_rules_see_what_became_of_a_market(status: MarketStatus) -> None:
    facts = market_facts(a_snapshot(), replace(SPOT, status=status), Marks({}, frozenset()))
    assert facts.status is MarketState[status.name]


def test_what_is_not_known_is_nan() -> None:
    facts = market_facts(a_snapshot(), replace(SPOT, status=MarketStatus.PAUSED), Marks({}, frozenset()))
    unknown = (facts.bid, facts.ask, facts.mid, facts.oracle, facts.book_age_s, facts.oracle_age_s)
    assert all(map(math.isnan, (*unknown, facts.prediction_age_s, facts.quote_rate)))
    assert (facts.has_oracle, facts.status) == (False, MarketState.PAUSED)


@pytest.mark.parametrize("market", [SPOT, replace(PERP, oracle=OracleFeed("band", "XYZ", "USD"))])
def test_an_oracle_that_did_not_answer_is_missing_not_absent(market: Market) -> None:
    """Else a read that fails would lift the price band instead of refusing the order."""
    published = frozenset({"INJ"}) if market is SPOT else frozenset()
    facts = market_facts(a_snapshot([(SPOT, BOOK)], published=published), market, MARKS)
    assert facts.has_oracle
    assert math.isnan(facts.oracle)
    assert math.isnan(facts.oracle_age_s)


def test_an_asset_that_no_oracle_publishes_has_none() -> None:
    facts = market_facts(a_snapshot([(SPOT, BOOK)], published=frozenset({"ATOM"})), SPOT, MARKS)
    assert not facts.has_oracle


def test_an_oracle_in_a_currency_nobody_converts_is_missing_not_absent() -> None:
    facts = market_facts(a_snapshot(quotes=(a_quote(),)), SPOT, MARKS)
    assert facts.has_oracle
    assert math.isnan(facts.oracle)


@pytest.mark.parametrize(
    ("top", "worth"),
    [((3.9, 4.1), 4.0), ((4.1, 3.9), None), ((None, 4.1), None), ((0.0, 4.1), None), ((3.9, math.inf), None)],
)
def test_a_market_whose_book_was_not_read_prices_its_asset_by_its_best_prices(
    top: tuple[float | None, float | None], worth: float | None
) -> None:
    atom = a_market(base="ATOM")
    snapshot = a_snapshot(tops={atom.key: Top(atom.key, NOON, *top)})
    assert marks_of(snapshot, [atom], "USDT").assets.get("ATOM") == worth


def test_assets_are_worth_what_the_oracle_says_and_others_what_their_book_says() -> None:
    atom = a_market(base="ATOM", quote="USDC")
    wrapped = a_market(base="XYZ", quote="INJ")
    snapshot = a_snapshot(
        [(SPOT, BOOK), (atom, a_book(atom, [(3.9, 1)], [(4.1, 1)]))],
        quotes=(a_quote(price=30.0), a_quote(price=31.0), a_quote("TIA", math.inf)),
        rates=(a_rate("USD", "USDT", 0.99, 1.01), a_rate("USDC", "USDT", 0.5, 0.5)),
    )
    marks = marks_of(snapshot, [SPOT, atom, wrapped], "USDT")
    assert marks.assets == pytest.approx({"USDT": 1.0, "USDC": 0.5, "INJ": 30.0, "ATOM": 2.0})
    assert marks.cash == {"USDT", "USDC"}
