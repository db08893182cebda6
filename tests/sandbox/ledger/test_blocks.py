"""Funding, liquidations, triggers and expiries."""

from decimal import Decimal

import pytest

from defi_analytics.sandbox.ledger.accounts import Pocket
from defi_analytics.sandbox.ledger.records import Execution, OrderState
from defi_analytics.sandbox.listings import PERPETUALS
from defi_analytics.sandbox.moment import FIRST_HEIGHT
from tests.sandbox.ledger.still import Still, funded_ledger
from tests.sandbox.ledger.wire import (
    ALICE,
    BOB,
    INJ_PERP,
    INJ_USDT,
    USDT,
    create,
    increase_margin,
    order,
    sub,
)

D = Decimal
BLOCK = 50
HOUR = 5_539
"""The first block whose hour is over at 0.65 s a block."""


@pytest.fixture
def world():
    return Still(bids=(("9.9", 50),), asks=((10, 50),))


@pytest.fixture
def ledger(world):
    return funded_ledger(world)


def place(ledger, *terms, sender=ALICE, market=False, block=BLOCK, **more):
    derivative = "margin" in more or more.pop("perp", False)
    found = order(*terms, owner=sender, **more)
    return ledger.execute(create(found, sender, market=market, derivative=derivative), sender, block)


class TestExpiry:
    def test_an_order_takes_part_in_its_last_block_and_is_gone_after_it(self, world, ledger):
        place(ledger, INJ_USDT, "BUY", "9.95", 1, expiration=FIRST_HEIGHT + BLOCK + 2, cid="gtb")
        for block in (BLOCK, BLOCK + 1):
            ledger.end_block(block)
            assert ledger.book(INJ_USDT, block).bids[0].price == D("9.95")
        world.resting = Still(bids=(), asks=(("9.95", "0.5"),)).resting
        events = ledger.end_block(BLOCK + 2)
        assert [one.quantity for one in events.trades] == [D("0.5")]
        assert events.changes[-1].state is OrderState.CANCELED
        assert ledger.book(INJ_USDT, BLOCK + 2).bids == ()
        assert ledger.idle

    def test_money_and_client_order_id_come_back(self, ledger):
        place(ledger, INJ_USDT, "BUY", "9.95", 1, expiration=FIRST_HEIGHT + BLOCK + 1, cid="gtb")
        ledger.end_block(BLOCK)
        ledger.end_block(BLOCK + 1)
        assert ledger.balance(ALICE, USDT) == 10**12
        place(ledger, INJ_USDT, "BUY", "9.95", 1, cid="gtb", block=BLOCK + 2)


class TestTriggers:
    @pytest.mark.parametrize(
        ("side", "trigger", "mark"),
        [
            ("STOP_BUY", 11, 11),
            ("TAKE_SELL", 11, "11.5"),
            ("STOP_SELL", 9, 9),
            ("TAKE_BUY", 9, "8.5"),
        ],
    )
    @pytest.mark.parametrize("market", [False, True])
    def test_the_mark_price_makes_a_conditional_order_a_live_one(
        self, world, ledger, side, trigger, mark, market
    ):
        price = "10.5" if side.endswith("BUY") else "9.5"
        placed = place(ledger, INJ_PERP, side, price, 1, margin=5, trigger=trigger, cid="c", market=market)
        events = ledger.end_block(BLOCK)
        assert (events.triggered, events.trades) == ((), ())
        world.mark = D(mark)
        events = ledger.end_block(BLOCK + 1)
        assert [one.order_hash for one in events.triggered] == [placed["order_hash"]]
        (trade,) = events.trades
        assert trade.cid == "c"
        assert trade.order_hash != placed["order_hash"]
        assert trade.execution is (Execution.MARKET if market else Execution.MATCH_NEW)
        assert ledger.history()[0].state is OrderState.TRIGGERED
        assert ledger.total(USDT) == 2 * 10**12

    def test_an_order_that_fails_when_it_triggers_gives_its_funds_back(self, world, ledger):
        place(ledger, INJ_PERP, "STOP_BUY", "9.5", 1, margin=5, trigger=11, cid="c", market=True)
        assert ledger.balance(ALICE, USDT) < 10**12
        world.mark = D(11)
        events = ledger.end_block(BLOCK)
        assert [(one.cid, one.code) for one in events.failures] == [("c", 25)]
        assert ledger.balance(ALICE, USDT) == 10**12
        assert ledger.idle

    def test_a_reduce_only_stop_closes_its_position(self, world, ledger):
        place(ledger, INJ_PERP, "BUY", 10, 2, margin=10, market=True)
        ledger.end_block(BLOCK)
        place(ledger, INJ_PERP, "STOP_SELL", "9.5", 2, perp=True, trigger="9.8", market=True, block=BLOCK + 1)
        world.mark = D("9.8")
        ledger.end_block(BLOCK + 1)
        assert ledger.positions() == []


