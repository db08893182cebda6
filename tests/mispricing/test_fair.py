from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.edge import Edge, EdgeKind, Reason, Rejection, Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.mispricing.fair import against_fair, gap, measured, measured_on_book
from defi_analytics.mispricing.limits import Limits, MarketBounds
from tests.builders import LOOSE, a_book, a_market, a_quote, a_snapshot, a_top
from tests.fakes import NOON

MARKET = a_market()
EDGE = Edge(EdgeKind.ORACLE, MARKET, "pyth")
BIDS, ASKS = [(24.9, 10)], [(25.0, 4), (25.2, 4), (26.0, 4)]


def _snapshot(bids=BIDS, asks=ASKS, market=MARKET, **more):
    return a_snapshot([(market, a_book(market, bids, asks))], **more)


def _priced(fair: float, snapshot=None, limits: Limits = LOOSE, market=MARKET, unit: float = 0.01) -> Edge:
    snapshot = snapshot or _snapshot(market=market)
    edge = measured_on_book(replace(EDGE, market=market), snapshot, fair, unit, limits)
    return against_fair(edge, snapshot, limits)


@pytest.mark.parametrize(
    ("mid", "fair", "cheap"), [(99.0, 100.0, 0.01), (101.0, 100.0, -0.01), (50.0, 50.0, 0.0)]
)
def test_the_gap_is_positive_where_the_market_is_cheap(mid: float, fair: float, cheap: float) -> None:
    assert gap(mid, fair) == pytest.approx(cheap)


@pytest.mark.parametrize(("mid", "side", "z"), [(98.0, Side.BUY, 2.0), (103.0, Side.SELL, -3.0)])
def test_the_gap_is_measured_in_uncertainties_and_gives_the_side(mid: float, side: Side, z: float) -> None:
    edge = measured(EDGE, mid, 100.0, 0.01, LOOSE)
    assert edge.stands
    assert edge.side is side
    assert edge.signal is not None
    assert (edge.signal.fair, edge.signal.uncertainty, edge.signal.z) == (100.0, 0.01, pytest.approx(z))


@pytest.mark.parametrize(("mid", "measure"), [(99.1, 0.9), (100.9, 0.9), (100.0, 0.0)])
def test_a_gap_inside_the_uncertainty_says_nothing(mid: float, measure: float) -> None:
    rejection = measured(EDGE, mid, 100.0, 0.01, LOOSE).rejection
    assert rejection == Rejection(Reason.BELOW_UNCERTAINTY, 1.0, pytest.approx(measure), "z")


def test_an_uncertainty_that_is_no_number_lets_nothing_pass() -> None:
    edge = measured(EDGE, 90.0, 100.0, float("nan"), LOOSE)
    assert edge.rejection is not None
    assert edge.rejection.code == "BELOW_UNCERTAINTY"


@pytest.mark.parametrize("fair", [10.0, 1000.0, -100.0, float("inf"), float("nan")])
def test_a_fair_value_in_other_units_is_refused_before_it_is_a_signal(fair: float) -> None:
    edge = measured(EDGE, 100.0, fair, 0.01, LOOSE)
    assert edge.rejection is not None
    assert (edge.rejection.code, edge.rejection.limit, edge.signal) == ("IMPLAUSIBLE", 2.0, None)


def test_a_cheap_market_is_bought_up_to_the_fair_value_with_both_fees_of_the_market() -> None:
    edge = _priced(25.5)
    assert edge.stands
    assert edge.side is Side.BUY
    assert edge.pricing is not None
    assert edge.pricing.quantity == 8
    assert edge.pricing.profit == pytest.approx(8 * 25.5 * 0.999 - (4 * 25.0 + 4 * 25.2) * 1.001)
    assert edge.pricing.sell_price == pytest.approx(25.5)


