from decimal import Decimal

import pytest

from defi_analytics.sandbox.ledger.accounts import Pocket
from defi_analytics.sandbox.ledger.records import OrderFailure, OrderState, Position, Stage
from defi_analytics.sandbox.ledger.state import State
from defi_analytics.sandbox.matching import Book
from tests.sandbox.ledger.still import Still, levels, live
from tests.sandbox.ledger.wire import ALICE, BOB, INJ_PERP, INJ_USDT, USDT, sub

D = Decimal
WHERE = (sub(ALICE), INJ_PERP)


@pytest.fixture
def state():
    return State(Still())


def test_orders_are_listed_in_the_sequence_of_placing_whatever_was_taken_back(state):
    for number in (2, 1, 3):
        state.add(live("BUY", 9, number=number))
    assert [one.number for one in state.live()] == [1, 2, 3]
    assert state.live(INJ_PERP) == []
    assert state.live(None, sub(BOB)) == []
    assert state.live(stages=[Stage.TRANSIENT]) == []


def test_what_a_block_left_stands_until_the_next_block(state):
    left = Book((), levels(("10.1", 1)))
    state.leave(INJ_USDT, 7, left, [])
    assert state.standing(INJ_USDT, 7) == left
    assert state.standing(INJ_USDT, 8) == state.world.resting


def test_a_changed_order_is_told_once_as_it_was_last(state):
    first, second = live("BUY", 9, number=1), live("BUY", 9, number=2)
    for order in (first, second):
        state.add(order)
    state.remove(first, OrderState.CANCELED, 3)
    assert [(one.order.number, one.state) for one in state.changed.all.values()] == [
        (2, OrderState.BOOKED),
        (1, OrderState.CANCELED),
    ]
    assert state.history.all[first.order_hash].updated_block == 3


def test_funding_is_only_moved_when_it_is_settled(state):
    state.set_position(WHERE, Position(*WHERE, True, D(2), D(10), D(5), D(0)))
    state.cumulative.put(INJ_PERP, D("0.5"))
    assert state.position(*WHERE).margin == 4
    assert state.positions.all[WHERE].margin == 5
    assert state.settle_funding(*WHERE).margin == 4
    assert state.accounts.pocket(Pocket.MAKERS, USDT) == 10**6
    assert state.settle_funding(*WHERE).margin == 4
    assert state.settle_funding(sub(BOB), INJ_PERP) is None


def test_failures_keep_their_sequence(state):
    for code in (5, 3):
        state.fail(OrderFailure(ALICE, INJ_USDT, "0x", "", code))
    assert [one.code for one in state.failures.all.values()] == [5, 3]
