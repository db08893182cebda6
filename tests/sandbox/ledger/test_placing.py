"""Every error code of an order, and what one locks."""

from decimal import Decimal

import pytest

from defi_analytics.sandbox.ledger.failed import Code, Failed
from defi_analytics.sandbox.moment import FIRST_HEIGHT
from tests.sandbox.ledger.still import Still, funded_ledger
from tests.sandbox.ledger.wire import (
    ALICE,
    BTC_PERP,
    INJ_PERP,
    INJ_USDT,
    NOWHERE,
    PAUSED,
    USDT,
    create,
    deposit,
    order,
    sub,
)

D = Decimal
BLOCK = 50
SPOT = {"market": False, "derivative": False}


@pytest.fixture
def ledger():
    return funded_ledger()


def place(ledger, *terms, market=False, derivative=False, block=BLOCK, **more):
    message = create(order(*terms, **more), market=market, derivative=derivative)
    return ledger.execute(message, ALICE, block)


def code_of(ledger, *terms, **more):
    before = ledger.dump()
    with pytest.raises(Failed) as failed:
        place(ledger, *terms, **more)
    assert ledger.dump() == before, "a message that fails changes nothing"
    assert failed.value.codespace == "exchange"
    assert str(failed.value) == failed.value.log
    return failed.value.code


@pytest.mark.parametrize(
    ("terms", "more", "code"),
    [
        ((NOWHERE, "BUY", 10, 1), {}, Code.SPOT_MARKET_NOT_FOUND),
        ((PAUSED, "BUY", 10, 1), {}, Code.SPOT_MARKET_NOT_FOUND),
        ((INJ_PERP, "BUY", 10, 1), {}, Code.SPOT_MARKET_NOT_FOUND),
        ((INJ_USDT, "BUY", "9.0005", 1), {}, Code.INVALID_PRICE),
        ((INJ_USDT, "BUY", 9, "1.0005"), {}, Code.INVALID_QUANTITY),
        ((INJ_USDT, "BUY", 9, "0.111"), {}, Code.INVALID_NOTIONAL),
        ((INJ_USDT, "BUY", 9, 10**9), {}, Code.INSUFFICIENT_FUNDS),
        ((INJ_USDT, "BUY", 9, 1), {"index": 1}, Code.INSUFFICIENT_DEPOSIT),
        ((INJ_USDT, "BUY_PO", 10, 1), {}, Code.EXCEEDS_TOP_OF_BOOK),
        ((INJ_USDT, "SELL_PO", "9.9", 1), {}, Code.EXCEEDS_TOP_OF_BOOK),
        ((INJ_USDT, "BUY", "9.99", 1), {"market": True}, Code.SLIPPAGE),
        ((INJ_USDT, "SELL", "9.91", 1), {"market": True}, Code.SLIPPAGE),
        (
            (INJ_USDT, "BUY", 11, 1),
            {"market": True, "expiration": FIRST_HEIGHT + 99},
            Code.INVALID_EXPIRATION,
        ),
        ((INJ_USDT, "BUY", 9, 1), {"expiration": FIRST_HEIGHT + BLOCK}, Code.INVALID_EXPIRATION),
        ((INJ_USDT, "BUY", 9, 1), {"expiration": 1}, Code.INVALID_EXPIRATION),
    ],
)
def test_a_spot_order_is_refused_with_the_chains_code(ledger, terms, more, code):
    assert code_of(ledger, *terms, **more) == code