@pytest.mark.parametrize(("fair", "side", "best"), [(25.2, Side.BUY, 25.0), (24.6, Side.SELL, 24.9)])
def test_a_gap_of_less_than_one_uncertainty_is_traded_the_same_way_if_that_is_enough(
    fair: float, side: Side, best: float
) -> None:
    edge = _priced(fair, limits=replace(LOOSE, min_z=0.1), unit=0.05)
    assert edge.stands
    assert edge.signal is not None
    assert edge.pricing is not None
    assert 0.1 < abs(edge.signal.z) < 1
    bought = side is Side.BUY
    assert (edge.side, edge.pricing.buy_price if bought else edge.pricing.sell_price) == (side, best)


def test_a_dear_market_is_sold_down_to_the_fair_value() -> None:
    edge = _priced(24.5)
    assert edge.side is Side.SELL
    assert edge.pricing is not None
    assert edge.pricing.quantity == 10
    assert edge.pricing.profit == pytest.approx(10 * (24.9 * 0.999 - 24.5 * 1.001))


@pytest.mark.parametrize(("fair", "side", "pays"), [(25.5, Side.BUY, 1), (24.5, Side.SELL, -1)])
def test_the_side_that_pays_funding_is_charged_for_the_holding_time(
    fair: float, side: Side, pays: int
) -> None:
    perp = replace(MARKET, kind=MarketKind.PERPETUAL)
    for funding, cost in ((0.0001 * pays, 0.0004), (-0.0001 * pays, 0.0)):
        tops = {perp.key: a_top(perp, 24.9, 25.0, funding_hourly=funding)}
        edge = _priced(fair, _snapshot(market=perp, tops=tops), replace(LOOSE, holding_h=4.0), perp)
        assert edge.side is side
        assert edge.pricing is not None
        assert edge.pricing.costs.carry == pytest.approx(cost * edge.pricing.notional)


def test_gas_is_paid_for_the_way_in_and_the_way_out() -> None:
    snapshot = _snapshot(quotes=(a_quote(price=20.0, quote="USDT"),))
    edge = _priced(25.5, snapshot, replace(LOOSE, gas_inj=0.01))
    assert edge.pricing is not None
    assert edge.pricing.costs.fixed == pytest.approx(0.4)
    assert edge.notes == ()


def test_gas_and_funding_that_nothing_prices_are_noted() -> None:
    perp = replace(MARKET, kind=MarketKind.PERPETUAL)
    assert _priced(25.5, market=perp).notes == (
        "funding on injective is not counted: unknown",
        "gas is not counted: nothing prices INJ",
    )


@pytest.mark.parametrize(("fair", "whole"), [(27.0, 12), (24.5, 10)])
def test_a_walk_to_the_end_of_a_cut_book_says_so(fair: float, whole: int) -> None:
    snapshot = _snapshot()
    cut = {k: replace(b, truncated=True) for k, b in snapshot.books.items()}
    ended, capped = (
        _priced(fair, replace(snapshot, books=cut)),
        _priced(fair, replace(snapshot, books=cut), replace(LOOSE, max_notional=100.0)),
    )
    for edge, quantity_is_all in ((ended, True), (capped, False), (_priced(fair, snapshot), False)):
        assert edge.pricing is not None
        assert edge.pricing.exhausted is quantity_is_all
    assert ended.pricing is not None
    assert ended.pricing.quantity == whole


@pytest.mark.parametrize(
    ("fair", "bids", "asks"), [(25.5, [(24.9, 100)], [(25.0, 4)]), (24.5, [(24.9, 4)], [(25.0, 100)])]
)
def test_only_the_side_that_is_taken_from_can_end_a_walk(fair: float, bids, asks) -> None:
    snapshot = _snapshot(bids, asks)
    cut = {k: replace(b, truncated=True) for k, b in snapshot.books.items()}
    edge = _priced(fair, replace(snapshot, books=cut))
    assert edge.pricing is not None
    assert edge.pricing.exhausted
    turned = _snapshot([(b, 104 - q) for b, q in bids], [(a, 104 - q) for a, q in asks])
    capped = _priced(fair, turned, replace(LOOSE, max_notional=25.0 * 4))
    assert capped.pricing is not None
    assert not capped.pricing.exhausted


