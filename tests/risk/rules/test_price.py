import math

import pytest

from defi_analytics.domain.decision import BUY, SELL, OrderKind
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.rules.price import MOST_UNITS, RECENT_S, grid
from defi_analytics.risk.views import NEVER_S
from tests.risk.facts import ACCOUNT, LIMITS, MARKET, ORDER, REDUCING, code, verdict

STOP = {**REDUCING, "kind": OrderKind.STOP, "trigger": 24_000, "ticks": 23_800}


def on_the_grid(**changes):
    order = ORDER._replace(**{k: v for k, v in changes.items() if k in ORDER._fields})
    own = {k: v for k, v in changes.items() if k in MARKET.grid._fields}
    return grid(order, MARKET._replace(grid=MARKET.grid._replace(**own)), ACCOUNT, LIMITS)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"ticks": 1, "lots": 1_000_000}, {"ticks": 0, "lots": 1_000_000}),
        ({"side": BUY}, {"side": 0}),
        ({"side": SELL}, {"side": 2}),
        ({"kind": OrderKind.MARKET}, {"kind": 0}),
        ({"kind": OrderKind.POST_ONLY}, {"kind": 5}),
        ({"kind": OrderKind.STOP, "trigger": 1}, {"kind": OrderKind.STOP, "trigger": 0}),
        ({"trigger": 0}, {"trigger": 1}),
        ({"trigger": 0}, {"trigger": -1}),
        ({"kind": OrderKind.STOP, "trigger": 1}, {"kind": OrderKind.STOP, "trigger": 1, "perpetual": False}),
        ({"lots": 40}, {"lots": 39}),
        ({"lots": 50, "min_lots": 50}, {"lots": 50, "min_lots": 51}),
        ({"lots": 1, "min_lots": 0, "min_notional": 0}, {"lots": 0, "min_lots": 0, "min_notional": 0}),
        ({"ticks": 2**26, "lots": 2**27}, {"ticks": 2**26 + 1, "lots": 2**27}),
        ({"ticks": 2**26, "lots": 2**27}, {"ticks": 2**33, "lots": 2**33}),
    ],
)
def test_what_a_market_can_express(good, bad):
    assert on_the_grid(**good).code is Denial.NONE
    assert on_the_grid(**bad).code is Denial.GRID


def test_the_numbers_that_broke_the_grid_are_told():
    assert on_the_grid(lots=50, min_lots=51) == (Denial.GRID, 51.0, 50.0)
    assert on_the_grid(lots=39) == (Denial.GRID, 1e6, 975_000.0)
    assert on_the_grid(ticks=2**26 + 1, lots=2**27) == (Denial.GRID, MOST_UNITS, 2.0**53 + 2**27)
    assert on_the_grid(ticks=0).value == 1.0


@pytest.mark.parametrize("reducing", [False, True])
@pytest.mark.parametrize("reference", ["mid", "oracle"])
@pytest.mark.parametrize("way", [1, -1])
def test_a_price_may_lie_as_far_off_as_its_band(reducing, reference, way):
    """Sixteenths, which floats hold exactly."""
    limits = LIMITS._replace(oracle_band=1.0, mid_band=1.0, fill_band=1.0, exit_width=3.0)
    limits = limits._replace(**{f"{reference}_band": 1 / 16})
    width = 3 if reducing else 1
    changes = {**(REDUCING if reducing else {}), "oracle": 16_000.0}
    changes |= {"bid": 15_999.0, "ask": 16_001.0, "mid": 16_000.0}
    edge = 16_000 + way * width * 1_000
    code_of = {"mid": Denial.PRICE_BAND_MID, "oracle": Denial.PRICE_BAND_ORACLE}[reference]
    assert code(limits, **changes | {"ticks": edge}) is Denial.NONE
    told = verdict(limits, **changes | {"ticks": edge + way})
    assert told == (code_of, width / 16, pytest.approx(width / 16 + 1 / 16_000))


def test_a_market_without_any_oracle_is_judged_by_its_book():
    assert code(has_oracle=False, oracle=math.nan, oracle_age_s=math.nan, perpetual=False) is Denial.NONE
    assert code(has_oracle=False) is Denial.RISK_STATE_UNKNOWN, "a perpetual settles on one"


@pytest.mark.parametrize(
    "book",
    [
        {"bid": 25_010.0, "ask": 24_990.0},
        {"bid": 25_000.0, "ask": 25_000.0},
        {"bid": 0.0},
        {"bid": -1.0},
        {"bid": math.nan},
        {"ask": math.nan},
        {"ask": math.inf},
        {"mid": 25_010.5},
        {"mid": 24_989.5},
    ],
)
def test_a_book_that_cannot_be_makes_no_order(book):
    assert code(**book) is Denial.RISK_STATE_UNKNOWN
    assert code(**REDUCING | book) is Denial.RISK_STATE_UNKNOWN


@pytest.mark.parametrize("mid", [24_990.0, 25_010.0])
def test_a_mid_on_the_edge_of_its_book_can_be(mid):
    assert code(mid=mid) is Denial.NONE


def test_out_of_a_one_sided_book_there_is_a_way_by_the_oracle():
    gone = {"mid": math.nan, "ask": math.nan}
    assert code(**gone) is Denial.RISK_STATE_UNKNOWN
    assert code(**REDUCING | gone) is Denial.NONE
    assert code(**REDUCING | gone | {"oracle": 20_000.0}) is Denial.PRICE_BAND_ORACLE
    assert code(**REDUCING | gone | {"has_oracle": False, "perpetual": False}) is Denial.RISK_STATE_UNKNOWN