@pytest.mark.parametrize(
    ("terms", "more", "code"),
    [
        ((NOWHERE, "BUY", 10, 1), {"margin": 5}, Code.DERIVATIVE_MARKET_NOT_FOUND),
        ((INJ_USDT, "BUY", 10, 1), {"margin": 5}, Code.DERIVATIVE_MARKET_NOT_FOUND),
        ((INJ_PERP, "BUY", "9.0005", 1), {"margin": 5}, Code.INVALID_PRICE),
        ((INJ_PERP, "BUY", 9, "1.0005"), {"margin": 5}, Code.INVALID_QUANTITY),
        ((INJ_PERP, "BUY", 9, "0.111"), {"margin": 5}, Code.INVALID_NOTIONAL),
        ((INJ_PERP, "BUY_PO", 10, 1), {"margin": 5}, Code.EXCEEDS_TOP_OF_BOOK),
        ((INJ_PERP, "BUY", "9.99", 1), {"margin": 5, "market": True}, Code.SLIPPAGE),
        ((INJ_PERP, "BUY", 10, 100), {"margin": 19}, Code.INSUFFICIENT_MARGIN),
        ((INJ_PERP, "BUY", 12, 100), {"margin": 200}, Code.INSUFFICIENT_MARGIN),
        ((INJ_PERP, "SELL", 8, 100), {"margin": 200}, Code.INSUFFICIENT_MARGIN),
        ((INJ_PERP, "BUY", 9, 10), {"margin": 10**7}, Code.INSUFFICIENT_FUNDS),
        ((INJ_PERP, "BUY", 9, 10), {"margin": 10, "index": 2}, Code.INSUFFICIENT_DEPOSIT),
        ((INJ_PERP, "SELL", 11, 1), {}, Code.POSITION_NOT_FOUND),
        ((INJ_PERP, "SELL", 11, 1), {"margin": 5, "expiration": 1}, Code.INVALID_EXPIRATION),
        ((INJ_PERP, "STOP_BUY", 11, 1), {"margin": 5, "trigger": 10}, Code.INVALID_TRIGGER_PRICE),
        ((INJ_PERP, "STOP_BUY", 11, 1), {"margin": 5, "trigger": 9}, Code.INVALID_TRIGGER_PRICE),
        ((INJ_PERP, "TAKE_SELL", 11, 1), {"margin": 5, "trigger": 9}, Code.INVALID_TRIGGER_PRICE),
        ((INJ_PERP, "STOP_SELL", 9, 1), {"margin": 5, "trigger": 11}, Code.INVALID_TRIGGER_PRICE),
        ((INJ_PERP, "TAKE_BUY", 9, 1), {"margin": 5, "trigger": 11}, Code.INVALID_TRIGGER_PRICE),
        ((INJ_PERP, "STOP_SELL", 9, 1), {"trigger": 9}, Code.NO_MARGIN_LOCKED),
    ],
)
def test_a_derivative_order_is_refused_with_the_chains_code(ledger, terms, more, code):
    assert code_of(ledger, *terms, derivative=True, **more) == code


def test_a_market_order_on_an_empty_side_finds_no_liquidity():
    ledger = funded_ledger(Still(asks=()))
    assert code_of(ledger, INJ_USDT, "BUY", 11, 1, market=True) == Code.NO_LIQUIDITY
    # Derivatives have no code of their own for that.
    assert code_of(ledger, INJ_PERP, "BUY", 11, 1, market=True, derivative=True, margin=5) == Code.SLIPPAGE


def test_a_client_order_id_is_unique_among_live_orders_of_a_subaccount(ledger):
    place(ledger, INJ_USDT, "BUY", 9, 1, cid="one")
    assert code_of(ledger, INJ_USDT, "BUY", 9, 1, cid="one") == Code.CID_EXISTS
    assert code_of(ledger, INJ_PERP, "BUY", 9, 1, margin=5, cid="one", derivative=True) == Code.CID_EXISTS
    ledger.execute(deposit(USDT, 10**8, sub(ALICE, 1)), ALICE, BLOCK)
    place(ledger, INJ_USDT, "BUY", 9, 1, cid="one", index=1)


def test_a_client_order_id_is_free_again_after_a_fill(ledger):
    place(ledger, INJ_USDT, "BUY", 10, 1, cid="one", market=True)
    ledger.end_block(BLOCK)
    place(ledger, INJ_USDT, "BUY", 10, 1, cid="one", block=BLOCK + 1)


def test_one_derivative_market_order_a_block(ledger):
    terms = (INJ_PERP, "BUY", 11, "0.5")
    place(ledger, *terms, margin=5, market=True, derivative=True)
    assert code_of(ledger, *terms, margin=5, market=True, derivative=True) == Code.MARKET_ORDER_EXISTS
    place(ledger, BTC_PERP, "BUY", 11, 1, margin=5, market=True, derivative=True)
    ledger.end_block(BLOCK)
    place(ledger, *terms, margin=5, market=True, derivative=True, block=BLOCK + 1)


def test_twenty_orders_a_side(ledger):
    for tick in range(20):
        place(ledger, INJ_PERP, "BUY", D("9.8") - D(tick) / 100, 1, margin=5, derivative=True)
    more = {"margin": 5, "derivative": True}
    assert code_of(ledger, INJ_PERP, "BUY", 9, 1, **more) == Code.ORDER_SIDE_COUNT
    assert code_of(ledger, INJ_PERP, "STOP_BUY", 12, 1, trigger=11, **more) == Code.ORDER_SIDE_COUNT
    place(ledger, INJ_PERP, "BUY", 11, 1, market=True, **more)
    place(ledger, INJ_PERP, "SELL", 11, 1, **more)


