import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from defi_analytics.domain.book import Levels
from defi_analytics.domain.decision import MOST_LOTS, Holding, Ladder
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
    assert ladder_of(BOOK.bids, grid) == Ladder((24_990, 24_980), (2_000, 5_000))
    assert ladder_of(Levels((0.3,), (1e12,)), grid) == Ladder((300,), (MOST_LOTS,))


@pytest.mark.parametrize("price", [25.0005, 0.0001])
def test_a_level_between_two_ticks_is_refused(price: float) -> None:
    with pytest.raises(ValueError, match="not a multiple"):
        ladder_of(Levels((price,), (1.0,)), grid_of(MARKET))


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
    with pytest.raises(ValueError, match="not a multiple"):
        holding_of(replace(held, quantity=Decimal("0.0001")), MARKET)


def test_the_best_candidate_is_the_first_of_its_kind_and_market() -> None:
    oracle = Edge(EdgeKind.ORACLE, MARKET, "pyth")
    other = Edge(EdgeKind.ORACLE, a_market(base="ETH"), "pyth")
    cross = Edge(EdgeKind.CROSS_VENUE, MARKET, "binance")
    assert best_candidate([other, cross, oracle], EdgeKind.ORACLE, MARKET) is oracle
    assert best_candidate([other], EdgeKind.ORACLE, MARKET) is None
