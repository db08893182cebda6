"""A user's orders in the block's matching, against a world that stands still."""

from decimal import Decimal

import pytest

from defi_analytics.sandbox.books import Flow
from defi_analytics.sandbox.ledger.records import Execution, OrderState
from defi_analytics.sandbox.matching import Book
from tests.sandbox.ledger.still import Still, funded_ledger, levels
from tests.sandbox.ledger.wire import (
    ALICE,
    ATOM_USDT,
    BOB,
    INJ_PERP,
    INJ_USDT,
    USDT,
    cancel,
    create,
    order,
    sub,
)
from tests.shared_data import shared_json

D = Decimal
BLOCK = 50


@pytest.fixture
def world():
    return Still()


@pytest.fixture
def ledger(world):
    return funded_ledger(world)


def place(ledger, *terms, sender=ALICE, market=False, derivative=False, block=BLOCK, **more):
    found = order(*terms, owner=sender, **more)
    return ledger.execute(create(found, sender, market=market, derivative=derivative), sender, block)


def told(events):
    return [(one.cid, one.execution, one.price, one.quantity) for one in events.trades]


def case(name):
    cases = shared_json("samples/injective/golden/fba_matching.json")["cases"]
    return next(one for one in cases if one["name"] == name)


def test_a_market_order_pays_the_average_of_what_it_consumes_and_is_cancelled_for_the_rest():
    found = case("derived_single_taker_limit_vs_market")
    ledger = funded_ledger(Still(found["resting_buys"], found["resting_sells"]))
    asked = found["market_buy"]
    place(ledger, INJ_USDT, "BUY", asked["worst"], D(asked["qty"]) + 1, market=True, cid="m")
    events = ledger.end_block(BLOCK)
    assert told(events) == [("m", Execution.MARKET, D(found["expected"]["market_clearing_price"]), 3)]
    (record,) = events.changes
    assert (record.state, record.filled) == (OrderState.CANCELED, 3)
    assert ledger.balance(ALICE, "inj") == 10**24 + 3 * 10**18
    cost = D(found["expected"]["market_cost"])
    # The fee recipient is the trader, so forty percent of the fee comes back.
    assert ledger.balance(ALICE, USDT) == 10**12 - cost.scaleb(6) * (1 + D("0.0005") * D("0.6"))


def test_a_limit_order_pays_the_clearing_price_for_everything():
    found = case("derived_single_taker_limit_vs_market")
    ledger = funded_ledger(Still(found["resting_buys"], found["resting_sells"]))
    asked = found["limit_buy"]
    place(ledger, INJ_USDT, "BUY", asked["price"], asked["qty"], cid="l")
    events = ledger.end_block(BLOCK)
    assert told(events) == [("l", Execution.MATCH_NEW, D(found["expected"]["limit_clearing_price"]), 3)]
    assert events.changes[-1].state is OrderState.FILLED


def test_an_auction_of_a_perpetual_clears_at_the_mark_price_when_it_can(world, ledger):
    world.mark = D("10.15")
    place(ledger, INJ_PERP, "BUY", "10.3", 3, margin=9, derivative=True)
    (trade,) = ledger.end_block(BLOCK).trades
    # Between the last matched sell (10.2) and buy (10.3) it does not lie.
    assert trade.price == D("10.2")
    world.mark = D("10.25")
    place(ledger, INJ_PERP, "BUY", "10.3", 3, margin=9, derivative=True, block=BLOCK + 1)
    (trade,) = ledger.end_block(BLOCK + 1).trades
    assert trade.price == D("10.25")


