from collections.abc import Mapping

import pytest

from defi_analytics.domain.market import Market
from defi_analytics.domain.snapshot import Listing, OnDemand, Problem, Snapshot
from tests.builders import a_market, a_top
from tests.fakes import NOON

INJ, ATOM, BTC = (a_market(base=base) for base in ("INJ", "ATOM", "BTC"))
ALL = {m.market_id: m for m in (INJ, ATOM, BTC)}
TOPS = {m.market_id: a_top(m, 1.0, 2.0) for m in (INJ, BTC)}


def test_a_value_is_made_of_its_row_when_it_is_asked_for() -> None:
    made: list[int] = []

    def make(row: int) -> int:
        made.append(row)
        return -row

    values = OnDemand({"a": 1, "b": 2}, make)
    assert (len(values), list(values), "b" in values, made) == (2, ["a", "b"], True, [2])
    assert (values["a"], made) == (-1, [2, 1])
    with pytest.raises(KeyError):
        values["c"]


@pytest.mark.parametrize("bases", [{}, {m.market_id: m.base for m in ALL.values()}])
def test_a_listing_about_some_assets_has_their_markets_and_tops_alone(bases: Mapping[str, str]) -> None:
    problem = Problem("injective", "unavailable", "no prices")
    listing = Listing("injective", ALL, TOPS, (problem,), bases)
    about = listing.about({"INJ", "ATOM"})
    assert dict(about.markets) == {INJ.market_id: INJ, ATOM.market_id: ATOM}
    assert dict(about.tops) == {INJ.market_id: TOPS[INJ.market_id]}
    assert (about.venue, about.problems, about.bases) == ("injective", (problem,), {})
    assert not listing.about({"DOGE"}).markets


def test_with_the_assets_known_no_other_market_is_made() -> None:
    made: list[str] = []

    def make(row: str) -> Market:
        made.append(row)
        return ALL[row]

    markets = OnDemand({name: name for name in ALL}, make)
    Listing("injective", markets, TOPS, bases={name: m.base for name, m in ALL.items()}).about({"INJ"})
    assert made == [INJ.market_id]


def test_a_problem_is_not_worth_another_try_unless_it_says_so() -> None:
    assert not Problem("binance", "malformed", "no JSON").retryable


def test_an_empty_snapshot_knows_nothing_but_its_time() -> None:
    snapshot = Snapshot(NOON, "sandbox")
    assert not any(
        (snapshot.markets, snapshot.tops, snapshot.books, snapshot.funding, snapshot.quotes, snapshot.rates)
    )
    assert not any((snapshot.predictions, snapshot.volatility, snapshot.problems, snapshot.read))
