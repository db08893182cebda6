"""What must hold of any history: money is conserved, nobody owes, and a history repeats."""

from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.sandbox.ledger import Failed, Ledger
from defi_analytics.sandbox.listings import LISTINGS
from defi_analytics.sandbox.world import World
from tests.sandbox.ledger.still import Still
from tests.sandbox.ledger.wire import (
    ALICE,
    ATOM_USDT,
    BOB,
    INJ_PERP,
    INJ_USDT,
    RELAYER,
    USDT,
    batch_update,
    cancel,
    create,
    data,
    deposit,
    increase_margin,
    order,
    send,
    sub,
    transfer,
    withdraw,
)

D = Decimal
ATOM = LISTINGS[ATOM_USDT].base_denom
FUNDS = {USDT: 2 * 10**9, "inj": 10**20, ATOM: 10**9}
WORLD = World(7)
"""One for all: its blocks are cached."""

MARKETS = (INJ_USDT, ATOM_USDT, INJ_PERP, INJ_PERP)
CIDS = ("", "", "", "a", "b", "c", "d")


def an_order(random, ledger, who, block):
    """Near the middle of its market's book; now and then one that must be refused."""
    market_id = random.choice(MARKETS)
    derivative, market = market_id == INJ_PERP, random.random() < 0.4
    side = random.choice(["BUY", "SELL"] if market else ["BUY", "SELL", "BUY_PO", "SELL_PO"])
    listing, is_buy = LISTINGS[market_id], side.startswith("BUY")
    middle = ledger.book(market_id, block - 1).mid or D(10)
    ahead = random.randint(1, 30) if market else random.randint(-30, 12)
    price = middle * (1000 + (ahead if is_buy else -ahead)) / 1000
    price = max(D("0.5"), price.quantize(listing.price_tick))
    quantity = D(random.randint(50, 3000)) / 100
    more = {"cid": random.choice(CIDS), "index": random.choice([0, 0, 1]), "owner": who}
    if random.random() < 0.3:
        more["fee_recipient"] = RELAYER
    if not market and random.random() < 0.3:
        more["expiration"] = 150_000_000 + block + random.randint(0, 4)
    if derivative:
        ratio = random.choice([D("0.0195"), D("0.05"), D("0.3")])
        more["margin"] = 0 if random.random() < 0.3 else (price * quantity * ratio).quantize(D("1e-6"))
        if random.random() < 0.25:
            side = random.choice(["STOP", "TAKE"]) + ("_BUY" if is_buy else "_SELL")
            above = side in {"STOP_BUY", "TAKE_SELL"}
            more["trigger"] = (middle * (D("1.01") if above else D("0.99"))).quantize(listing.price_tick)
    found = order(market_id, side, price, quantity, **more)
    return create(found, who, market=market, derivative=derivative)


def a_move(random, ledger, who, block):
    amount, cid = random.randint(1, 10**8), random.choice(CIDS[3:])
    market_id = random.choice(MARKETS)
    return random.choice(
        [
            lambda: deposit(USDT, amount, sub(who, 1), who),
            lambda: withdraw(USDT, amount, "1", who),
            lambda: transfer(USDT, amount, "1", "2", who),
            lambda: send(USDT, amount, BOB if who == ALICE else ALICE, who),
            lambda: increase_margin(INJ_PERP, D(amount) / 10**8, "", sub(who), who),
            lambda: cancel(market_id, cid, derivative=market_id == INJ_PERP, owner=who),
            lambda: a_batch(random, ledger, who, block),
        ]
    )()


def a_batch(random, ledger, who, block):
    created = [an_order(random, ledger, who, block) for _ in range(4)]
    names = {"spot_orders_to_create": [], "derivative_orders_to_create": []}
    for one in created:
        if one.DESCRIPTOR.name == "MsgCreateSpotLimitOrder":
            names["spot_orders_to_create"].append(one.order)
        if one.DESCRIPTOR.name == "MsgCreateDerivativeLimitOrder":
            names["derivative_orders_to_create"].append(one.order)
    everything = random.random() < 0.3
    return batch_update(
        who,
        sub(who) if everything else "",
        derivative_market_ids_to_cancel_all=[INJ_PERP] if everything else [],
        spot_orders_to_cancel=[data(INJ_USDT, "a", owner=who)],
        **names,
    )


