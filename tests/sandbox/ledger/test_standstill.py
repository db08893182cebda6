from decimal import Decimal

import pytest

from defi_analytics.sandbox.exchange import ROUTES
from defi_analytics.sandbox.ledger import Ledger
from defi_analytics.sandbox.ledger.failed import Code, Failed
from defi_analytics.sandbox.ledger.routes import ROUTES as OWN
from defi_analytics.sandbox.ledger.standstill import STATUSES, Standstill
from defi_analytics.sandbox.listings import SPOT
from defi_analytics.sandbox.moment import FIRST_HEIGHT
from defi_analytics.sandbox.world import World
from tests.sandbox.ledger.asking import asked, moment
from tests.sandbox.ledger.still import Still, funded_ledger
from tests.sandbox.ledger.wire import (
    ALICE,
    BOB,
    INJ_PERP,
    INJ_USDT,
    PAUSED,
    USDT,
    batch_update,
    cancel,
    create,
    increase_margin,
    order,
    sub,
)

D = Decimal
BLOCK = 50
V2 = "/injective/exchange/v2"


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


def refused(ledger, *terms, **more):
    with pytest.raises(Failed) as failed:
        place(ledger, *terms, **more)
    return failed.value.code


def long(ledger):
    """A position of Alice's, bought at 10, and a stop that guards it."""
    place(ledger, INJ_PERP, "BUY", "10", 2, margin=5, market=True)
    ledger.end_block(BLOCK)
    place(ledger, INJ_PERP, "STOP_SELL", 9, 2, trigger="9.5", market=True, perp=True, cid="stop")
    return ledger.positions(sub(ALICE))[0]


def test_a_market_is_as_listed_until_it_is_put_elsewhere_and_its_book_moves_no_further():
    own = Standstill()
    assert (own.status(INJ_USDT), own.status(PAUSED), own.told) == ("Active", "Paused", {})
    assert own.moved(INJ_USDT, BLOCK) == BLOCK
    own.put(INJ_USDT, "Paused", BLOCK)
    own.put(INJ_USDT, "Demolished", BLOCK + 5)
    assert (own.status(INJ_USDT), own.moved(INJ_USDT, BLOCK + 9)) == ("Demolished", BLOCK)
    own.put(INJ_USDT, "Active", BLOCK + 9)
    assert own.moved(INJ_USDT, BLOCK + 9) == BLOCK + 9
    assert own.told == {INJ_USDT: "Active"}


@pytest.mark.parametrize("status", [one for one in STATUSES if one != "Active"])
def test_a_market_that_is_not_active_takes_no_order(ledger, status):
    for market_id in (INJ_USDT, INJ_PERP):
        ledger.standstill.put(market_id, status, BLOCK)
    assert refused(ledger, INJ_USDT, "BUY", 9, 1) == Code.SPOT_MARKET_NOT_FOUND
    assert refused(ledger, INJ_USDT, "BUY", 10, 1, market=True) == Code.SPOT_MARKET_NOT_FOUND
    assert refused(ledger, INJ_PERP, "BUY", 10, 1, margin=5) == Code.DERIVATIVE_MARKET_NOT_FOUND
    answer = ledger.execute(
        batch_update(spot_orders_to_create=[order(INJ_USDT, "BUY", 9, 1, cid="one")]), ALICE, BLOCK
    )
    assert answer["spot_order_hashes"] == [""]
    assert answer["created_spot_orders_cids"] == answer["failed_spot_orders_cids"] == []
    with pytest.raises(Failed) as failed:
        ledger.execute(increase_margin(INJ_PERP, 1, sub(ALICE), sub(ALICE)), ALICE, BLOCK)
    assert failed.value.code == Code.DERIVATIVE_MARKET_NOT_FOUND


@pytest.mark.parametrize(
    ("status", "gone"), [("Paused", False), ("ForcePaused", False), ("Demolished", True), ("Expired", True)]
)
def test_of_a_paused_market_nothing_is_cancelled_either(ledger, status, gone):
    place(ledger, INJ_USDT, "BUY_PO", 9, 1, cid="one")
    place(ledger, INJ_USDT, "BUY_PO", 9, 1, cid="two")
    ledger.end_block(BLOCK)
    ledger.standstill.put(INJ_USDT, status, BLOCK)
    if gone:
        ledger.execute(cancel(INJ_USDT, "one"), ALICE, BLOCK + 1)
    else:
        with pytest.raises(Failed) as failed:
            ledger.execute(cancel(INJ_USDT, "one"), ALICE, BLOCK + 1)
        assert failed.value.code == Code.SPOT_MARKET_NOT_FOUND
    every = batch_update(subaccount_id=sub(ALICE), spot_market_ids_to_cancel_all=[INJ_USDT])
    ledger.execute(every, ALICE, BLOCK + 1)
    assert len(ledger.resting(sub(ALICE))) == (0 if gone else 2)


