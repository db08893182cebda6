import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.book import Levels
from defi_analytics.domain.decision import BUY, MOST_LOTS, SELL, Holding, Ladder
from defi_analytics.domain.edge import Edge, EdgeKind, Signal
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import MarketKind
from defi_analytics.engine.views import best_candidate, grid_of, holding_of, ladder_of, view_of
from tests.builders import a_book, a_market, a_prediction, a_rate, a_snapshot
from tests.fakes import NOON

MARKET = a_market(min_quantity=Decimal("0.0015"), min_notional=Decimal(1))
OTHER = a_market("binance")
BOOK = a_book(MARKET, [(24.99, 2), (24.98, 5)], [(25.01, 1.5)])


def test_a_grid_tells_minimums_in_whole_steps_rounded_up() -> None:
    grid = grid_of(MARKET)
    assert (grid.min_lots, grid.min_notional, grid.perpetual) == (2, 1_000_000, False)
    assert grid_of(replace(MARKET, kind=MarketKind.PERPETUAL)).perpetual
    with pytest.raises(ValueError, match="tick sizes are not known"):
        grid_of(replace(MARKET, price_tick=Decimal(0)))


def test_levels_become_ticks_and_lots_and_depth_beyond_any_order_is_cut() -> None:
    grid = grid_of(MARKET)
    assert ladder_of(BOOK.bids, grid, BUY) == Ladder((24_990, 24_980), (2_000, 5_000))
    assert ladder_of(Levels((0.3,), (1e12,)), grid, BUY) == Ladder((300,), (MOST_LOTS,))


