import pytest

from defi_analytics.backtest.replay import over_books
from tests.backtest.cases import BOOKS, DIP, HIGH, PARAMS, RULES, STRATEGY, books


@pytest.mark.parametrize(
    ("late", "cost", "entered", "exited"),
    [(0, 4 * 951 + 6 * 952, 0, 2), (1, 3 * 952 + 7 * 954, 1, 3)],
)
def test_an_order_pays_what_the_levels_of_the_book_it_meets_cost(late, cost, entered, exited):
    result = over_books(STRATEGY, PARAMS, BOOKS, RULES, late, interpreted=True)
    trades = result.trades
    assert (trades.entered.tolist(), trades.exited.tolist()) == ([entered], [exited])
    assert trades.profit.tolist() == [9_990 - cost - 20]


def test_one_sided_books_start_nothing_and_keep_the_last_value():
    one_sided = books([DIP, [], HIGH], [[(951, 10)], [(951, 10)], []])
    result = over_books(STRATEGY, PARAMS, one_sided, RULES, 0, interpreted=True)
    assert result.equity.tolist() == [-20, -20, -20]
    assert result.holding.lots == 10


def test_nothing_is_decided_while_an_order_is_on_its_way():
    result = over_books(STRATEGY, PARAMS, BOOKS, RULES, 2, interpreted=True)
    # It meets a book that has become too dear, and is asked for no more: the dip is over.
    assert (result.orders.row.tolist(), result.orders.filled.tolist()) == ([0], [0])
