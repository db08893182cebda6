"""What every venue owes to the rest of the program, whatever it is answered."""

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.book import Candle, OrderBook
from defi_analytics.domain.market import Market
from defi_analytics.domain.snapshot import Listing
from defi_analytics.errors import (
    DataError,
    Malformed,
    NotFound,
    RateLimited,
    TimedOut,
    Unavailable,
    UnknownMarket,
)
from defi_analytics.ports import MarketData
from tests.conformance.cases import ASKS, BIDS, CASES, Case, candle_times
from tests.fakes import NOON, Answer, FakeClock, FakeHttp

each_venue = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)

READS: dict[str, Callable[[MarketData, Market], Awaitable[Any]]] = {
    "listing": lambda venue, market: venue.listing(),
    "details": lambda venue, market: venue.details(market),
    "order_book": lambda venue, market: venue.order_book(market),
    "candles": lambda venue, market: venue.candles(market, 60, *candle_times()),
    "funding_hourly": lambda venue, market: venue.funding_hourly(market),
}
FUNDING = "funding_hourly"
"""Asked of a case's perpetual; its market may be spot."""


def read(case: Case, what: str, http: FakeHttp) -> Any:
    async def ask() -> Any:
        market = (case.perpetual or case.market) if what == FUNDING else case.market
        return await READS[what](case.build(http, FakeClock()), market)

    return asyncio.run(ask())


def outcome_of(case: Case, what: str, http: FakeHttp) -> Any:
    """What was read, or the error of ours that was raised; any other exception fails the test."""
    try:
        return read(case, what, http)
    except DataError as error:
        assert_tells_nothing_private(error)
        return error