def played(world, seed, start=10, steps=80):
    """A random history, checked after every step."""
    random, ledger, block = Random(seed), Ledger(world), start
    for who in (ALICE, BOB):
        for denom, amount in FUNDS.items():
            ledger.credit(who, denom, amount)
        for denom, amount in FUNDS.items():
            ledger.execute(deposit(denom, amount // 4, sub(who, 1), who), who, block)
    for _ in range(steps):
        if random.random() < 0.35:
            ledger.end_block(block)
            block += 1
        else:
            who = random.choice([ALICE, BOB])
            before = ledger.dump()
            try:
                ledger.execute(
                    random.choice([an_order, an_order, a_move])(random, ledger, who, block), who, block
                )
            except Failed:
                assert ledger.dump() == before
        check(ledger)
    return ledger, block


def check(ledger):
    for denom, amount in FUNDS.items():
        assert ledger.exact_total(denom) == ledger.total(denom) == 2 * amount
    for who in (ALICE, BOB, RELAYER):
        assert all(amount > 0 for amount in ledger.balances(who).values())
        for deposits in ledger.subaccounts(who).values():
            assert all(0 <= one.available <= one.total for one in deposits.values())
    locked = {}
    for one in ledger._state.live():
        assert 0 < one.fillable <= one.quantity
        key = one.subaccount, one.denom
        locked[key] = locked.get(key, 0) + one.hold
    for (whose, denom), hold in locked.items():
        held = ledger.deposits(whose).get(denom)
        assert (held.total - held.available if held else 0) == hold
    assert all(one.quantity > 0 for one in ledger.positions())


seeds = st.integers(0, 10**9)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_money_is_conserved_and_nobody_owes_in_the_simulated_world(seed):
    ledger, block = played(WORLD, seed, 10_000)
    for market_id in (INJ_USDT, INJ_PERP):
        book = ledger.book(market_id, block)
        assert book.bids[0].price < book.asks[0].price


@settings(max_examples=40, deadline=None)
@given(seeds, st.lists(st.integers(850, 1200), min_size=8, max_size=8))
def test_money_is_conserved_when_the_mark_price_jumps_about(seed, marks):
    """With liquidations, triggers and deficits."""
    world = Still(bids=(("9.9", 30), ("9.5", 30)), asks=((10, 30), ("10.5", 30)))
    world.mark = lambda block: D(marks[block // 3 % len(marks)]) / 100
    played(world, seed)


@settings(max_examples=5, deadline=None)
@given(seeds)
def test_the_same_history_comes_to_the_same_ledger(seed):
    first, second = (played(World(7), seed, 10_000)[0].dump() for _ in range(2))
    assert first == second


def test_a_ledger_nobody_uses_shows_the_world_as_it_is():
    ledger = Ledger(WORLD)
    for market_id in LISTINGS:
        assert ledger.book(market_id, 77) == WORLD.block(market_id, 77).book
    assert ledger.idle
    events = ledger.end_block(77)
    assert (events.trades, events.changes, events.failures) == ((), (), ())


def test_an_idle_ledger_is_not_idle_with_an_order_or_a_position():
    ledger = Ledger(Still())
    ledger.credit(ALICE, USDT, 10**10)
    ledger.execute(create(order(INJ_PERP, "BUY", 11, 1, margin=5), derivative=True), ALICE, 1)
    assert not ledger.idle
    ledger.end_block(1)
    assert ledger.positions(market_id=INJ_PERP)
    assert not ledger.idle


def test_a_dump_is_exact_text():
    ledger = Ledger(Still())
    ledger.credit(ALICE, USDT, 10**10)
    ledger.execute(create(order(INJ_PERP, "BUY", 11, 1, margin=5), derivative=True), ALICE, 1)
    ledger.end_block(1)
    dump = ledger.dump()
    assert D(dump["trades"][0]["price"]) == 10
    assert dump["trades"][0]["position_delta"]["margin"] == "5.000000000000000000"
    assert dump["history"][0][1] == "filled"
