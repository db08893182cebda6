from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.sandbox.ledger.books import entries, merged, theirs
from defi_analytics.sandbox.ledger.records import ZERO
from defi_analytics.sandbox.matching import Book
from tests.sandbox.ledger.still import levels, live

D = Decimal
WORLD = Book(levels(("9.9", 1), ("9.8", 1)), levels(("10", 1), ("10.1", 1)))


def prices(side):
    return [f"{order.price:f}" for order in side]


def test_without_users_it_is_the_worlds_book_itself():
    assert merged(WORLD, [], {}).book is WORLD


def test_users_stand_in_their_places_behind_makers_of_the_same_price():
    found = merged(WORLD, [live("BUY", "9.9", number=1), live("SELL", "10.05", number=2)], {})
    assert [one.owner for one in found.book.bids] == ["maker", f"0x{1:064x}", "maker"]
    assert prices(found.book.asks) == ["10", "10.05", "10.1"]
    assert (found.buys, found.sells) == ((), ())


def test_makers_who_moved_over_a_users_order_come_as_takers():
    found = merged(WORLD, [live("BUY", "10.05")], {})
    assert prices(found.sells) == ["10"]
    assert prices(found.book.asks) == ["10.1"]
    found = merged(WORLD, [live("SELL", "9.8")], {})
    assert prices(found.buys) == ["9.9", "9.8"]
    assert found.book.bids == ()


def test_a_capped_order_shows_what_it_may_trade_and_none_when_that_is_nothing():
    one, two = live("BUY", 9, 5, 1), live("BUY", 9, 5, 2)
    assert [order.quantity for order in entries([one, two], {one.order_hash: D(2)})] == [2, 5]
    assert [order.quantity for order in entries([one, two], {one.order_hash: ZERO})] == [5]


def test_what_is_left_of_the_worlds_orders_leaves_out_the_users():
    mine = live("BUY", "9.95")
    found = merged(WORLD, [mine], {})
    assert theirs(found.book, [mine.order_hash]) == WORLD


ticks = st.integers(90, 110)
rows = st.lists(st.tuples(ticks, st.integers(1, 5)), max_size=6)


@given(rows, rows, st.lists(st.tuples(st.booleans(), ticks), max_size=4))
def test_the_merged_book_is_sorted_uncrossed_and_complete(bids, asks, users):
    world = Book(
        levels(*sorted(((min(price, 99), size) for price, size in bids), reverse=True)),
        levels(*sorted((max(price, 100), size) for price, size in asks)),
    )
    top = max((price for is_buy, price in users if is_buy), default=0)
    resting = [
        live("BUY" if is_buy else "SELL", price, 1, number)
        for number, (is_buy, price) in enumerate(users)
        if is_buy or price > top
    ]
    found = merged(world, resting, {})
    assert list(found.book.bids) == sorted(found.book.bids, key=lambda one: -one.price)
    assert list(found.book.asks) == sorted(found.book.asks, key=lambda one: one.price)
    if all(found.book):
        assert found.book.bids[0].price < found.book.asks[0].price
    everyone = [*found.book.bids, *found.book.asks, *found.buys, *found.sells]
    assert len(everyone) == len(world.bids) + len(world.asks) + len(resting)