def test_a_level_that_is_older_than_the_markets_ticks_is_taken_for_less_than_it_is() -> None:
    grid = grid_of(MARKET)
    bids = Levels((25.0019, 25.0011, 25.0, 0.0009), (1.0009, 2.0, 0.0009, 5.0))
    assert ladder_of(bids, grid, BUY) == Ladder((25_001,), (3_000,))
    asks = Levels((0.0001, 25.0001, 25.0009, 25.0011), (1.0, 1.0009, 2.0, 1.0))
    assert ladder_of(asks, grid, SELL) == Ladder((1, 25_001, 25_002), (1_000, 3_000, 1_000))


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), unique_by=lambda level: level[0]),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_no_level_is_ever_better_or_deeper_than_the_book(
    levels: list[tuple[int, int]], coarser_ticks: int, coarser_lots: int
) -> None:
    fine = Decimal("0.001")
    market = replace(MARKET, price_tick=fine * coarser_ticks, quantity_tick=fine * coarser_lots)
    for side in (BUY, SELL):
        told = sorted(levels, reverse=side == BUY)
        book = Levels(tuple(p / 1000 for p, _ in told), tuple(q / 1000 for _, q in told))
        ladder = ladder_of(book, grid_of(market), side)
        assert list(ladder.ticks) == sorted(set(ladder.ticks), reverse=side == BUY)
        for ticks, lots in zip(ladder.ticks, ladder.lots, strict=True):
            within = [q for p, q in told if (p - ticks * coarser_ticks) * side in range(coarser_ticks)]
            assert lots == sum(q // coarser_lots for q in within) > 0


def test_without_a_candidate_the_fair_value_is_unknown() -> None:
    view = view_of(a_snapshot([(MARKET, BOOK)]), MARKET, None)
    assert view.time_s == NOON.timestamp()
    assert view.asks == Ladder((25_010,), (1_500,))
    assert all(map(math.isnan, (view.fair, view.uncertainty, view.until_s)))


def test_a_book_that_was_not_read_is_an_empty_ladder() -> None:
    view = view_of(a_snapshot(), MARKET, None)
    assert view.bids == view.asks == Ladder((), ())


def test_a_signal_is_the_fair_value_in_ticks() -> None:
    edge = Edge(EdgeKind.ORACLE, MARKET, "pyth", signal=Signal(25.5, 0.01, 2.0))
    view = view_of(a_snapshot([(MARKET, BOOK)]), MARKET, edge)
    assert (view.fair, view.uncertainty) == (pytest.approx(25_500), 0.01)
    assert math.isnan(view.until_s)


def test_a_forecast_says_which_moment_it_is_about() -> None:
    prediction = a_prediction()
    edge = Edge(EdgeKind.PREDICTION, MARKET, "allora topic 7", signal=Signal(25.5, 0.01, 2.0))
    view = view_of(a_snapshot([(MARKET, BOOK)], predictions=(prediction,)), MARKET, edge)
    assert view.until_s == (NOON + timedelta(minutes=30)).timestamp()


def test_another_venues_fair_value_is_its_converted_middle_and_its_spread_the_doubt() -> None:
    other = replace(OTHER, quote="USDC")
    rate = a_rate(bid=0.999, ask=1.001)
    snapshot = a_snapshot([(MARKET, BOOK), (other, a_book(other, [(25.4, 1)], [(25.6, 1)]))])
    edge = Edge(EdgeKind.CROSS_VENUE, MARKET, "binance", reference=other, rates=(rate,))
    view = view_of(snapshot, MARKET, edge)
    assert view.fair == pytest.approx(25_500)
    assert view.uncertainty == pytest.approx(0.1 / 25.5 + 0.001)
    assert math.isnan(view_of(snapshot, MARKET, replace(edge, rates=())).fair)


def test_two_venues_never_agree_to_the_last_basis_point() -> None:
    snapshot = a_snapshot([(MARKET, BOOK), (OTHER, a_book(OTHER, [(25.0, 1)], [(25.000001, 1)]))])
    edge = Edge(EdgeKind.CROSS_VENUE, MARKET, "binance", reference=OTHER)
    assert view_of(snapshot, MARKET, edge).uncertainty == 1e-4
    assert math.isnan(view_of(a_snapshot([(MARKET, BOOK)]), MARKET, edge).fair)
    assert math.isnan(view_of(snapshot, MARKET, replace(edge, reference=None)).fair)


def test_an_inventory_becomes_whole_lots() -> None:
    held = Inventory(Decimal("1.5"), Decimal("37.5"), Decimal(0), Decimal("0.01875"), NOON)
    assert holding_of(held, MARKET) == Holding(1_500, 37_500_000, NOON.timestamp(), 0.0, -37_518_750, 18_750)
    assert holding_of(replace(held, exited_at=NOON), MARKET).exited_s == NOON.timestamp()


@pytest.mark.parametrize("sign", [1, -1])
def test_of_what_is_held_off_the_grid_whole_lots_count_at_what_they_cost(sign: int) -> None:
    held = Inventory(sign * Decimal("0.019"), Decimal("0.475"), Decimal(2), Decimal("0.5"), NOON)
    holding = holding_of(held, replace(MARKET, quantity_tick=Decimal("0.01")))
    assert (holding.lots, holding.cost) == (sign, 25_000)
    assert holding.cash == 150_000 - sign * 25_000, "gained less what they cost"
    assert holding_of(held, replace(MARKET, quantity_tick=Decimal(1))) == Holding(
        0, 0, NOON.timestamp(), 0.0, 1_500, 500
    )


def test_a_holding_on_an_unknown_grid_cannot_be_told() -> None:
    with pytest.raises(ValueError, match="tick sizes are not known"):
        holding_of(Inventory(Decimal(1), Decimal(25)), replace(MARKET, quantity_tick=Decimal(0)))


def test_the_best_candidate_is_the_first_of_its_kind_and_market() -> None:
    oracle = Edge(EdgeKind.ORACLE, MARKET, "pyth")
    other = Edge(EdgeKind.ORACLE, a_market(base="ETH"), "pyth")
    cross = Edge(EdgeKind.CROSS_VENUE, MARKET, "binance")
    assert best_candidate([other, cross, oracle], EdgeKind.ORACLE, MARKET) is oracle
    assert best_candidate([other], EdgeKind.ORACLE, MARKET) is None