class TestFunding:
    def test_an_hour_moves_money_between_positions_and_makers(self, ledger):
        for who, side in ((ALICE, "BUY"), (BOB, "SELL")):
            price = 10 if side == "BUY" else "9.9"
            place(ledger, INJ_PERP, side, price, 10, sender=who, margin=50, market=True, block=HOUR - 2)
        assert ledger.end_block(HOUR - 2).funding == ()
        assert ledger.end_block(HOUR - 1).funding == ()
        updates = ledger.end_block(HOUR).funding
        assert [one.market_id for one in updates] == [one.market_id for one in PERPETUALS]
        update = next(one for one in updates if one.market_id == INJ_PERP)
        assert update.rate != 0
        assert update.cumulative == update.rate * 10 == ledger.cumulative_funding(INJ_PERP)
        # It is paid when the position is next touched.
        assert [one.margin for one in ledger.positions()] == [50, 50]
        for who in (ALICE, BOB):
            message = increase_margin(INJ_PERP, 1, sub(who), sub(who), who)
            ledger.execute(message, who, HOUR + 1)
        long, short = (ledger.positions(sub(who))[0] for who in (ALICE, BOB))
        assert long.margin == 51 - 10 * update.cumulative
        assert short.margin == 51 + 10 * update.cumulative
        assert long.cumulative_funding_entry == update.cumulative
        assert ledger.total(USDT) == 2 * 10**12

    def test_hours_without_positions_may_be_left_out(self, ledger):
        ledger.end_block(BLOCK)
        assert len(ledger.end_block(HOUR * 40).funding) == len(PERPETUALS)
        assert ledger.end_block(HOUR * 40 + 1).funding == ()


