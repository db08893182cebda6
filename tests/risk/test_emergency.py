import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.decision import BUY, IDLE, SELL, Intent, OrderKind, Why
from defi_analytics.risk.emergency import came_off, passable
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.rules.price import mid_band, oracle_band, slippage
from tests.risk.facts import ACCOUNT, MARKET, ORDER

LIMITS = RiskLimits()
EXIT = Intent(SELL, OrderKind.LIMIT.value, 25_000, 40, 0, True, Why.EXIT_CONVERGED.value)
BOOK = MARKET._replace(bid=25_000.0, ask=25_010.0, mid=25_005.0, oracle=25_005.0)


def held(side):
    return ACCOUNT._replace(position_lots=-side * 40)


def codes_of(done, seen, limits):
    best = seen.ask if done.side == BUY else seen.bid
    asked = ORDER._replace(
        side=done.side, kind=done.kind, ticks=done.ticks, lots=40, reduce_only=True,
        slippage=done.side * (done.ticks - best) / best,
    )  # fmt: skip
    return {rule(asked, seen, held(done.side), limits).code for rule in (slippage, mid_band, oracle_band)}


def test_half_of_an_exit_is_enough_to_go_on_as_before():
    assert came_off(4, 2)
    assert not came_off(4, 1)
    assert not came_off(5, 2)


def test_an_exit_goes_to_the_worst_price_only_once_it_failed_often_enough():
    assert passable(EXIT, LIMITS.max_failed_exits - 1, BOOK, LIMITS) == EXIT
    done = passable(EXIT, LIMITS.max_failed_exits, BOOK, LIMITS)
    # 3 % below the best bid, which is three times what an entry may slip.
    assert done == EXIT._replace(kind=OrderKind.MARKET.value, ticks=24_251)
    buys = passable(EXIT._replace(side=BUY), 9, BOOK, LIMITS)
    assert (buys.ticks, buys.reduce_only) == (25_760, True)


def test_a_band_that_is_nearer_keeps_it_from_a_price_that_the_gate_would_refuse():
    wide = BOOK._replace(bid=24_000.0, ask=26_010.0)
    assert passable(EXIT, 3, wide, LIMITS).ticks == 23_505  # 6 % below the middle
    near = wide._replace(oracle=27_500.0)
    assert passable(EXIT, 3, near, LIMITS).ticks == 23_505
    assert passable(EXIT, 3, near._replace(oracle=28_000.0), LIMITS).ticks == 23_801  # 15 % below the oracle


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize(
    "limits",
    [
        RiskLimits(mid_band=0.01),
        RiskLimits(max_slippage=0.02),
        RiskLimits(oracle_band=0.005),
        RiskLimits(mid_band=0.02, max_slippage=0.5),
    ],
)
def test_a_first_exit_is_not_dearer_than_the_gate_allows_either(side, limits):
    best = BOOK.ask if side == BUY else BOOK.bid
    far = int(best * (1 + side * limits.max_slippage * limits.exit_width * 0.999))
    wanted = EXIT._replace(side=side, ticks=far, kind=OrderKind.MARKET.value)
    done = passable(wanted, 0, BOOK, limits)
    assert (done.ticks - best) * side >= 0
    assert codes_of(done, BOOK, limits) == {0}


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("slip", [0.0017, 0.0045, 0.009, 0.018])
def test_no_bit_of_a_float_makes_an_exit_slip_too_far(side, slip):
    limits = RiskLimits(max_slippage=slip, mid_band=0.5, oracle_band=0.5)
    for best in range(9_990, 10_400, 10):
        seen = MARKET._replace(bid=float(best), ask=float(best), mid=float(best), oracle=float(best))
        most = best * slip * limits.exit_width
        far = math.floor(best + most) if side == BUY else math.ceil(best - most)
        done = passable(EXIT._replace(side=side, ticks=far), 0, seen, limits)
        asked = ORDER._replace(side=side, ticks=done.ticks, slippage=side * (done.ticks - best) / best)
        assert slippage(asked._replace(reduce_only=True, lots=40), seen, held(side), limits).code == 0


