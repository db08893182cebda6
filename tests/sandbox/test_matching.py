from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.sandbox.matching import Book, Order, levels, match_limit_orders, match_market_orders
from tests.shared_data import shared_json

D = Decimal


def orders(rows, price="worst", quantity="qty"):
    return [
        Order(D(row[price]), D(row[quantity])) if isinstance(row, dict) else Order(D(row[0]), D(row[1]))
        for row in rows
    ]


def resting(case):
    bids = sorted(orders(case["resting_buys"]), reverse=True)
    return Book(tuple(bids), tuple(sorted(orders(case["resting_sells"]))))


def golden(name):
    cases = shared_json("samples/injective/golden/fba_matching.json")["cases"]
    return next(case for case in cases if case["name"] == name)


def filled(match):
    return {str(fill.order.price): fill.quantity for fill in match.takers}


def test_the_published_example_of_market_orders_holds_exactly():
    case = golden("docs_market_orders")
    expected = case["expected"]
    buying, selling, book = match_market_orders(
        resting(case), orders(case["market_buys"]), orders(case["market_sells"])
    )
    assert buying.clearing_price == D(expected["buy_clearing_price"])
    assert selling.clearing_price == D(expected["sell_clearing_price"])
    for match, rows in ((buying, "buy_order_fills"), (selling, "sell_order_fills")):
        assert filled(match) == {row["worst"]: D(row["filled"]) for row in expected[rows] if D(row["filled"])}
    assert all(fill.price == fill.order.price for match in (buying, selling) for fill in match.makers)
    assert sorted(levels(book.asks)) == sorted(tuple(map(D, row)) for row in expected["book_after"]["sells"])
    assert sorted(levels(book.bids)) == sorted(tuple(map(D, row)) for row in expected["book_after"]["buys"])


@pytest.mark.parametrize(
    ("mark", "price"),
    [(None, "spot_clearing_price"), ("64300", "derivative_clearing_price_with_mark_64300")],
)
def test_the_published_example_of_limit_orders_holds_exactly(mark, price):
    case = golden("docs_limit_orders")
    match = match_limit_orders(
        resting(case), orders(case["new_buys"]), orders(case["new_sells"]), mark and D(mark)
    )
    expected = case["expected"]
    assert match.clearing_price == D(expected[price])
    assert match.buys[-1].order.price == D(expected["last_buy_price"])
    assert match.sells[-1].order.price == D(expected["last_sell_price"])


def test_a_lone_crossing_limit_order_pays_more_than_the_same_market_order():
    case = golden("derived_single_taker_limit_vs_market")
    expected = case["expected"]
    limit = match_limit_orders(resting(case), orders([case["limit_buy"]], "price"))
    market, _, _ = match_market_orders(resting(case), orders([case["market_buy"]]))
    assert limit.clearing_price == D(expected["limit_clearing_price"])
    assert sum(fill.quantity * fill.price for fill in limit.buys) == D(expected["limit_cost"])
    assert market.clearing_price == D(expected["market_clearing_price"])
    assert sum(fill.quantity * fill.price for fill in market.takers) == D(expected["market_cost"])


def test_a_mark_price_out_of_range_does_not_clear_the_auction():
    book = Book((Order(D(9), D(1)),), (Order(D(10), D(1)),))
    assert match_limit_orders(book, [Order(D(11), D(1))], mark_price=D(12)).clearing_price == D(10)


@pytest.mark.parametrize(
    ("book", "price"),
    [
        (Book(), D("10.5")),
        (Book(bids=(Order(D(2), D(1)),)), D(10)),
        (Book(asks=(Order(D(20), D(1)),)), D(11)),
    ],
)
def test_without_a_mid_the_auction_clears_at_the_best_price_or_halfway(book, price):
    match = match_limit_orders(book, [Order(D(11), D(1))], [Order(D(10), D(1))])
    assert match.clearing_price == price


def test_the_mid_of_an_empty_book_is_unknown():
    assert Book().mid is None


def test_orders_at_one_price_make_one_level():
    assert levels([Order(D(1), D(2)), Order(D(1), D(3)), Order(D(4), D(1))]) == ((D(1), D(5)), (D(4), D(1)))


prices = st.integers(80, 120).map(D)
quantities = st.integers(1, 50).map(lambda n: D(n) / 10)
many = st.lists(st.builds(Order, prices, quantities), max_size=8)


@st.composite
def books(draw):
    cut = draw(st.integers(90, 110))
    bids = [order for order in draw(many) if order.price < cut]
    asks = [order for order in draw(many) if order.price >= cut]
    return Book(tuple(sorted(bids, reverse=True)), tuple(sorted(asks)))


def quantity(rows):
    return sum((row.quantity for row in rows), D(0))


def cash(fills):
    return sum((fill.quantity * fill.price for fill in fills), D(0))


def check_book(book):
    assert list(book.bids) == sorted(book.bids, key=lambda order: -order.price)
    assert list(book.asks) == sorted(book.asks, key=lambda order: order.price)
    assert all(order.quantity > 0 for side in book for order in side)
    if book.bids and book.asks:
        assert book.bids[0].price < book.asks[0].price


@given(books(), many, many, st.none() | prices)
def test_a_limit_auction_conserves_quantity_and_cash_and_nobody_is_worse_off_than_asked(
    book, buys, sells, mark
):
    match = match_limit_orders(book, buys, sells, mark)
    assert quantity(match.buys) == quantity(match.sells)
    assert cash(match.buys) == cash(match.sells)
    assert quantity(match.buys) + quantity(match.book.bids) == quantity(buys) + quantity(book.bids)
    assert quantity(match.sells) + quantity(match.book.asks) == quantity(sells) + quantity(book.asks)
    assert all(fill.price <= fill.order.price for fill in match.buys)
    assert all(fill.price >= fill.order.price for fill in match.sells)
    check_book(match.book)


@given(books(), many, many)
def test_market_orders_conserve_quantity_and_cash_and_respect_the_worst_price(book, buys, sells):
    buying, selling, after = match_market_orders(book, buys, sells)
    for match in (buying, selling):
        assert quantity(match.takers) == quantity(match.makers)
        assert abs(cash(match.takers) - cash(match.makers)) <= quantity(match.takers) * D("1e-18")
        assert (match.clearing_price is None) == (not match.takers)
    assert all(fill.price <= fill.order.price for fill in buying.takers)
    assert all(fill.price >= fill.order.price for fill in selling.takers)
    assert quantity(buying.makers) + quantity(after.asks) == quantity(book.asks)
    assert quantity(selling.makers) + quantity(after.bids) == quantity(book.bids)
    check_book(after)


@given(books(), many, many)
def test_nothing_that_could_still_trade_is_left_behind(book, buys, sells):
    buying, _, after = match_market_orders(book, buys, sells)
    for order in buys:
        got = quantity(fill for fill in buying.takers if fill.order == order)
        wanted = quantity(other for other in buys if other == order)
        assert got == wanted or not after.asks or after.asks[0].price > order.price