def test_what_an_auction_leaves_rests_and_is_in_the_book_until_it_is_cancelled(ledger):
    place(ledger, INJ_USDT, "BUY", "10.0", 3, cid="part")
    events = ledger.end_block(BLOCK)
    assert told(events) == [("part", Execution.MATCH_NEW, 10, 1)]
    assert (events.changes[-1].state, events.changes[-1].filled) == (OrderState.PARTIAL, 1)
    book = ledger.book(INJ_USDT, BLOCK)
    assert (book.bids[0].price, book.bids[0].quantity) == (10, 2)
    assert book.asks[0].price == D("10.1")
    # The world's makers are back in the next block; what they would cross is left out of the view.
    later = ledger.book(INJ_USDT, BLOCK + 1)
    assert (later.bids[0].price, later.asks[0].price) == (10, D("10.1"))
    ledger.execute(cancel(INJ_USDT, "part"), ALICE, BLOCK + 1)
    assert ledger.book(INJ_USDT, BLOCK + 1) == Still().resting


def test_makers_that_come_back_over_a_resting_order_fill_it_as_a_maker(ledger):
    place(ledger, INJ_USDT, "BUY", "10.0", "2.5", cid="rest")
    ledger.end_block(BLOCK)
    events = ledger.end_block(BLOCK + 1)
    assert told(events) == [("rest", Execution.MATCH_RESTING, 10, 1)]
    assert events.trades[0].is_maker
    assert told(ledger.end_block(BLOCK + 2)) == [("rest", Execution.MATCH_RESTING, 10, D("0.5"))]
    assert ledger.idle
    assert ledger.trades(cid="rest") == ledger.trades(sub(ALICE), INJ_USDT)


def test_the_worlds_takers_hit_a_better_order_of_a_users_first(world, ledger):
    place(ledger, INJ_USDT, "SELL_PO", "9.95", 2, cid="maker")
    buyer = levels(("10.2", 1), owner="taker")
    world.flows[INJ_USDT, BLOCK] = Flow(world.resting, buys=buyer)
    world.flows[INJ_USDT, BLOCK + 1] = Flow(world.resting, crossing=levels(("10", "0.25"), owner="taker"))
    (first,) = ledger.end_block(BLOCK).trades
    assert (first.execution, first.price, first.quantity) == (Execution.LIMIT_FILL, D("9.95"), 1)
    (second,) = ledger.end_block(BLOCK + 1).trades
    assert (second.execution, second.price, second.quantity) == (
        Execution.MATCH_RESTING,
        D("9.95"),
        D("0.25"),
    )
    assert ledger.resting(sub(ALICE))[0].fillable == D("0.75")


def test_at_the_same_price_the_worlds_makers_come_first(world, ledger):
    place(ledger, INJ_USDT, "SELL_PO", 10, 1, cid="behind")
    world.flows[INJ_USDT, BLOCK] = Flow(world.resting, buys=levels((10, "1.25"), owner="taker"))
    (trade,) = ledger.end_block(BLOCK).trades
    assert trade.quantity == D("0.25")


def test_users_trade_with_each_other(ledger):
    place(ledger, INJ_USDT, "SELL_PO", "9.95", 1, cid="maker")
    place(ledger, INJ_USDT, "BUY", "9.95", 1, sender=BOB, cid="taker", market=True)
    events = ledger.end_block(BLOCK)
    assert told(events) == [
        ("taker", Execution.MARKET, D("9.95"), 1),
        ("maker", Execution.LIMIT_FILL, D("9.95"), 1),
    ]
    assert ledger.balance(BOB, "inj") - 10**24 == 10**18 == 10**24 - ledger.balance(ALICE, "inj")


def test_a_maker_hit_in_pieces_is_paid_for_each(ledger):
    place(ledger, INJ_USDT, "SELL_PO", "9.95", 2, cid="maker")
    for number, who in enumerate((BOB, BOB, BOB)):
        place(ledger, INJ_USDT, "BUY", "9.95", "0.5", sender=who, cid=f"t{number}", market=True)
    trades = [one for one in ledger.end_block(BLOCK).trades if one.cid == "maker"]
    assert [one.quantity for one in trades] == [D("0.5")] * 3
    assert ledger.resting(sub(ALICE))[0].fillable == D("0.5")


