from dataclasses import replace
from datetime import timedelta

import pytest

from defi_analytics.domain.edge import Reason, Rejection
from defi_analytics.mispricing.cross_venue import cross_venue, screened
from defi_analytics.mispricing.oracle import oracle_deviation, oracle_screened
from defi_analytics.mispricing.pairing import Pairing
from defi_analytics.mispricing.tops import best_prices, seen_tops, stale_top
from tests.builders import LOOSE, a_book, a_market, a_quote, a_rate, a_snapshot, a_top
from tests.fakes import NOON

HOME, OTHER = a_market(), a_market("binance")
PAIR = Pairing(HOME, OTHER)
FRESH, EDGE, LATE = NOON, NOON - timedelta(seconds=10), NOON - timedelta(seconds=11)
AHEAD = NOON + timedelta(seconds=6)
CHEAP, DEAR = ([(24.9, 10)], [(25.0, 10)]), ([(25.5, 10)], [(25.6, 10)])


def snapshot_of(tops_at=(FRESH, FRESH), books=(), crossed=True):
    """Tops of both markets, dated; deep books only where a pair of sides and date is given."""
    tops = {
        HOME.key: a_top(HOME, 24.9, 25.0, tops_at[0]),
        OTHER.key: a_top(OTHER, *((25.5, 25.6) if crossed else (24.9, 25.0)), tops_at[1]),
    }
    read = [(m, a_book(m, *sides, at)) for m, (sides, at) in zip((HOME, OTHER), books, strict=False)]
    return a_snapshot(
        read, markets={HOME.key: HOME, OTHER.key: OTHER}, tops=tops, rates=(a_rate("USD", "USDT"),)
    )


@pytest.mark.parametrize("crossed", [True, False])
@pytest.mark.parametrize(
    ("tops_at", "late"),
    [
        ((FRESH, LATE), ("binance top", 11.0)),
        ((LATE, FRESH), ("injective top", 11.0)),
        ((FRESH, AHEAD), ("binance top", -6.0)),
    ],
)
def test_a_top_that_is_too_old_neither_finds_a_candidate_nor_rules_one_out(tops_at, late, crossed):
    edge = screened(snapshot_of(tops_at, crossed=crossed), PAIR, LOOSE)
    assert edge.rejection == Rejection(Reason.STALE_BOOK, 10.0, late[1], "s", late[0])
    assert (edge.indicative, edge.side) == (None, None)
    assert [i.name for i in edge.inputs] == ["injective top", "binance top"]
    assert cross_venue(snapshot_of(tops_at, crossed=crossed), PAIR, LOOSE) == edge


def test_a_top_at_the_limit_of_its_age_still_counts():
    assert screened(snapshot_of((EDGE, EDGE)), PAIR, LOOSE).stands


def test_fresh_deep_books_that_were_read_anyway_count_though_the_tops_are_old():
    books = ((CHEAP, FRESH), (DEAR, FRESH))
    for crossed in (True, False):
        edge = cross_venue(snapshot_of((LATE, LATE), books, crossed=crossed), PAIR, LOOSE)
        assert edge.stands
        assert [i.name for i in edge.inputs] == ["injective book", "binance book"]
        assert edge.pricing == cross_venue(snapshot_of(books=books), PAIR, LOOSE).pricing


def test_one_fresh_deep_book_does_not_make_up_for_the_other_s_old_top():
    edge = cross_venue(snapshot_of((LATE, LATE), ((CHEAP, FRESH),)), PAIR, LOOSE)
    assert edge.rejection == Rejection(Reason.STALE_BOOK, 10.0, 11.0, "s", "binance top")
    assert [i.name for i in edge.inputs] == ["injective book", "binance top"]


def test_a_deep_book_as_old_as_the_top_is_named_as_what_is_stale():
    edge = cross_venue(snapshot_of((LATE, FRESH), ((CHEAP, LATE), (DEAR, FRESH))), PAIR, LOOSE)
    assert edge.rejection == Rejection(Reason.STALE_BOOK, 10.0, 11.0, "s", "injective book")


def test_a_fresh_top_screens_although_a_deep_book_is_there():
    edge = cross_venue(snapshot_of(books=((CHEAP, FRESH), (DEAR, FRESH)), crossed=False), PAIR, LOOSE)
    assert edge.rejection is not None
    assert edge.rejection.code == "NOT_CROSSED"


@pytest.mark.parametrize("sides", [([], [(25.0, 1)]), ([(24.9, 1)], [])])
def test_a_book_that_stands_in_keeps_what_only_the_listing_tells(sides):
    snapshot = snapshot_of((LATE, FRESH), ((sides, FRESH),))
    told = replace(snapshot.tops[HOME.key], mark=24.0, funding_hourly=0.0001)
    top = best_prices(replace(snapshot, tops={HOME.key: told}), HOME.key, LOOSE)
    assert top == replace(
        told, at=FRESH, bid=24.9 if sides[0] else None, ask=25.0 if sides[1] else None, mid=None
    )


def test_a_market_that_is_not_quoted_has_no_best_prices():
    assert best_prices(a_snapshot([(HOME, a_book(HOME, *CHEAP))], tops={}), OTHER.key, LOOSE) is None


def test_ages_are_told_by_the_name_of_what_they_are_of():
    snapshot = snapshot_of((LATE, FRESH))
    home, other = snapshot.tops[HOME.key], replace(snapshot.tops[OTHER.key], at=EDGE)
    assert [(i.name, i.age_s) for i in seen_tops(snapshot, (home, other))] == [
        ("injective top", 11.0),
        ("binance book", 10.0),
    ]
    assert stale_top(snapshot, (other,), LOOSE) is None


ORACLE = a_quote(price=25.5)


def test_an_oracle_is_not_compared_with_an_old_top_unless_a_deep_book_was_read():
    late = Rejection(Reason.STALE_BOOK, 10.0, 11.0, "s", "injective top")
    for read in (oracle_screened, oracle_deviation):
        edge = read(snapshot_of((LATE, FRESH)), HOME, ORACLE, LOOSE)
        assert (edge.rejection, edge.signal) == (late, None)
    edge = oracle_deviation(snapshot_of((LATE, FRESH), ((CHEAP, FRESH),)), HOME, ORACLE, LOOSE)
    assert edge.stands
    assert [i.name for i in edge.inputs] == ["injective book", "pyth", "USD/USDT binance"]