def test_an_oracle_that_is_silent_lets_nobody_in_and_everybody_out_by_the_book():
    silent = {"oracle": math.nan, "oracle_age_s": math.nan}
    for perpetual in (True, False):
        assert code(**silent, perpetual=perpetual) is Denial.STALE_ORACLE
        assert code(oracle=math.nan, perpetual=perpetual) is Denial.RISK_STATE_UNKNOWN
        assert code(**REDUCING | silent, perpetual=perpetual) is Denial.NONE
    assert code(**REDUCING | silent | {"ticks": 20_000}) is Denial.PRICE_BAND_MID
    assert code(**REDUCING | silent | {"mid": math.nan, "ask": math.nan}) is Denial.STALE_ORACLE
    assert code(**REDUCING | {"oracle": math.nan, "mid": 25_010.5}) is Denial.RISK_STATE_UNKNOWN
    assert code(**STOP | silent) is Denial.STALE_ORACLE


@pytest.mark.parametrize(
    "gone",
    [
        {"has_oracle": False},
        {"has_oracle": False, "oracle": math.nan, "oracle_age_s": math.nan},
        {"oracle_age_s": 361.0, "oracle": 1.0},
        {"oracle_age_s": math.nan},
    ],
)
def test_no_perpetual_keeps_anybody_for_want_of_an_oracle_of_now(gone):
    """What bounds the price then is the mid, and slippage."""
    assert code(**gone) is not Denial.NONE
    assert code(**REDUCING | gone) is Denial.NONE
    assert code(**REDUCING | gone | {"ticks": 23_499}) is Denial.PRICE_BAND_MID
    assert code(**REDUCING | gone | {"slippage": 0.031}) is Denial.SLIPPAGE
    assert code(**REDUCING | gone | {"mid": math.nan, "ask": math.nan}) is not Denial.NONE
    assert code(**STOP | gone) is not Denial.NONE


def test_an_oracle_that_still_tells_a_price_of_now_is_heard():
    assert code(**REDUCING | {"oracle_age_s": 360.0, "oracle": 1.0}) is Denial.PRICE_BAND_ORACLE
    assert code(**REDUCING | {"oracle_age_s": -11.0}) is Denial.CLOCK_SKEW
    assert code(LIMITS._replace(max_oracle_age_s=math.nan), **REDUCING) is not Denial.NONE


@pytest.mark.parametrize("oracle", [0.0, -25_000.0])
def test_an_oracle_that_says_nothing_sensible_refuses(oracle):
    assert code(**REDUCING | {"oracle": oracle}) is Denial.RISK_STATE_UNKNOWN


def test_a_stop_is_measured_from_its_trigger():
    wide = LIMITS._replace(oracle_band=0.01, mid_band=0.01, exit_width=1.0)
    assert code(wide, **STOP) is Denial.NONE
    assert code(wide, **STOP | {"ticks": 23_700}) is Denial.PRICE_BAND_ORACLE
    assert code(**STOP | {"oracle": math.nan}) is Denial.RISK_STATE_UNKNOWN
    assert code(**STOP | {"trigger": 0}) is Denial.GRID
    assert code(**STOP | {"trigger": 1}) is Denial.PRICE_BAND_ORACLE


@pytest.mark.parametrize("way", [1, -1])
def test_a_price_may_lie_so_far_from_the_last_own_fill_while_that_is_recent(way):
    limits = LIMITS._replace(fill_band=1 / 16)
    fill = {"last_fill": 16_000.0, "ticks": 16_000 + way * 1_001, "since_fill_s": RECENT_S}
    near = {"bid": 15_990.0, "ask": 16_010.0, "mid": 16_000.0, "oracle": 16_000.0}
    wide = limits._replace(oracle_band=1.0, mid_band=1.0)
    told = verdict(wide, **near | fill)
    assert told == (Denial.PRICE_BAND_FILL, 1 / 16, pytest.approx(1_001 / 16_000))
    assert code(wide, **near | fill | {"ticks": 16_000 + way * 1_000}) is Denial.NONE
    assert code(wide, **near | fill | {"since_fill_s": RECENT_S + 0.5}) is Denial.NONE
    assert code(wide, **near | fill | {"since_fill_s": -1.0}) is Denial.PRICE_BAND_FILL
    assert code(wide, **REDUCING | near | fill) is Denial.NONE, "what reduces may follow the market"


def test_an_account_that_never_filled_has_no_fill_to_be_measured_from():
    assert code(last_fill=math.nan, since_fill_s=NEVER_S) is Denial.NONE
    assert code(last_fill=math.nan) is Denial.RISK_STATE_UNKNOWN
    assert code(LIMITS._replace(fill_band=math.nan), since_fill_s=NEVER_S) is Denial.RISK_STATE_UNKNOWN
    told = verdict(LIMITS._replace(fill_band=-1.0), since_fill_s=NEVER_S)
    assert told == (Denial.PRICE_BAND_FILL, -1.0, 0.0)


def test_a_fill_is_recent_for_a_minute():
    far = {"last_fill": 20_000.0}
    assert code(**far, since_fill_s=60.0) is Denial.PRICE_BAND_FILL
    assert code(**far, since_fill_s=60.5) is Denial.NONE


def test_slippage_may_reach_its_limit_and_that_of_an_exit_three_times_as_much():
    assert code(slippage=0.01) is Denial.NONE
    assert verdict(slippage=0.011) == (Denial.SLIPPAGE, 0.01, 0.011)
    assert code(**REDUCING | {"slippage": 0.03}) is Denial.NONE
    assert code(**REDUCING | {"slippage": 0.031}) is Denial.SLIPPAGE
    assert code(slippage=-0.5) is Denial.NONE


def test_the_smallest_profit_is_enough():
    assert code(net_edge=0.0005) is Denial.NONE
    assert verdict(net_edge=0.0004) == (Denial.MIN_PROFIT, 0.0005, 0.0004)