def test_one_conditional_market_order_in_a_direction(ledger):
    more = {"margin": 5, "derivative": True, "market": True}
    place(ledger, INJ_PERP, "STOP_BUY", 12, 1, trigger=11, **more)
    code = code_of(ledger, INJ_PERP, "TAKE_SELL", 10, 1, trigger="10.5", **more)
    assert code == Code.CONDITIONAL_MARKET_ORDER_EXISTS
    place(ledger, INJ_PERP, "STOP_SELL", 8, 1, trigger=9, **more)
    assert [one.request.kind.name for one in ledger.conditional(sub(ALICE))] == ["STOP_BUY", "STOP_SELL"]


class TestReduceOnly:
    @pytest.fixture
    def ledger(self, ledger):
        place(ledger, INJ_PERP, "BUY", "10.2", 3, margin=15, market=True, derivative=True)
        ledger.end_block(BLOCK)
        (position,) = ledger.positions()
        assert (position.quantity, position.entry_price, position.is_long) == (3, D("10.1"), True)
        return ledger

    def test_it_opposes_its_position(self, ledger):
        assert code_of(ledger, INJ_PERP, "BUY", 9, 1, derivative=True) == Code.REDUCE_ONLY_DIRECTION

    def test_it_shrinks_to_what_better_orders_leave_and_then_is_refused(self, ledger):
        place(ledger, INJ_PERP, "SELL", 11, 2, derivative=True)
        place(ledger, INJ_PERP, "SELL", 12, 2, derivative=True, cid="rest")
        assert [one.quantity for one in ledger.transient(sub(ALICE))] == [2, 1]
        assert code_of(ledger, INJ_PERP, "SELL", 13, 1, derivative=True) == Code.INSUFFICIENT_POSITION
        assert [one.hold for one in ledger.transient(sub(ALICE))] == [0, 0]

    def test_closing_beyond_bankruptcy_is_refused(self, ledger):
        # Bankrupt at 10.1 - 15 / 3 = 5.1.
        assert code_of(ledger, INJ_PERP, "SELL", "5.1", 1, derivative=True) == Code.BEYOND_BANKRUPTCY
        more = {"derivative": True, "market": True}
        assert code_of(ledger, INJ_PERP, "SELL", 5, 1, **more) == Code.BEYOND_BANKRUPTCY
        place(ledger, INJ_PERP, "SELL", "5.2", 1, **more)

    def test_a_conditional_one_needs_no_check_until_it_triggers(self, ledger):
        place(ledger, INJ_PERP, "STOP_SELL", 5, 30, trigger=9, derivative=True)
        assert ledger.conditional(sub(ALICE))[0].quantity == 30


def test_a_spot_buy_locks_its_notional_and_a_takers_fee_a_post_only_none(ledger):
    place(ledger, INJ_USDT, "BUY", 9, 2, cid="taker")
    place(ledger, INJ_USDT, "BUY_PO", 9, 2, cid="maker")
    place(ledger, INJ_USDT, "SELL", 11, 2, cid="sell")
    (taker, sell), (maker,) = ledger.transient(sub(ALICE)), ledger.resting(sub(ALICE))
    assert (taker.hold, maker.hold, sell.hold) == (D("18009000"), 18_000_000, 2 * 10**18)
    assert ledger.balance(ALICE, USDT) == 10**12 - 36_009_000
    # Once it rests it can only be a maker's, and locks no more than that.
    ledger.end_block(BLOCK)
    assert {one.cid: one.hold for one in ledger.resting(sub(ALICE))} == {
        "taker": 18_000_000,
        "maker": 18_000_000,
        "sell": 2 * 10**18,
    }


def test_a_derivative_order_locks_its_margin_and_a_takers_fee(ledger):
    place(ledger, INJ_PERP, "SELL", 12, 2, margin=7, derivative=True)
    assert ledger.transient(sub(ALICE))[0].hold == D("7012000")


def test_the_nonce_counts_derivative_attempts_and_valid_spot_orders(ledger):
    who = sub(ALICE)
    place(ledger, INJ_USDT, "BUY", 9, 1)
    assert ledger.nonce(who) == 1
    # A transaction that fails takes its attempts back.
    code_of(ledger, INJ_PERP, "BUY", 9, "0.0001", margin=5, derivative=True)
    assert ledger.nonce(who) == 1


def test_posting_against_another_users_order_is_crossing_too(ledger):
    place(ledger, INJ_USDT, "SELL_PO", "9.95", 1)
    assert code_of(ledger, INJ_USDT, "BUY_PO", "9.96", 1) == Code.EXCEEDS_TOP_OF_BOOK