class TestLiquidation:
    @pytest.fixture
    def ledger(self, ledger):
        place(ledger, INJ_PERP, "BUY", 10, 10, margin=5, market=True)
        ledger.end_block(BLOCK)
        place(ledger, INJ_PERP, "BUY", 9, 1, margin=5, cid="open", block=BLOCK)
        place(ledger, INJ_PERP, "STOP_SELL", 9, 1, trigger=8, margin=5, cid="stop", block=BLOCK)
        return ledger

    def test_a_position_with_margin_is_left_alone(self, world, ledger):
        # (10 - 0.5) / (1 - 0.01) is 9.5959...
        world.mark = D("9.597")
        assert ledger.end_block(BLOCK + 1).liquidated == ()

    def test_at_the_maintenance_ratio_the_trader_loses_what_is_left(self, world, ledger):
        world.mark = D("9.55")
        nonce = ledger.nonce(sub(ALICE))
        before = ledger.balance(ALICE, USDT)
        events = ledger.end_block(BLOCK + 1)
        assert [one.quantity for one in events.liquidated] == [10]
        (trade,) = events.trades
        fee = D("95.5") * D("0.0005")
        assert (trade.execution, trade.price, trade.quantity, trade.cid) == (
            Execution.LIQUIDATION, D("9.55"), 10, "",
        )  # fmt: skip
        assert (trade.pnl, trade.fee, trade.payout) == (D("-4.5"), fee, D("0.5") - fee)
        assert not trade.is_buy
        assert not trade.is_maker
        assert ledger.positions() == []
        assert ledger.idle
        # The orders in this market are cancelled, and only what they locked comes back.
        assert ledger.balance(ALICE, USDT) - before == 10_000_000 + 2 * 4_500
        assert ledger._state.accounts.pocket(Pocket.INSURANCE, USDT) == trade.payout.scaleb(6)
        assert ledger.nonce(sub(ALICE)) == nonce + 1
        assert ledger.total(USDT) == 2 * 10**12

    def test_beyond_bankruptcy_the_rest_is_taken_from_what_is_available(self, world, ledger):
        world.mark = D("9.4")
        before = ledger.balance(ALICE, USDT)
        (trade,) = ledger.end_block(BLOCK + 1).trades
        loss = -trade.payout
        assert loss == 1 + 94 * D("0.0005")
        assert ledger.balance(ALICE, USDT) - before == 10_009_000 - loss.scaleb(6)
        assert ledger._state.accounts.pocket(Pocket.INSURANCE, USDT) == 0

    def test_a_short_is_liquidated_above(self, world):
        ledger = funded_ledger(world)
        place(ledger, INJ_PERP, "SELL", "9.9", 10, margin=5, market=True)
        ledger.end_block(BLOCK)
        world.mark = D("10.4")
        (trade,) = ledger.end_block(BLOCK + 1).trades
        assert (trade.is_buy, trade.pnl) == (True, D("-5"))


class TestStopsLeftOver:
    """Source: injective-core, InvalidateConditionalOrdersIfNoMarginLocked."""

    @pytest.fixture
    def ledger(self, world):
        ledger = funded_ledger(world)
        place(ledger, INJ_PERP, "BUY", 11, 2, margin=8, market=True)
        ledger.end_block(BLOCK)
        place(ledger, INJ_PERP, "STOP_SELL", 9, 2, trigger="9.5", cid="stop", market=True, perp=True)
        ledger.end_block(BLOCK + 1)
        return ledger

    def out(self, ledger, block):
        place(ledger, INJ_PERP, "SELL", 9, 2, market=True, perp=True, block=block)

    def stops(self, ledger):
        return [one.cid for one in ledger.conditional(sub(ALICE), INJ_PERP)]

    def test_a_stop_stays_as_long_as_its_position(self, ledger):
        for block in range(BLOCK + 2, BLOCK + 6):
            ledger.end_block(block)
            assert self.stops(ledger) == ["stop"]

    def test_and_goes_with_it(self, ledger):
        self.out(ledger, BLOCK + 2)
        events = ledger.end_block(BLOCK + 2)
        assert self.stops(ledger) == []
        assert [(one.order.cid, one.state) for one in events.changes if one.order.cid] == [
            ("stop", OrderState.CANCELED)
        ]
        assert ledger.idle

    def test_it_waits_for_other_orders_that_may_make_a_position(self, ledger):
        last = FIRST_HEIGHT + BLOCK + 4
        place(ledger, INJ_PERP, "BUY_PO", "9.8", 1, margin=4, expiration=last, cid="bid", block=BLOCK + 2)
        self.out(ledger, BLOCK + 2)
        for block in (BLOCK + 2, BLOCK + 3):
            ledger.end_block(block)
            assert self.stops(ledger) == ["stop"]
        ledger.end_block(BLOCK + 4)
        assert self.stops(ledger) == []

    def test_one_that_opens_locks_margin_of_its_own_and_stays(self, ledger):
        place(ledger, INJ_PERP, "STOP_BUY", 11, 1, margin=4, trigger="10.5", cid="entry", block=BLOCK + 2)
        self.out(ledger, BLOCK + 2)
        ledger.end_block(BLOCK + 2)
        assert self.stops(ledger) == ["stop", "entry"]