@pytest.mark.parametrize(("bids", "asks"), [([], ASKS), (BIDS, []), ([], [])])
def test_a_book_with_one_side_has_no_middle_to_measure(bids, asks) -> None:
    rejection = _priced(25.5, _snapshot(bids, asks)).rejection
    assert rejection == Rejection(Reason.NO_BOOK, detail="injective: one side only")


def test_a_book_that_was_not_read_is_named() -> None:
    assert _priced(25.5, a_snapshot()).rejection == Rejection(
        Reason.NO_BOOK, detail="injective: no order book"
    )


@pytest.mark.parametrize(("age_s", "code"), [(11, "STALE_BOOK"), (-6, "STALE_BOOK")])
def test_a_stale_book_is_not_even_measured(age_s: float, code: str) -> None:
    book = a_book(MARKET, BIDS, ASKS, NOON - timedelta(seconds=age_s))
    edge = _priced(25.5, a_snapshot([(MARKET, book)]))
    assert edge.rejection == Rejection(Reason.STALE_BOOK, 10.0, age_s, "s", "injective book")
    assert edge.signal is None


def test_an_edge_that_was_rejected_is_not_priced() -> None:
    refused = replace(EDGE, rejection=Rejection(Reason.NO_RATE))
    assert against_fair(refused, _snapshot(), LOOSE) is refused
    assert against_fair(EDGE, _snapshot(), LOOSE) is EDGE


def test_fees_that_eat_the_gap_leave_it_uncrossed_with_no_pricing() -> None:
    edge = _priced(25.02, unit=0.0001)
    assert edge.rejection is not None
    assert (edge.rejection.code, edge.rejection.limit, edge.pricing) == ("NOT_CROSSED", 0.0, None)
    assert edge.rejection.value == pytest.approx((25.02 * 0.999 - 25.0 * 1.001) / 25.0)


def test_the_bounds_of_the_market_hold() -> None:
    bounds = {MARKET.key: MarketBounds(min_notional=300.0, max_notional=150.0)}
    edge = _priced(25.5, limits=replace(LOOSE, bounds=bounds))
    assert edge.rejection is not None
    assert (edge.rejection.code, edge.rejection.limit) == ("BELOW_MIN_NOTIONAL", 300.0)
    assert edge.pricing is not None
    assert edge.pricing.notional <= 150.0


gaps = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 40)), min_size=1, max_size=4)


@settings(max_examples=60)
@given(gaps, gaps, st.integers(2200, 2800), st.sampled_from(["0", "0.1", "0.7"]))
def test_what_stands_brings_exactly_what_is_said(bid_gaps, ask_gaps, cents: int, grid: str) -> None:
    market = replace(MARKET, quantity_tick=Decimal(grid))
    bids = [
        ((2500 - sum(g for g, _ in bid_gaps[: i + 1])) / 100, q / 10) for i, (_, q) in enumerate(bid_gaps)
    ]
    asks = [
        ((2500 + sum(g for g, _ in ask_gaps[: i + 1])) / 100, q / 10) for i, (_, q) in enumerate(ask_gaps)
    ]
    fair = cents / 100
    edge = _priced(fair, _snapshot(bids, asks, market), replace(LOOSE, min_edge=0.001), market)
    if not edge.stands:
        return
    assert edge.pricing is not None
    assert not market.quantity_tick or edge.pricing.quantity % market.quantity_tick == 0
    left, swept = Fraction(edge.pricing.quantity), Fraction(0)
    for price, held in asks if edge.side is Side.BUY else bids:
        part = min(left, Fraction(held))
        swept, left = swept + part * Fraction(price), left - part
    other = Fraction(fair) * Fraction(edge.pricing.quantity)
    fee = Fraction(market.taker_fee)
    paid, got = (swept, other) if edge.side is Side.BUY else (other, swept)
    assert edge.pricing.profit == pytest.approx(float(got * (1 - fee) - paid * (1 + fee)), rel=1e-9)
    assert edge.pricing.net_edge >= 0.001 * (1 - 1e-9)
