from datetime import UTC, datetime, timedelta

import pytest

from defi_analytics.domain.book import Top
from defi_analytics.domain.market import MarketKey
from defi_analytics.errors import Malformed
from defi_analytics.venues.tickers import Ticker, ticker_listing
from tests.builders import a_market

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def ticker(base="INJ", bid=24.9, ask=25.0, changed=NOON):
    return Ticker(f"{base}/USDT", base, "USDT", bid, ask, changed)


def listing(*tickers, marks=None, received=NOON):
    made = []

    def make(one):
        made.append(one.base)
        return a_market("binance", one.base, one.quote)

    return ticker_listing("binance", tickers, lambda one: one, make, received, marks or {}), made


def test_a_market_is_made_only_when_it_is_asked_for():
    found, made = listing(ticker("INJ"), ticker("BTC"))
    assert (len(found.markets), list(found.tops), made) == (2, ["INJ/USDT", "BTC/USDT"], [])
    assert found.markets["BTC/USDT"] == a_market("binance", "BTC")
    assert made == ["BTC"]
    assert found.markets == {f"{base}/USDT": a_market("binance", base) for base in ("INJ", "BTC")}


def test_of_a_listing_only_what_is_about_the_assets_asked_for_is_kept_and_made():
    found, made = listing(ticker("INJ"), ticker("BTC", 0, 0), ticker("ETH"))
    about = found.about({"INJ", "BTC"})
    assert made == ["INJ", "BTC"]
    assert (list(about.markets), list(about.tops)) == (["INJ/USDT", "BTC/USDT"], ["INJ/USDT"])
    assert about.about({"BTC"}).markets.keys() == {"BTC/USDT"}, "what is left can be narrowed further"


def test_what_is_quoted_or_marked_has_a_top():
    found, _ = listing(
        ticker("A", 1, 0), ticker("B", 0, 2), ticker("C", 0, 0), ticker("D", 0, 0), marks={"D/USDT": 3.0}
    )
    tops = {"A": (1, None, None), "B": (None, 2, None), "D": (None, None, 3.0)}
    assert found.tops == {
        f"{base}/USDT": Top(MarketKey("binance", f"{base}/USDT"), NOON, bid, ask, mark=mark)
        for base, (bid, ask, mark) in tops.items()
    }


@pytest.mark.parametrize("bad", [ticker(), ticker("BTC", 25.0, 25.0), ticker("BTC", 26.0, 25.0)])
def test_a_market_listed_twice_and_a_crossed_top_are_problems_and_the_rest_stands(bad):
    found, _ = listing(ticker(), None, bad, ticker("ETH"))
    assert list(found.markets) == list(found.tops) == ["INJ/USDT", "ETH/USDT"]
    assert [problem.code for problem in found.problems] == ["MALFORMED"]


def test_a_listing_of_which_nothing_is_readable_is_malformed():
    with pytest.raises(Malformed, match="crossed top"):
        listing(ticker(bid=26.0))


@pytest.mark.parametrize(
    ("ages_s", "age_s"),
    [
        ([0.3, 900.0], 0.3),
        ([None, None], 0.0),
        ([900.0, None], 900.0),
        ([-5.0, 900.0], 0.0),
        ([60.0, 61.0], 60.0),
    ],
)
def test_bests_that_nobody_changed_are_as_old_as_the_answer_is_at_most(ages_s, age_s):
    told = [None if age is None else NOON - timedelta(seconds=age) for age in ages_s]
    found, _ = listing(*(ticker(name, changed=at) for name, at in zip("AB", told, strict=True)))
    assert {top.at for top in found.tops.values()} == {NOON - timedelta(seconds=age_s)}


def test_a_row_that_was_dropped_dates_nothing():
    found, _ = listing(
        ticker("A", changed=NOON - timedelta(minutes=1)), ticker("B", 26.0, 25.0, changed=NOON)
    )
    assert found.tops["A/USDT"].at == NOON - timedelta(minutes=1)
