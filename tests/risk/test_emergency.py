from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.decision import BUY, IDLE, SELL, Intent, OrderKind, Why
from defi_analytics.risk.emergency import came_off, escalated
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.rules.price import mid_band, oracle_band, slippage
from tests.risk.facts import ACCOUNT, MARKET, ORDER

LIMITS = RiskLimits()
EXIT = Intent(SELL, OrderKind.LIMIT.value, 25_000, 40, 0, True, Why.EXIT_CONVERGED.value)
BOOK = MARKET._replace(bid=25_000.0, ask=25_010.0, mid=25_005.0, oracle=25_005.0)


def test_half_of_an_exit_is_enough_to_go_on_as_before():
    assert came_off(4, 2)
    assert not came_off(4, 1)
    assert not came_off(5, 2)


def test_an_exit_goes_to_the_worst_price_only_once_it_failed_often_enough():
    assert escalated(EXIT, LIMITS.max_failed_exits - 1, BOOK, LIMITS) == EXIT
    done = escalated(EXIT, LIMITS.max_failed_exits, BOOK, LIMITS)
    # 3 % below the best bid, which is three times what an entry may slip.
    assert done == EXIT._replace(kind=OrderKind.MARKET.value, ticks=24_251)
    buys = escalated(EXIT._replace(side=BUY), 9, BOOK, LIMITS)
    assert (buys.ticks, buys.reduce_only) == (25_760, True)


def test_a_band_that_is_nearer_keeps_it_from_a_price_that_the_gate_would_refuse():
    wide = BOOK._replace(bid=24_000.0, ask=26_010.0)
    assert escalated(EXIT, 3, wide, LIMITS).ticks == 23_505  # 6 % below the middle
    near = wide._replace(oracle=27_500.0)
    assert escalated(EXIT, 3, near, LIMITS).ticks == 23_505
    assert escalated(EXIT, 3, near._replace(oracle=28_000.0), LIMITS).ticks == 23_801  # 15 % below the oracle


def test_where_nothing_bounds_it_a_sale_takes_any_price():
    loose = LIMITS._replace(max_slippage=0.5, mid_band=1.0, oracle_band=1.0)
    assert escalated(EXIT, 3, BOOK, loose).ticks == 1


def test_what_opens_and_what_nobody_bids_for_stays_as_it_is():
    entry = EXIT._replace(reduce_only=False)
    assert escalated(entry, 9, BOOK, LIMITS) == entry
    assert escalated(IDLE, 9, BOOK, LIMITS) == IDLE
    nobody = MARKET._replace(bid=float("nan"), ask=25_010.0, mid=float("nan"), oracle=float("nan"))
    assert escalated(EXIT, 9, nobody, LIMITS) == EXIT


@given(
    side=st.sampled_from([BUY, SELL]),
    bid=st.integers(1_000, 10**6),
    spread=st.floats(0.0001, 0.08),
    off=st.floats(-0.1, 0.1),
)
def test_the_gate_lets_through_what_it_comes_to(side, bid, spread, off):
    ask = bid * (1 + spread)
    mid = (bid + ask) / 2
    seen = MARKET._replace(bid=float(bid), ask=ask, mid=mid, oracle=mid * (1 + off))
    done = escalated(EXIT._replace(side=side), 3, seen, LIMITS)
    best = ask if side == BUY else bid
    asked = ORDER._replace(
        side=side, kind=done.kind, ticks=done.ticks, lots=40, reduce_only=True,
        slippage=side * (done.ticks - best) / best,
    )  # fmt: skip
    held = ACCOUNT._replace(position_lots=-side * 40)
    for rule in (slippage, mid_band, oracle_band):
        assert rule(asked, seen, held, LIMITS).code == 0
