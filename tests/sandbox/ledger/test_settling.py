from decimal import Decimal

import pytest

from defi_analytics.sandbox.ledger.accounts import Pocket
from defi_analytics.sandbox.ledger.settling import fees
from tests.sandbox.ledger.still import Still, funded_ledger
from tests.sandbox.ledger.wire import ALICE, INJ_PERP, INJ_USDT, RELAYER, USDT, create, deposit, order, sub

D = Decimal
BLOCK = 50


def place(ledger, *terms, market=False, derivative=False, block=BLOCK, **more):
    return ledger.execute(create(order(*terms, **more), market=market, derivative=derivative), ALICE, block)


def test_a_fee_is_shared_with_its_recipient_and_a_rebate_too():
    assert fees(D(100), D("0.001")) == (D("0.1"), D("0.04"), D("0.06"))
    assert fees(D(100), D("-0.001")) == (D("-0.06"), D("0.04"), D("-0.1"))


@pytest.mark.parametrize(
    ("side", "market", "recipient", "fee"),
    [
        ("BUY", True, ALICE, D("0.003")),
        ("BUY", True, RELAYER, D("0.005")),
        ("SELL_PO", False, ALICE, D("-0.0005")),
        ("SELL_PO", False, RELAYER, D("-0.0003")),
    ],
)
def test_the_fee_that_is_told_is_what_the_trader_is_out_of(side, market, recipient, fee):
    asks = ((10, 1),) if market else ((11, 1),)
    world = Still(asks=asks)
    ledger = funded_ledger(world)
    place(ledger, INJ_USDT, side, 10, 1, market=market, fee_recipient=recipient)
    if not market:
        world.resting = Still(bids=((10, 1),)).resting._replace(asks=())
    (trade,) = ledger.end_block(BLOCK).trades
    assert trade.fee == fee
    sign = -1 if trade.is_buy else 1
    change = ledger.balance(ALICE, USDT) + ledger._state.accounts.deposit(sub(ALICE), USDT).total - 10**12
    assert change == (sign * 10 - fee).scaleb(6)
    share = D(0) if recipient == ALICE else D("0.002") if market else D("0.0002")
    assert ledger.balance(RELAYER, USDT) == share.scaleb(6)
    assert ledger.total(USDT) == 2 * 10**12


def test_dust_is_kept_as_a_deposit_until_it_is_a_whole_unit():
    world = Still(asks=(("10.001", "0.101"),))
    ledger = funded_ledger(world)
    place(ledger, INJ_USDT, "BUY", "10.001", "0.101", market=True, fee_recipient=RELAYER)
    ledger.end_block(BLOCK)
    cost = D("10.001") * D("0.101") * D("1.0005")
    paid = 10**12 - ledger.balance(ALICE, USDT) - ledger.deposits(sub(ALICE))[USDT].available
    assert paid == cost.scaleb(6)
    assert 0 < ledger.deposits(sub(ALICE))[USDT].available < 1
    assert ledger.deposits(sub(RELAYER))[USDT].available == (
        D("10.001") * D("0.101") * D("0.0005") * D("0.4")
    ).scaleb(6) - ledger.balance(RELAYER, USDT)


class TestSalesAboveTheirLimit:
    """They owe more fee than they locked."""

    @pytest.fixture
    def ledger(self):
        world = Still(bids=(("10.5", "5"),), asks=(("10.6", 1),), mark="10.55")
        return funded_ledger(world)

    def test_the_rest_is_taken_from_what_is_available(self, ledger):
        place(ledger, INJ_PERP, "SELL", "10", 2, margin=5, derivative=True, fee_recipient=RELAYER)
        assert ledger.balance(ALICE, USDT) == 10**12 - 5_010_000
        (trade,) = ledger.end_block(BLOCK).trades
        assert trade.price == D("10.5")
        assert ledger.balance(ALICE, USDT) == 10**12 - 5_010_500
        assert ledger.positions()[0].margin == 5

    def test_the_insurance_fund_pays_for_who_has_nothing_else(self, ledger):
        who = sub(ALICE, 1)
        ledger.execute(deposit(USDT, 5_010_000, who), ALICE, BLOCK)
        place(ledger, INJ_PERP, "SELL", "10", 2, margin=5, derivative=True, index=1)
        ledger.end_block(BLOCK)
        assert ledger.deposits(who) == {}
        assert ledger._state.accounts.pocket(Pocket.INSURANCE, USDT) == -500
        assert ledger.total(USDT) == 2 * 10**12


def test_a_loss_beyond_the_margin_is_taken_from_what_is_available_then_from_the_insurance_fund():
    world = Still(bids=(("9.9", 50),), asks=((10, 50),))
    ledger = funded_ledger(world)
    who = sub(ALICE, 1)
    ledger.execute(deposit(USDT, 6_000_000, who), ALICE, BLOCK)
    more = {"derivative": True, "market": True, "index": 1}
    place(ledger, INJ_PERP, "BUY", 10, 10, margin=5, **more)
    ledger.end_block(BLOCK)
    available = ledger.deposits(who)[USDT].available
    assert available == 6_000_000 - 5_000_000 - 50_000
    # Bankrupt at 9.5 and still solvent when the order came; the bids are gone a block later.
    place(ledger, INJ_PERP, "SELL", "9.51", 10, block=BLOCK + 1, **more)
    ledger._state.orders.put(
        (one := ledger._state.live()[0]).order_hash,
        one._replace(request=one.request._replace(price=D(5))),
    )
    world.resting = Still(bids=(("9.2", 50),), asks=()).resting
    (trade,) = ledger.end_block(BLOCK + 1).trades
    assert trade.pnl == -8
    assert trade.payout == -3 - D("92") * D("0.0005")
    assert ledger.deposits(who) == {}
    assert ledger._state.accounts.pocket(Pocket.INSURANCE, USDT) == -(3_046_000 - 950_000)
    assert ledger.total(USDT) == 2 * 10**12


def test_flipping_a_position_keeps_the_rest_of_the_margin():
    ledger = funded_ledger(Still(bids=(("9.9", 50),), asks=((10, 50),)))
    more = {"derivative": True, "market": True}
    place(ledger, INJ_PERP, "BUY", 10, 1, margin=5, **more)
    ledger.end_block(BLOCK)
    place(ledger, INJ_PERP, "SELL", "9.9", 3, margin=9, block=BLOCK + 1, **more)
    (trade,) = ledger.end_block(BLOCK + 1).trades
    (position,) = ledger.positions()
    assert (position.is_long, position.quantity, position.entry_price, position.margin) == (
        False, 2, D("9.9"), 6,
    )  # fmt: skip
    assert (trade.pnl, trade.payout) == (D("-0.1"), D("4.9"))
    assert trade.position_delta.quantity == 3
    assert ledger.total(USDT) == 2 * 10**12