def test_a_paused_market_matches_triggers_and_liquidates_nothing_until_it_is_active_again(world, ledger):
    long(ledger)
    place(ledger, INJ_USDT, "BUY_PO", "9.5", 1, sender=BOB, cid="rests")
    ledger.end_block(BLOCK + 1)
    for market_id in (INJ_USDT, INJ_PERP):
        ledger.standstill.put(market_id, "Paused", BLOCK + 1)
    world.mark = D("0.5")
    world.resting = Still(bids=(("9.4", 50),), asks=((9, 50),)).resting
    events = ledger.end_block(BLOCK + 2)
    assert (events.trades, events.liquidated, events.triggered) == ((), (), ())
    assert len(ledger.resting(sub(BOB))) == len(ledger.positions(sub(ALICE))) == 1
    for market_id in (INJ_USDT, INJ_PERP):
        ledger.standstill.put(market_id, "Active", BLOCK + 2)
    assert ledger.end_block(BLOCK + 3).liquidated


def test_a_paused_markets_book_stays_as_it_was():
    ledger = Ledger(World(11))
    moving = [ledger.book(INJ_USDT, block) for block in (BLOCK, BLOCK + 9)]
    ledger.standstill.put(INJ_USDT, "Paused", BLOCK)
    assert moving[0] == ledger.book(INJ_USDT, BLOCK + 9) != moving[1]


def test_while_only_post_only_orders_are_taken_nothing_trades_at_once_and_no_stop_is_triggered(world, ledger):
    long(ledger)
    ledger.end_block(BLOCK + 1)
    ledger.standstill.post_only_until = FIRST_HEIGHT + BLOCK + 4
    now = {"block": BLOCK + 3}
    assert refused(ledger, INJ_USDT, "BUY", 10, 1, market=True, **now) == Code.POST_ONLY_MODE
    assert refused(ledger, INJ_PERP, "SELL", "9.9", 1, market=True, perp=True, **now) == Code.POST_ONLY_MODE
    assert (
        refused(ledger, INJ_PERP, "STOP_SELL", 9, 1, trigger="9.4", market=True, perp=True, **now)
        == Code.POST_ONLY_MODE
    )
    assert refused(ledger, INJ_USDT, "BUY", 10, 1, **now) == Code.EXCEEDS_TOP_OF_BOOK
    assert refused(ledger, INJ_PERP, "BUY", 10, 1, margin=5, **now) == Code.EXCEEDS_TOP_OF_BOOK
    place(ledger, INJ_USDT, "BUY", 9, 1, **now)
    place(ledger, INJ_USDT, "BUY_PO", 9, 1, **now)
    world.mark = D("9.4")
    assert not ledger.end_block(BLOCK + 3).triggered
    assert len(ledger.end_block(BLOCK + 4).triggered) == 1
    place(ledger, INJ_USDT, "BUY", 10, 1, market=True, block=BLOCK + 5)


def test_lists_tell_a_market_under_its_status_and_queries_of_one_find_no_paused_one(ledger):
    ledger.standstill.put(INJ_USDT, "Paused", BLOCK)
    ledger.standstill.put(INJ_PERP, "Demolished", BLOCK)
    now = moment(ledger, BLOCK + 1)

    def ids(path, **query):
        rows = asked(ROUTES, now, f"{V2}/{path}", **query)["markets"]
        return [row.get("market", row)["market_id"] for row in rows]

    assert INJ_USDT not in ids("spot/full_markets")
    assert ids("spot/full_markets", status="Paused") == [INJ_USDT, PAUSED]
    assert ids("spot/markets", status="Paused", market_ids=[INJ_USDT, INJ_PERP]) == [INJ_USDT]
    assert ids("derivative/markets", status="Demolished") == [INJ_PERP]
    assert ids("derivative/markets", status="Unheard") == []
    asked(ROUTES, now, f"{V2}/spot/markets/{INJ_USDT}", 404)
    asked(ROUTES, now, f"{V2}/spot/full_market/{INJ_USDT}", 404)
    assert asked(ROUTES, now, f"{V2}/spot/markets/{SPOT[1].market_id}")["market"]["status"] == "Active"
    row = asked(ROUTES, now, f"{V2}/derivative/markets/{INJ_PERP}")["market"]["market"]
    assert row["status"] == "Demolished"


def test_the_list_of_positions_leaves_out_those_of_paused_markets_but_each_can_be_asked_for(ledger):
    long(ledger)
    now = moment(ledger, BLOCK)
    everything, one = f"{V2}/subaccount_positions/{sub(ALICE)}", f"{V2}/positions/{sub(ALICE)}/{INJ_PERP}"
    assert len(asked(OWN, now, everything)["state"]) == 1
    before = asked(OWN, now, one)
    ledger.standstill.put(INJ_PERP, "Paused", BLOCK)
    assert asked(OWN, now, everything)["state"] == []
    assert asked(OWN, now, one) == before


def test_the_parameters_say_until_when_post_only_orders_alone_are_taken(ledger):
    ledger.standstill.post_only_until = 7
    told = asked(ROUTES, moment(ledger, BLOCK), f"{V2}/exchange/exchangeParams")["params"]
    assert told["post_only_mode_height_threshold"] == "7"
    assert ledger.balance(ALICE, USDT)


def test_what_was_asked_of_the_past_is_answered_as_it_stood_then():
    now = Standstill()
    now.put(INJ_USDT, "Paused", BLOCK)
    now.post_only_until = FIRST_HEIGHT + BLOCK + 2
    then = now.kept()
    now.put(INJ_USDT, "Active", BLOCK + 1)
    now.post_only_until = 0
    assert (then.status(INJ_USDT), now.status(INJ_USDT)) == ("Paused", "Active")
    assert (then.post_only(BLOCK), now.post_only(BLOCK)) == (True, False)