def test_a_first_exit_that_passes_is_left_as_it_is():
    wanted = EXIT._replace(ticks=24_600)
    assert passable(wanted, 0, BOOK, LIMITS) == wanted


def test_where_even_the_best_price_is_beyond_a_band_the_gate_says_so():
    wide = BOOK._replace(bid=20_000.0, ask=30_010.0)
    wanted = EXIT._replace(ticks=19_500)
    assert passable(wanted, 0, wide, LIMITS) == wanted
    assert passable(wanted, 9, wide, LIMITS) == wanted


def test_an_oracle_that_is_too_old_to_be_asked_bounds_nothing():
    old = BOOK._replace(oracle=30_000.0, oracle_age_s=1_000.0)
    wanted = EXIT._replace(ticks=24_600)
    assert passable(wanted, 0, old, LIMITS) == wanted
    assert passable(wanted, 0, BOOK._replace(oracle=29_100.0), LIMITS).ticks == 24_736  # 15 % below it


def test_an_oracle_counts_for_three_times_as_long_as_for_an_entry():
    wanted, seen = EXIT._replace(ticks=24_600), BOOK._replace(oracle=29_100.0)
    most_s = LIMITS.max_oracle_age_s * LIMITS.exit_width
    aged = [(0.0, 24_736), (most_s / 2, 24_736), (most_s, 24_736), (most_s + 0.1, 24_600)]
    for age_s, ticks in aged:
        assert passable(wanted, 0, seen._replace(oracle_age_s=age_s), LIMITS).ticks == ticks
    assert passable(wanted, 0, seen._replace(has_oracle=False, oracle_age_s=0.0), LIMITS) == wanted


@pytest.mark.parametrize("none", [0.0, math.inf, math.nan])
@pytest.mark.parametrize(("side", "ticks"), [(SELL, 24_251), (BUY, 25_760)])
def test_a_middle_that_is_none_bounds_nothing(side, ticks, none):
    lone = BOOK._replace(mid=none, has_oracle=False)
    assert passable(EXIT._replace(side=side), 9, lone, LIMITS).ticks == ticks


def test_the_best_price_itself_may_be_taken_and_half_a_tick_off_it_not():
    still = LIMITS._replace(max_slippage=0.0)
    taken = EXIT._replace(kind=OrderKind.MARKET.value)
    assert passable(EXIT, 9, BOOK, still) == taken
    assert passable(EXIT._replace(side=BUY), 9, BOOK, still) == taken._replace(side=BUY, ticks=25_010)
    short = LIMITS._replace(mid_band=4.5 / 25_005 / LIMITS.exit_width)
    assert passable(EXIT, 9, BOOK, short) == EXIT


def test_a_stop_keeps_the_price_that_guards():
    stop = EXIT._replace(kind=OrderKind.STOP.value, ticks=20_000)
    assert passable(stop, 9, BOOK, LIMITS) == stop


def test_where_nothing_bounds_it_a_sale_takes_any_price():
    loose = LIMITS._replace(max_slippage=0.5, mid_band=1.0, oracle_band=1.0)
    assert passable(EXIT, 3, BOOK, loose).ticks == 1


def test_what_opens_and_what_nobody_bids_for_stays_as_it_is():
    entry = EXIT._replace(reduce_only=False)
    assert passable(entry, 9, BOOK, LIMITS) == entry
    assert passable(IDLE, 9, BOOK, LIMITS) == IDLE
    nobody = MARKET._replace(bid=float("nan"), ask=25_010.0, mid=float("nan"), oracle=float("nan"))
    assert passable(EXIT, 9, nobody, LIMITS) == EXIT


@given(
    side=st.sampled_from([BUY, SELL]),
    bid=st.integers(1_000, 10**6),
    spread=st.floats(0.0001, 0.08),
    off=st.floats(-0.08, 0.08),
)
def test_the_gate_lets_through_what_it_comes_to(side, bid, spread, off):
    ask = bid * (1 + spread)
    mid = (bid + ask) / 2
    seen = MARKET._replace(bid=float(bid), ask=ask, mid=mid, oracle=mid * (1 + off))
    assert codes_of(passable(EXIT._replace(side=side), 3, seen, LIMITS), seen, LIMITS) == {0}
