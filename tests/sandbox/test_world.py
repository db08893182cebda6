from collections import Counter
from decimal import Decimal

import pytest

from defi_analytics.sandbox.books import significant
from defi_analytics.sandbox.listings import BINANCE, HYPERLIQUID, LISTINGS, SPOT
from defi_analytics.sandbox.matching import levels
from defi_analytics.sandbox.truth import truth
from defi_analytics.sandbox.world import World

D = Decimal
SEEDS = range(25)
BLOCKS = (0, 61, 4_000)
BPS = D("0.0001")


@pytest.fixture(scope="module")
def worlds():
    return [World(seed) for seed in SEEDS]


def sides(book):
    return (book.bids, 1), (book.asks, -1)


def check_book(book, tick, step):
    for orders, sign in sides(book):
        prices = [order.price * sign for order in orders]
        assert prices == sorted(set(prices), reverse=True)
        assert all(order.price % tick == 0 and order.price > 0 for order in orders)
        assert all(order.quantity % step == 0 and order.quantity > 0 for order in orders)
    assert book.bids[0].price < book.asks[0].price


def test_every_book_is_on_its_grid_uncrossed_and_twenty_levels_deep(worlds):
    for world in worlds:
        for market_id, listing in LISTINGS.items():
            if listing.status == "Active":
                book = world.block(market_id, 5).book
                check_book(book, listing.price_tick, listing.quantity_tick)
                assert min(len(levels(side)) for side in book) >= 20
        for reference in (*BINANCE.values(), *HYPERLIQUID.values()):
            book = world.reference(reference, 5)
            check_book(book, reference.price_tick or significant(float(book.mid)), reference.quantity_step)


def test_a_paused_market_has_an_empty_book_and_no_trades():
    paused = next(listing for listing in SPOT if listing.status == "Paused")
    block = World(1).block(paused.market_id, 0)
    assert (block.book.mid, block.trades) == (None, ())


def test_any_block_is_the_same_whether_or_not_one_walked_there():
    walked, jumped = World(4), World(4)
    for market_id in LISTINGS:
        for block in range(40):
            walked.block(market_id, block)
        assert walked.block(market_id, 40) == jumped.block(market_id, 40)
        assert walked.block(market_id, 39) != jumped.block(market_id, 40) or not LISTINGS[market_id].reference


def test_different_seeds_are_different_worlds():
    inj = SPOT[0].market_id
    assert len({World(seed).block(inj, 0).book for seed in SEEDS}) == len(SEEDS)


def test_takers_trade_through_the_auction_in_most_blocks(worlds):
    traded = [bool(worlds[0].block(SPOT[0].market_id, block).trades) for block in range(100)]
    assert 60 < sum(traded) < 100
    sides_seen = {
        one.taker_buys for block in range(30) for one in worlds[0].block(SPOT[0].market_id, block).trades
    }
    assert sides_seen == {True, False}


def test_about_half_of_all_seeds_start_with_a_dislocated_market():
    dislocated = [any(World(seed).episode(one, 0) for one in LISTINGS.values()) for seed in range(300)]
    assert 0.42 < sum(dislocated) / 300 < 0.58


def test_dislocations_come_go_and_take_every_form():
    world, seen = World(2), set()
    for listing in LISTINGS.values():
        for block in range(0, 6_000, 10):
            if episode := world.episode(listing, block):
                assert episode.start <= block < episode.end
                assert world.episode(listing, episode.start) == episode
                assert world.episode(listing, episode.end) != episode
                assert world.episode(listing, episode.start - 1) != episode
                seen.add((episode.buy, episode.on_injective))
    assert len(seen) == 4


def test_truth_names_exactly_what_was_planted_and_nothing_near_the_threshold(worlds):
    for world in worlds:
        for block in BLOCKS:
            wanted = set()
            for market_id, listing in LISTINGS.items():
                if episode := world.episode(listing, block):
                    wanted.add(("cross-venue", market_id, "BUY" if episode.buy else "SELL"))
                    if episode.on_injective:
                        wanted.add(("oracle", market_id, "BUY" if episode.buy else "SELL"))
            found = [one for one in truth(world, block, 10 * BPS) if is_own(one)]
            assert {(one.kind, one.market_id, one.side) for one in found} == wanted
            assert all(one.top_edge >= 30 * BPS for one in found)
            rest = [one for one in truth(world, block) if is_own(one) and one not in found]
            assert all(one.top_edge <= 5 * BPS for one in rest)