def book_of(case: Case, bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> OrderBook:
    return read(case, "order_book", case.http(**{case.book_request: case.book(bids, asks)}))


def assert_a_sound_book(book: OrderBook, market: Market) -> None:
    assert book.key == market.key
    assert book.at.tzinfo is UTC
    assert all(a > b for a, b in pairwise(book.bids.prices))
    assert all(a < b for a, b in pairwise(book.asks.prices))
    if book.bids.prices and book.asks.prices:
        assert book.bids.prices[0] < book.asks.prices[0]
    for side in (book.bids, book.asks):
        assert len(side.prices) == len(side.quantities) <= 5_000
        assert all(0 < number <= 1e22 for number in (*side.prices, *side.quantities))


def assert_a_sound_listing(listing: Listing, venue: str) -> None:
    assert listing.venue == venue
    for market_id, market in listing.markets.items():
        assert market.key == (venue, market_id)
        assert bool(market.base) == bool(market.quote)
        assert min(market.price_tick, market.quantity_tick, market.min_notional, market.min_quantity) >= 0
    for market_id, top in listing.tops.items():
        assert top.key == listing.markets[market_id].key
        assert top.at.tzinfo is UTC
        assert all(0 < price < 1e25 for price in (top.bid, top.ask, top.mid, top.mark) if price is not None)
        assert top.bid is None or top.ask is None or top.bid < top.ask
    assert len(listing.problems) <= 20


def assert_sound(outcome: Any, market: Market) -> None:
    match outcome:
        case Listing():
            assert_a_sound_listing(outcome, market.venue)
        case OrderBook():
            assert_a_sound_book(outcome, market)
        case Market():
            assert outcome.key == market.key
            assert outcome.price_tick > 0
            assert outcome.quantity_tick > 0
        case float() | None:
            assert outcome is None or abs(outcome) <= 1
        case _:
            assert all(isinstance(candle, Candle) for candle in outcome)
            assert all(a.at < b.at for a, b in pairwise(outcome))


def assert_tells_nothing_private(error: DataError) -> None:
    assert "s3cret" not in error.message
    assert "venue.test" not in error.message
    assert len(error.message) < 400


@each_venue
def test_its_listing_holds_every_readable_market_under_its_own_key(case: Case) -> None:
    listing = read(case, "listing", case.http())
    assert_a_sound_listing(listing, case.name)
    assert len(listing.markets) == len(case.rows)
    assert listing.problems == ()
    listed = listing.markets[case.market.market_id]
    assert (listed.base, listed.quote, listed.kind) == (case.market.base, case.market.quote, case.market.kind)
    assert (listed.maker_fee, listed.taker_fee) == (case.market.maker_fee, case.market.taker_fee)
    assert case.market.market_id in listing.tops


@each_venue
def test_its_listing_takes_at_most_two_requests(case: Case) -> None:
    http = case.http()
    assert case.build(http, FakeClock()).venue == case.name
    read(case, "listing", http)
    assert 1 <= len(http.requests) <= 2


@each_venue
def test_its_book_is_sorted_positive_dated_in_utc_and_of_the_market_asked_for(case: Case) -> None:
    book = read(case, "order_book", case.http())
    assert_a_sound_book(book, case.market)
    assert abs(book.at - NOON) < timedelta(seconds=1)
    assert len(book.bids.prices) == len(BIDS)
    assert len(book.asks.prices) == len(ASKS)
    assert not book.truncated


@each_venue
def test_its_book_lies_on_the_grid_its_details_tell(case: Case) -> None:
    market, book = read(case, "details", case.http()), read(case, "order_book", case.http())
    for side in (book.bids, book.asks):
        for price, quantity in zip(side.prices, side.quantities, strict=True):
            assert float(market.nearest_price(price)) == price
            assert float(market.nearest_quantity(quantity)) == quantity
            assert market.price(market.ticks(market.nearest_price(price))) == market.nearest_price(price)
            assert market.lots(market.nearest_quantity(quantity)) > 0


@each_venue
def test_a_book_may_lack_a_side(case: Case) -> None:
    book = book_of(case, (), ASKS)
    assert book.bids.prices == ()
    assert book.mid is None
    assert book_of(case, BIDS, ()).asks.prices == ()


@each_venue
def test_its_candles_are_oldest_first_and_within_the_period(case: Case) -> None:
    start, end = candle_times()
    candles = read(case, "candles", case.http())
    assert [candle.at for candle in candles] == [start, end]
    assert all(c.low <= c.open <= c.high and c.low <= c.close <= c.high and c.volume > 0 for c in candles)


@each_venue
def test_a_resolution_it_does_not_have_is_not_found(case: Case) -> None:
    async def ask() -> None:
        await case.build(case.http(), FakeClock()).candles(case.market, 7, *candle_times())

    with pytest.raises(DataError) as raised:
        asyncio.run(ask())
    assert raised.value.code == "NOT_FOUND"


@each_venue
def test_funding_is_what_a_perpetual_s_long_pays_per_hour_and_spot_is_not_asked(case: Case) -> None:
    http = case.http()
    assert read(case, FUNDING, http) == (0.0001 / 8 if case.perpetual else None)
    assert 1 <= len(http.requests) <= 2 if case.perpetual else http.requests == []


BAD_NUMBERS = (
    "NaN", '"NaN"', '"nan"', "Infinity", '"inf"', '"-inf"', "1e999", '"1e999"', '"1e300"', "1e300",
    "-5.12", '"-5.12"', "0", '"0"', '"0.000"', '""', '"abc"', '"1_000"', '"١٢"', '" 5.12"', "null", "true",
    "[]", "{}", f'"{"9" * 5000}"', "9" * 5000, '"0x10"', '"1e-300"', '"5.12\\u0000"',
)  # fmt: skip


@each_venue
@pytest.mark.parametrize("number", BAD_NUMBERS, ids=lambda number: number[:12])
def test_a_level_that_is_not_a_plain_positive_number_is_malformed(case: Case, number: str) -> None:
    for bids in (((number, '"1"'),), (('"5.1"', number),), (*BIDS, (number, '"1"'))):
        with pytest.raises(Malformed) as raised:
            book_of(case, bids, ASKS)
        assert_tells_nothing_private(raised.value)


@each_venue
def test_a_crossed_locked_or_unsorted_book_is_malformed(case: Case) -> None:
    for bids, asks in (
        (ASKS, BIDS),
        (BIDS, BIDS[:1]),
        (BIDS[::-1], ASKS),
        (BIDS, ASKS[::-1]),
        (BIDS * 2, ASKS),
    ):
        with pytest.raises(Malformed):
            book_of(case, bids, asks)


@each_venue
def test_a_side_of_more_than_5000_levels_is_malformed(case: Case) -> None:
    levels = [(f'"{10 + n}"', '"1"') for n in range(5_001)]
    assert len(book_of(case, BIDS, levels[:5_000]).asks.prices) == 5_000
    with pytest.raises(Malformed):
        book_of(case, BIDS, levels)


@each_venue
@pytest.mark.parametrize("what", READS)
@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{}", b"[]", b"[[]]", b"7", b'"text"', b"true", b"<html>busy</html>", b"\xff\xfe", b"\x00",
        b"[" * 100_000, b'{"a":' * 100_000, b"[null]", b"[{}]", b'{"code":"0","data":[{}]}', b'{"code":0,"data":7}',
        b'{"code":"77777","msg":"no","data":[]}',
    ],
    ids=lambda body: repr(body[:14]),
)  # fmt: skip
def test_a_body_of_another_form_is_malformed_or_empty(case: Case, what: str, body: bytes) -> None:
    http = FakeHttp({"": body})
    outcome = outcome_of(case, what, http)
    if not http.requests or isinstance(outcome, Malformed):
        return
    # An empty list is a venue without markets or a market without candles; `{}` lacks even that.
    assert body == b"[]"
    assert isinstance(outcome, Listing | list | UnknownMarket)
    assert not getattr(outcome, "markets", None)


