from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.book import Levels
from defi_analytics.domain.edge import Reason, Rejection, Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.mispricing.limits import Limits, MarketBounds
from defi_analytics.mispricing.pricing import (
    MAX_AHEAD_S,
    carry,
    common_step,
    exhausted,
    funding_hourly,
    gas_cost,
    pricing,
    rejection,
    seen,
    seen_rates,
    too_old,
    uncounted,
    with_bounds,
)
from defi_analytics.mispricing.walk import Terms, priced
from tests.builders import a_book, a_market, a_quote, a_rate, a_snapshot, a_top, levels
from tests.fakes import NOON

PERP = a_market(kind=MarketKind.PERPETUAL)

grids = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent), st.integers(1, 40), st.integers(-18, 6)
)


@settings(max_examples=100)
@given(st.lists(grids, min_size=1, max_size=3))
def test_the_common_step_is_the_smallest_multiple_of_every_grid(steps: list[Decimal]) -> None:
    common = common_step(steps)
    scaled = [int(s.scaleb(18)) for s in (*steps, common)]
    assert all(scaled[-1] % s == 0 for s in scaled[:-1])
    for prime in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        assert scaled[-1] % prime or any((scaled[-1] // prime) % s for s in scaled[:-1])


@pytest.mark.parametrize(
    ("steps", "common"),
    [
        ((), "0"),
        (("0",), "0"),
        (("0", "0.1"), "0.1"),
        (("0.1", "0"), "0.1"),
        (("0.4", "0.6"), "1.2"),
        (("1E+1", "0.25"), "10"),
    ],
)
def test_a_venue_without_a_grid_restricts_nothing(steps: tuple[str, ...], common: str) -> None:
    assert common_step([Decimal(s) for s in steps]) == Decimal(common)


@pytest.mark.parametrize(
    ("funding", "side", "cost"),
    [
        (0.0001, Side.BUY, 0.0008),
        (0.0001, Side.SELL, 0.0),
        (-0.0001, Side.SELL, 0.0008),
        (-0.0001, Side.BUY, 0.0),
    ],
)
def test_a_long_pays_positive_funding_a_short_negative_and_income_is_not_counted(
    funding: float, side: Side, cost: float
) -> None:
    listed = a_snapshot(tops={PERP.key: a_top(PERP, 24.9, 25.0, funding_hourly=funding)})
    asked = a_snapshot(tops={PERP.key: a_top(PERP, 24.9, 25.0)}, funding={PERP.key: funding})
    for snapshot in (listed, asked):
        assert carry(snapshot, PERP, side, 8.0) == pytest.approx(cost)


def test_only_a_perpetual_whose_funding_is_known_is_charged() -> None:
    spot = replace(PERP, kind=MarketKind.SPOT)
    told = a_snapshot(tops={PERP.key: a_top(PERP, 1.0, 2.0, funding_hourly=0.01)})
    assert (funding_hourly(told, PERP), funding_hourly(told, spot)) == (0.01, None)
    assert carry(told, spot, Side.BUY, 1.0) == 0.0
    for silent in (a_snapshot(tops={PERP.key: a_top(PERP, 1.0, 2.0)}), a_snapshot()):
        assert funding_hourly(silent, PERP) is None
        assert carry(silent, PERP, Side.BUY, 1.0) == 0.0


def test_the_rate_that_was_asked_for_counts_before_the_listed_one_and_zero_is_a_rate() -> None:
    tops = {PERP.key: a_top(PERP, 1.0, 2.0, funding_hourly=0.01)}
    assert funding_hourly(a_snapshot(tops=tops, funding={PERP.key: 0.0}), PERP) == 0.0
    assert uncounted(a_snapshot(funding={PERP.key: 0.0}), (PERP,), Limits(gas_inj=0.0))[:-1] == ()


def test_gas_is_priced_in_the_market_s_quote() -> None:
    limits = Limits(gas_inj=0.001)
    snapshot = a_snapshot(
        quotes=(a_quote("BTC", 1e5), a_quote("INJ", 25.0)), rates=(a_rate("USDT", "USD", 0.5, 0.5),)
    )
    assert gas_cost(snapshot, "INJ", limits) == 0.001
    assert gas_cost(snapshot, "USD", limits) == pytest.approx(0.025)
    assert gas_cost(snapshot, "USDT", limits) == pytest.approx(0.05)
    assert gas_cost(snapshot, "ATOM", limits) is None
    assert gas_cost(a_snapshot(), "USDT", limits) is None


def test_gas_is_priced_by_the_newest_price_of_inj_that_leads_to_the_quote() -> None:
    old, new = (a_quote("INJ", price, NOON - timedelta(hours=age)) for price, age in ((9.0, 30), (25.0, 1)))
    elsewhere = a_quote("INJ", 7.0, NOON, quote="KRW")
    for quotes in ((old, new, elsewhere), (elsewhere, new, old)):
        assert gas_cost(a_snapshot(quotes=quotes), "USD", Limits(gas_inj=0.001)) == pytest.approx(0.025)


@pytest.mark.parametrize("price", [0.0, -25.0, float("nan"), float("inf")])
def test_a_price_of_inj_that_is_none_prices_no_gas(price: float) -> None:
    assert gas_cost(a_snapshot(quotes=(a_quote(price=price),)), "USD", Limits()) is None


def test_what_nothing_tells_is_said_to_be_left_out_of_the_costs() -> None:
    home, other = PERP, replace(PERP, venue="binance")
    silent = a_snapshot()
    assert uncounted(silent, (home, other), Limits()) == (
        "funding on injective is not counted: unknown",
        "funding on binance is not counted: unknown",
        "gas is not counted: nothing prices INJ",
    )
    told = a_snapshot(
        tops={
            home.key: a_top(home, 24.9, 25.0, funding_hourly=0.0),
            other.key: a_top(other, 24.9, 25.0),
        },
        quotes=(a_quote(quote="USDT"),),
    )
    assert uncounted(told, (home, other), Limits()) == ("funding on binance is not counted: unknown",)
    assert uncounted(told, (a_market(),), Limits()) == ()


def test_the_smaller_of_the_general_and_the_market_s_notional_bounds_the_quantity() -> None:
    limits = Limits(
        min_edge=0.01,
        min_profit=3.0,
        max_notional=500.0,
        bounds={PERP.key: MarketBounds(max_notional=100.0, max_slippage=0.02)},
    )
    terms = with_bounds(Terms(), PERP, 25.0, limits)
    assert (terms.max_quantity, terms.max_slippage, terms.min_edge, terms.min_profit) == (
        4.0,
        0.02,
        0.01,
        3.0,
    )
    elsewhere = with_bounds(Terms(), a_market(base="ATOM"), 25.0, limits)
    assert (elsewhere.max_quantity, elsewhere.max_slippage) == (20.0, float("inf"))


ASKS, BIDS = levels((25.0, 4), (25.1, 4), (25.2, 4)), levels((25.5, 6), (25.4, 6))
TERMS = Terms(
    buy_fee=0.001, sell_fee=0.002, sell_rate=0.999, sell_mid_rate=1.0, carry=0.0001, fixed=0.01, step=0.5
)


def _by_hand(quantity: float) -> float:
    """The profit of `quantity` base, one half unit at a time."""
    halves = round(quantity / 0.5)
    asks = [p for p, held in zip(*ASKS, strict=True) for _ in range(int(held / 0.5))][:halves]
    bids = [p for p, held in zip(*BIDS, strict=True) for _ in range(int(held / 0.5))][:halves]
    return 0.5 * sum(bids) * 0.999 * 0.998 - 0.5 * sum(asks) * 1.001 - 0.0001 * 25.0 * 0.5 * halves - 0.01


def _shown(limits: Limits, asks: Levels = ASKS):
    trade = priced(asks, BIDS, TERMS)
    return trade, pricing(trade, (asks, BIDS), TERMS, Decimal("0.5"), a_market(), limits)


def test_the_quantity_is_exact_on_the_grid() -> None:
    trade, shown = _shown(Limits())
    assert shown.quantity == Decimal("0.5") * trade.lots
    assert shown.profit == pytest.approx(_by_hand(float(shown.quantity)))
    assert shown.gross - shown.costs.total == pytest.approx(shown.profit, rel=1e-12)


def test_without_a_grid_the_quantity_is_the_float_itself() -> None:
    terms = TERMS._replace(step=0.0)
    trade = priced(levels((25.0, 0.1)), BIDS, terms)
    shown = pricing(trade, (levels((25.0, 0.1)), BIDS), terms, Decimal(0), a_market(), Limits())
    assert shown.quantity == Decimal("0.1")


def test_without_sizes_asked_for_the_curve_shows_a_quarter_a_half_and_all_of_the_best() -> None:
    trade, shown = _shown(Limits())
    assert [p.quantity for p in shown.curve] == [trade.quantity / 4, trade.quantity / 2, trade.quantity]
    assert shown.curve[-1].profit == shown.profit


def test_every_point_of_the_curve_is_what_that_size_would_bring() -> None:
    sizes = (25.0, 62.5, 250.0, 10_000.0)
    _, shown = _shown(Limits(sizes=sizes))
    assert [p.quantity for p in shown.curve] == [1.0, 2.5, 10.0, 12.0]
    for point in shown.curve:
        assert point.profit == pytest.approx(_by_hand(point.quantity), rel=1e-9)
        assert point.notional == pytest.approx(25.0 * point.quantity)
        assert point.net == pytest.approx(point.profit / point.notional)


def test_a_size_below_one_step_has_no_point() -> None:
    _, shown = _shown(Limits(sizes=(10.0, 25.0)))
    assert [p.quantity for p in shown.curve] == [1.0]


@pytest.mark.parametrize(
    ("truncated", "quantity", "ended"),
    [(True, 3.0, True), (True, 2.6, True), (True, 2.4, False), (False, 3.0, False)],
)
def test_a_book_cut_short_is_exhausted_when_less_than_a_step_is_left(
    truncated: bool, quantity: float, ended: bool
) -> None:
    market = a_market()
    book = replace(a_book(market, [], [(25.0, 1), (25.1, 2)]), truncated=truncated)
    assert exhausted(book, book.asks, quantity, 0.5) is ended


def test_a_book_without_a_grid_is_exhausted_although_its_sum_rounds() -> None:
    market = a_market()
    book = replace(a_book(market, [], [(25.0, 0.1), (25.1, 0.2), (25.2, 0.3)]), truncated=True)
    trade = priced(book.asks, levels((30.0, 10)), Terms())
    assert exhausted(book, book.asks, trade.quantity, 0.0)


def test_a_trade_that_may_stand_has_no_rejection_and_any_other_its_unit() -> None:
    trade = priced(ASKS, BIDS, TERMS)
    assert rejection(trade) is None
    units = {
        reason: (
            rejection(trade._replace(reason=reason, limit=2.0, value=1.0)) or Rejection(Reason.NONE)
        ).unit
        for reason in (
            Reason.BELOW_MIN_QUANTITY,
            Reason.BELOW_MIN_NOTIONAL,
            Reason.BELOW_MIN_PROFIT,
            Reason.BELOW_MIN_EDGE,
            Reason.ABOVE_MAX_SLIPPAGE,
            Reason.NOT_CROSSED,
        )
    }
    assert list(units.values()) == ["base", "quote", "quote", "fraction", "fraction", "fraction"]


def test_an_input_knows_its_age() -> None:
    then = NOON - timedelta(seconds=7)
    assert seen("okx book", then, NOON).age_s == 7.0
    assert [i.name for i in seen_rates([a_rate()], NOON)] == ["USDC/USDT binance"]


@pytest.mark.parametrize(
    ("age_s", "usable"), [(0, True), (10, True), (10.001, False), (-5, True), (-5.001, False)]
)
def test_an_input_too_old_or_from_the_future_is_named_with_its_age(age_s: float, usable: bool) -> None:
    inputs = [seen("a", NOON, NOON), seen("b", NOON - timedelta(seconds=age_s), NOON)]
    found = too_old(inputs, 10.0, Reason.STALE_BOOK)
    assert found == (None if usable else Rejection(Reason.STALE_BOOK, 10.0, pytest.approx(age_s), "s", "b"))
    assert MAX_AHEAD_S == 5.0


def test_whether_gas_is_counted_is_asked_of_the_market_at_home() -> None:
    home, other = a_market(), a_market(venue="binance", quote="EUR")
    priced_in_dollars = a_snapshot(quotes=(a_quote(),), rates=(a_rate("USDT", "USD"),))
    assert uncounted(priced_in_dollars, (home, other), Limits()) == ()
    assert uncounted(priced_in_dollars, (other, home), Limits()) == (
        "gas is not counted: nothing prices INJ",
    )