def is_own(planted):
    """Against the oracle or the instrument that the market has its dislocations with."""
    return planted.kind == "oracle" or planted.venue == LISTINGS[planted.market_id].reference.venue


def test_a_venue_that_left_the_fair_price_is_mispriced_against_every_market_of_the_asset(worlds):
    seen = Counter(
        (is_own(one), one.venue)
        for world in worlds
        for one in truth(world, 0, 10 * BPS)
        if one.kind == "cross-venue"
    )
    assert all(seen[own, venue] for own in (True, False) for venue in ("binance", "hyperliquid")), seen


def test_undisturbed_venues_agree_within_five_basis_points(worlds):
    for world in worlds:
        for block in BLOCKS:
            for market_id, listing in LISTINGS.items():
                if listing.reference is None or world.episode(listing, block):
                    continue
                rate = D(str(world.prices.usdc)) if listing.reference.quote == "USDC" else 1
                theirs = world.reference(listing.reference, block).mid * rate
                assert abs(world.block(market_id, block).book.mid / theirs - 1) < 5 * BPS


def test_the_profit_of_a_planted_dislocation_is_the_most_that_trading_it_can_bring(worlds):
    checked = 0
    for world in worlds:
        for one in truth(world, 0, 10 * BPS):
            if one.kind == "oracle":
                assert (one.best_quantity, one.profit_quote) == (0, 0)
                continue
            quantity, profit = brute_force(world, one)
            assert (one.best_quantity, one.profit_quote) == (quantity, profit)
            checked += 1
    assert checked > 5


def brute_force(world, planted):
    """The profit at every quantity where it can bend: the largest of them is the largest of all."""
    listing = LISTINGS[planted.market_id]
    instruments = {"binance": BINANCE, "hyperliquid": HYPERLIQUID}[planted.venue].values()
    (reference,) = (one for one in instruments if one.asset == listing.asset)
    here, there = world.block(planted.market_id, 0).book, world.reference(reference, 0)
    ticks = world.prices.usdc_ticks
    sell, buy = (D(ticks) / 10_000, D(ticks + 1) / 10_000) if reference.quote == "USDC" else (D(1), D(1))
    if planted.side == "BUY":
        pay, pay_factor = here.asks, 1 + listing.taker_fee
        get, get_factor = there.bids, sell * (1 - reference.taker_fee)
    else:
        pay, pay_factor = there.asks, buy * (1 + reference.taker_fee)
        get, get_factor = here.bids, 1 - listing.taker_fee
    # A perpetual has to be closed again, and the other leg with it: both fees once more.
    closed = "PERP" in listing.ticker or planted.venue == "hyperliquid"
    way_out = listing.taker_fee + reference.taker_fee if closed else D(0)
    each = way_out * pay[0].price * (1 if planted.side == "BUY" else (sell + buy) / 2)
    breaks = {
        sum((order.quantity for order in side[:n]), D(0)) for side in (pay, get) for n in range(len(side))
    }
    return max(
        (swept(get, q) * get_factor - swept(pay, q) * pay_factor - q * each, q)
        for q in breaks
        if q <= total(pay, get)
    )[::-1]


def total(*both):
    return min(sum(order.quantity for order in side) for side in both)


def swept(orders, quantity):
    """What a taker of so much pays or gets."""
    notional = D(0)
    for order in orders:
        taken = min(order.quantity, quantity)
        quantity -= taken
        notional += taken * order.price
    return notional


def test_planted_profit_lies_within_the_twenty_levels_a_reader_gets_by_default(worlds):
    for world in worlds:
        for one in truth(world, 0, 10 * BPS):
            book = world.block(one.market_id, 0).book
            side = book.asks if one.side == "BUY" else book.bids
            assert one.best_quantity < sum(order.quantity for order in side[:20])
