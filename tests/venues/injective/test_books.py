import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from defi_analytics.domain.book import Levels
from defi_analytics.domain.market import MarketKind
from defi_analytics.errors import Malformed
from defi_analytics.venues.injective.books import (
    parse_indexer_order_book,
    parse_order_book,
)
from tests.fakes import NOON
from tests.shared_data import shared, shared_json
from tests.venues.injective.payloads import body, book, market

SPOT = market()
PERP = market(MarketKind.PERPETUAL, decimals=(0, 6))
LCD = "samples/injective/derived_lcd/"


def parse(answer, limit=100):
    return parse_order_book("injective", answer, SPOT, NOON, limit)


def test_a_book_is_ready_to_walk():
    read = parse(book([("29.414000000000000000", "27.651000000000000000")], [("29.5", "1.5")], seq="42"))
    assert (read.bids, read.asks) == (Levels((29.414,), (27.651,)), Levels((29.5,), (1.5,)))
    assert (read.key, read.at, read.sequence, read.truncated) == (SPOT.key, NOON, 42, False)


def test_recorded_books_of_the_chain_are_read():
    perp = parse_order_book("i", shared(LCD + "v2_derivative_orderbook.json").read_bytes(), PERP, NOON, 20)
    assert (perp.bids.prices, perp.asks.prices) == ((19.2929, 19.1837), (19.697, 19.899))
    one_sided = parse(shared(LCD + "v2_spot_orderbook_one_sided.json").read_bytes())
    assert one_sided.bids == Levels((29.414, 29.394), (27.651, 27.714))
    assert one_sided.asks == Levels((), ())


@pytest.mark.parametrize("empty", [[], None])
def test_an_empty_side_may_be_a_list_or_null(empty):
    read = parse(body({"buys_price_level": empty, "sells_price_level": empty, "seq": "0"}))
    assert read.bids == read.asks == Levels((), ())


@pytest.mark.parametrize(("levels", "limit", "cut"), [(1, 2, False), (2, 2, True), (3, 2, True)])
def test_a_side_as_long_as_asked_for_was_cut(levels, limit, cut):
    asks = [(str(price), "1") for price in range(1, levels + 1)]
    assert parse(book([], asks), limit).truncated is cut
    assert parse(book([], asks), limit).sequence is None


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([("2", "1")], [("2", "1")]),
        ([("1", "1"), ("2", "1")], []),
        ([], [("2", "1"), ("1", "1")]),
        ([("1", "1"), ("1", "1")], []),
        ([("1", "0.000000000000000000")], []),
        ([("1", "-1")], []),
        ([("-1", "1")], []),
        ([("0", "1")], []),
        ([("nan", "1")], []),
        ([("1", "nan")], []),
        ([("inf", "1")], []),
        ([], [("1", "infinity")]),
        ([("1e400", "1")], []),
        ([("1e-400", "1")], []),
        ([("1_0", "1")], []),
        ([("", "1")], []),
        ([(True, "1")], []),
        ([("9" * 9_999, "1")], []),
        ([], [(str(price), "1") for price in range(1, 5_002)]),
    ],
    ids=range(19),
)
def test_a_book_nobody_could_trade_on_is_malformed(bids, asks):
    with pytest.raises(Malformed):
        parse(book(bids, asks))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"[]",
        b'{"code":5,"message":"market not found: key not found","details":[]}',
        b'{"buys_price_level":[]}',
        b'{"buys_price_level":[{"p":"1"}],"sells_price_level":[]}',
        b'{"buys_price_level":{},"sells_price_level":[]}',
        book([("1", "1")], [], seq="-1"),
        book([("1", "1")], [], seq="9" * 9_999),
        book([("1", "1")], [("2", "1")])[:-9],
    ],
    ids=range(10),
)
def test_anything_but_a_book_is_malformed(answer):
    with pytest.raises(Malformed) as raised:
        parse(answer)
    assert raised.value.source == "injective"


def indexed(path, number):
    book = shared_json(f"samples/injective/indexer_docs/{path}")["orderbooks"][number]
    return book["marketId"], book


def test_the_indexers_spot_book_is_exact_and_tells_its_time():
    market_id, _ = indexed("spotrpc.orderbooks_v2.python.json", 1)
    answer = shared("samples/injective/indexer_docs/spotrpc.orderbooks_v2.python.json").read_bytes()
    read = parse_indexer_order_book("i", answer, replace(SPOT, market_id=market_id), NOON, 100)
    assert read.bids == Levels((73.489, 64.261), (0.129, 1.292))
    assert read.asks == Levels((85.0, 85.768), (6693.248, 0.581))
    assert (read.sequence, read.truncated) == (6916386, False)
    assert read.at == datetime(2023, 12, 8, 14, 5, 36, 800_000, tzinfo=UTC)


def test_a_book_that_never_changed_is_as_of_its_receipt():
    market_id, one = indexed("spotrpc.orderbooks_v2.python.json", 0)
    read = parse_indexer_order_book("i", json.dumps(one).encode(), SPOT, NOON, 100)
    assert market_id == one["marketId"]
    assert (read.at, read.sequence, read.bids.prices) == (NOON, 0, ())


def test_the_indexers_asks_are_put_in_order():
    _, one = indexed("spotrpc.orderbooks_v2.python.json", 0)
    assert [row["price"] for row in one["orderbook"]["sells"]] == ["0.000000000005", "0.0000000000045"]
    read = parse_indexer_order_book("i", json.dumps(one).encode(), SPOT, NOON, 100)
    assert read.asks.prices == pytest.approx((4.5, 5.0), rel=1e-15)
    assert read.asks.quantities == pytest.approx((3519999.0, 27767.884), rel=1e-15)


def test_the_indexers_derivative_books_are_read():
    for number, levels in ((0, 0), (1, 3)):
        _, one = indexed("derivativesrpc.orderbooks_v2.python.json", number)
        read = parse_indexer_order_book("i", json.dumps(one).encode(), PERP, NOON, 100)
        assert len(read.bids.prices) + len(read.asks.prices) == levels
    assert read.bids == Levels((13.4, 13.3665), (683.3032, 108438.1403))


@pytest.mark.parametrize(
    "answer",
    [
        {"orderbooks": []},
        {"orderbooks": [{"marketId": "0x0", "orderbook": {"sequence": 1, "timestamp": 1}}]},
        {"orderbook": {"sequence": 1}},
        {"orderbook": {"sequence": 1, "timestamp": 10**40}},
        {"orderbook": {"sequence": 1, "timestamp": 1, "buys": [{"price": "1e300", "quantity": "1"}]}},
        {"orderbook": {"sequence": 1, "timestamp": 1, "buys": [{"price": "1", "quantity": "1"}] * 2}},
        {},
    ],
    ids=range(7),
)
def test_a_missing_or_broken_indexer_book_is_malformed(answer):
    with pytest.raises(Malformed):
        parse_indexer_order_book("i", body(answer), SPOT, NOON, 100)