@each_venue
@pytest.mark.parametrize("what", READS)
def test_a_body_cut_short_anywhere_is_malformed(case: Case, what: str) -> None:
    for key, body in case.answers.items():
        for length in range(0, len(body), max(1, len(body) // 97)):
            http = case.http(**{key: body[:length]})
            outcome = outcome_of(case, what, http)
            if serves(case, key, http):
                assert isinstance(outcome, Malformed) or (key in case.optional and outcome.problems)


def serves(case: Case, key: str, http: FakeHttp) -> bool:
    """Whether any request was answered by this key, being the first that fits."""
    return any(next(k for k in case.answers if k in request) == key for request in http.requests)


@each_venue
@pytest.mark.parametrize("what", READS)
@pytest.mark.parametrize(
    "error",
    [
        Unavailable("source", "down"),
        TimedOut("source", "late"),
        RateLimited("source", "slow down", retry_after_s=7.0),
        Malformed("source", "cut"),
    ],
    ids=lambda error: error.code,
)
def test_a_failure_of_the_client_passes_through_unchanged(case: Case, what: str, error: DataError) -> None:
    http = FakeHttp({"": error})
    assert outcome_of(case, what, http) is error or not http.requests


@each_venue
@pytest.mark.parametrize("what", ["details", "order_book", "candles"])
def test_a_market_the_venue_does_not_know_is_unknown(case: Case, what: str) -> None:
    http = FakeHttp({"": case.unknown})
    outcome = outcome_of(case, what, http)
    assert isinstance(outcome, NotFound) or not http.requests


@each_venue
def test_an_unreadable_row_is_dropped_and_named_while_the_others_stay(case: Case) -> None:
    for hostile in case.hostile_rows:
        for rows in ([hostile, *case.rows], [*case.rows, hostile]):
            listing = read(case, "listing", case.http(**case.listing(rows)))
            assert_a_sound_listing(listing, case.name)
            assert len(listing.markets) == len(case.rows)
            assert [problem.code for problem in listing.problems] == ["MALFORMED"]
            assert listing.problems[0].source == case.name


@each_venue
def test_a_thousand_unreadable_rows_do_not_fill_the_output(case: Case) -> None:
    listing = read(case, "listing", case.http(**case.listing([*case.rows, *[case.hostile_rows[-1]] * 1000])))
    assert len(listing.markets) == len(case.rows)
    assert len(listing.problems) == 6
    assert "995 more" in listing.problems[-1].message


@each_venue
def test_a_listing_without_a_readable_row_is_malformed(case: Case) -> None:
    http = case.http(**case.listing([case.hostile_rows[-1]] * 3))
    outcome = outcome_of(case, "listing", http)
    if case.optional.issuperset(case.listing(case.rows)):
        assert not outcome.markets
        assert outcome.problems[0].code == "MALFORMED"
    else:
        assert isinstance(outcome, Malformed)


HOSTILE_VALUES = (
    None, True, 0, -1, 1, 2**63, 10**400, 1.5, -0.0, 1e300, "", "0", "-1", "NaN", "inf", "1e999", "1_0", "\x00",
    "\x1b[2J", "\u202e", "٣", "x" * 10_000, [], {}, [[]], [None], {"": None}, [[[[[[[[]]]]]]]],
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a JSON value with every key or index into it."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from places(value[key])


@st.composite
def mutated(draw: st.DrawFn, case: Case) -> dict[str, Answer]:
    """One of the venue's answers, harmed as JSON (values replaced, removed, doubled) or as bytes."""
    key = draw(st.sampled_from(sorted(case.answers)))
    body = case.answers[key]
    if draw(st.booleans()):
        value = json.loads(body)
        for _ in range(draw(st.integers(1, 3))):
            found = list(places(value))
            if not found:
                break
            container, place = draw(st.sampled_from(found))
            harm = draw(st.integers(0, 3))
            if harm == 0:
                del container[place]
            elif harm == 1 and isinstance(container, list):
                container.insert(place, copy.deepcopy(container[draw(st.integers(0, len(container) - 1))]))
            else:
                value_there = draw(st.sampled_from(HOSTILE_VALUES) | st.text(max_size=5) | st.floats())
                container[place] = copy.deepcopy(value_there)
        body = json.dumps(value).encode()
    else:
        at = draw(st.integers(0, len(body)))
        gone = draw(st.integers(0, 12))
        body = body[:at] + draw(st.binary(max_size=8)) + body[at + gone :]
    return {key: body}


@each_venue
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_answer_makes_it_raise_anything_else_or_return_anything_unsound(
    case: Case, data: st.DataObject
) -> None:
    changed = data.draw(mutated(case))
    for what in READS:
        outcome = outcome_of(case, what, case.http(**changed))
        if not isinstance(outcome, DataError):
            assert_sound(outcome, case.market)