def test_only_markets_with_users_are_matched(world, ledger):
    ledger.end_block(BLOCK)
    assert world.asked == []
    place(ledger, ATOM_USDT, "BUY", 9, 1)
    world.asked.clear()
    ledger.end_block(BLOCK + 1)
    assert {market for market, _ in world.asked} == {ATOM_USDT}


def test_trades_of_a_block_are_numbered(ledger):
    place(ledger, INJ_USDT, "BUY", 10, 1, market=True)
    place(ledger, INJ_USDT, "SELL", "9.9", 1, market=True)
    assert [one.trade_id for one in ledger.end_block(BLOCK).trades] == ["150000050_0_0", "150000050_1_0"]


class TestReduceOnly:
    @pytest.fixture
    def ledger(self, ledger):
        place(ledger, INJ_PERP, "BUY", "10.2", 3, margin=15, market=True, derivative=True)
        ledger.end_block(BLOCK)
        return ledger

    def test_it_trades_no_more_than_its_position_and_goes_with_it(self, ledger):
        place(ledger, INJ_PERP, "SELL", 11, 3, derivative=True, cid="reduce", block=BLOCK + 1)
        ledger.end_block(BLOCK + 1)
        more = {"margin": 15, "derivative": True, "market": True, "block": BLOCK + 2}
        place(ledger, INJ_PERP, "SELL", "9.9", 2, **more)
        ledger.end_block(BLOCK + 2)
        assert ledger.positions()[0].quantity == 1
        assert ledger.resting(sub(ALICE))[0].fillable == 3
        place(ledger, INJ_PERP, "BUY", 11, 3, sender=BOB, **{**more, "market": False, "block": BLOCK + 3})
        trades = ledger.end_block(BLOCK + 3).trades
        assert [one.quantity for one in trades if one.subaccount == sub(ALICE)] == []
        # It was too far from the makers; now only it is left to sell at 11.
        ledger._state.world.resting = Book(levels(("9.9", 5)), ())
        place(ledger, INJ_PERP, "BUY", 11, 3, sender=BOB, **{**more, "market": True, "block": BLOCK + 5})
        trades = ledger.end_block(BLOCK + 5).trades
        assert [(one.cid, one.quantity) for one in trades if one.subaccount == sub(ALICE)] == [("reduce", 1)]
        assert ledger.positions(sub(ALICE)) == []
        assert ledger.resting(sub(ALICE)) == []
        assert ledger.history(sub(ALICE))[1].state is OrderState.CANCELED

    def test_with_a_flip_in_the_same_block_it_closes_first(self, ledger):
        more = {"derivative": True, "block": BLOCK + 1}
        place(ledger, INJ_PERP, "SELL", "9.9", 3, cid="reduce", **more)
        place(ledger, INJ_PERP, "SELL", "9.9", 2, margin=10, cid="open", **more)
        trades = ledger.end_block(BLOCK + 1).trades
        assert [(one.cid, one.quantity) for one in trades] == [("reduce", 3), ("open", 2)]
        (position,) = ledger.positions()
        assert (position.is_long, position.quantity, position.margin) == (False, 2, 10)

    def test_its_fee_comes_out_of_what_the_position_pays(self, ledger):
        before = ledger.balance(ALICE, USDT)
        more = {"derivative": True, "market": True, "block": BLOCK + 1}
        place(ledger, INJ_PERP, "SELL", "9.9", 3, **more)
        assert ledger.balance(ALICE, USDT) == before
        (trade,) = ledger.end_block(BLOCK + 1).trades
        fee = D("29.7") * D("0.0005")
        assert trade.pnl == D("-0.6")
        assert trade.payout == 15 - D("0.6") - fee
        assert ledger.balance(ALICE, USDT) - before == (trade.payout + fee * D("0.4")).scaleb(6)
