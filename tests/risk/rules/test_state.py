"""Who may trade at all. A loss that reaches its limit is refused; what reduces gets out."""

import math

import pytest

from defi_analytics.domain.decision import BUY, SELL, OrderKind
from defi_analytics.risk.codes import Denial, MarketState, TradingState
from defi_analytics.risk.rules.state import lots_after, reduces
from tests.risk.facts import ACCOUNT, LIMITS, ORDER, REDUCING, code, verdict

PERSON = {**REDUCING, "by_person": True}
LOST_DAY = {"day_low_equity": 9_700.0}
LOST_WEEK = {"week_low_equity": 9_500.0}
SOFT = {"equity": 9_700.0, "day_low_equity": 9_700.0, "day_start_equity": 9_700.0}
HARD = {"equity": 9_500.0, "day_low_equity": 9_500.0, "day_start_equity": 9_500.0}


@pytest.mark.parametrize(
    ("circumstances", "new", "reducing", "by_a_person"),
    [
        ({"state": TradingState.HALTED}, Denial.HALTED, Denial.HALTED, Denial.NONE),
        ({"state": TradingState.REDUCING}, Denial.REDUCE_ONLY, Denial.NONE, Denial.NONE),
        (LOST_DAY, Denial.DAILY_LOSS, Denial.NONE, Denial.NONE),
        (LOST_WEEK, Denial.WEEKLY_LOSS, Denial.NONE, Denial.NONE),
        (SOFT, Denial.DRAWDOWN_SOFT, Denial.NONE, Denial.NONE),
        (HARD, Denial.DRAWDOWN_HARD, Denial.NONE, Denial.NONE),
        ({"day_lost": 1_000.0}, Denial.MAX_LOSS, Denial.NONE, Denial.NONE),
        ({"max_trades": 0, "trades_today": 50}, Denial.DAILY_TRADES, Denial.NONE, Denial.NONE),
        ({"since_exit_s": 1.0}, Denial.COOLDOWN, Denial.NONE, Denial.NONE),
        ({"net_edge": 0.0}, Denial.MIN_PROFIT, Denial.NONE, Denial.NONE),
        ({"notional": 501.0}, Denial.ORDER_NOTIONAL, Denial.NONE, Denial.NONE),
        ({"notional": 0.5}, Denial.TRADE_SIZE_MIN, Denial.NONE, Denial.NONE),
        ({"leverage": 4.0}, Denial.LEVERAGE, Denial.NONE, Denial.NONE),
        ({"gas_today": 0.1}, Denial.GAS_BUDGET, Denial.NONE, Denial.NONE),
        ({"liquidation_distance": 0.01}, Denial.LIQUIDATION_DISTANCE, Denial.NONE, Denial.NONE),
        ({"exposure_total": 1e6}, Denial.EXPOSURE_TOTAL, Denial.NONE, Denial.NONE),
        ({"exposure_market": 1e6}, Denial.EXPOSURE_MARKET, Denial.NONE, Denial.NONE),
        ({"asset_long": 1e6, "asset_short": -1e6}, Denial.EXPOSURE_ASSET, Denial.NONE, Denial.NONE),
        ({"prediction_age_s": 1e6}, Denial.STALE_PREDICTION, Denial.NONE, Denial.NONE),
        ({"unresolved": True}, Denial.UNRESOLVED_ORDER, Denial.NONE, Denial.NONE),
        ({"duplicate": True}, *[Denial.DUPLICATE_ID] * 3),
        ({"status": MarketState.PAUSED}, *[Denial.MARKET_STATE] * 3),
        ({"orders_last_minute": 20}, *[Denial.RATE_LIMIT] * 3),
        ({"orders_this_block": 4}, *[Denial.RATE_LIMIT] * 3),
        ({"ticks": 0}, *[Denial.GRID] * 3),
        ({"free": 49.0}, *[Denial.INSUFFICIENT_BALANCE] * 3),
        ({"balance_age_s": 91.0}, *[Denial.STALE_BALANCE] * 3),
        ({"book_age_s": 31.0}, *[Denial.STALE_BOOK] * 3),
        ({"oracle_age_s": 361.0}, Denial.STALE_ORACLE, Denial.NONE, Denial.NONE),
        ({"clock_skew_s": 31.0}, *[Denial.CLOCK_SKEW] * 3),
    ],
)
def test_who_passes_under_which_circumstances(circumstances, new, reducing, by_a_person):
    circumstances = {k: v for k, v in circumstances.items() if k != "max_trades"}
    assert code(**circumstances) is new
    assert code(**REDUCING | circumstances) is reducing
    assert code(**PERSON | circumstances) is by_a_person


def test_a_good_order_passes():
    assert code() is Denial.NONE


@pytest.mark.parametrize("state", [0, 4, -1, 99])
def test_a_state_of_another_number_is_unknown(state):
    assert code(**PERSON | {"state": state}) is Denial.RISK_STATE_UNKNOWN


def test_what_ends_a_loss_gets_out_of_a_halt_and_nothing_else_does():
    halted = {"state": TradingState.HALTED, "protects": True}
    assert code(**REDUCING | halted) is Denial.NONE
    assert code(**REDUCING | halted | {"kind": OrderKind.STOP, "trigger": 25_000}) is Denial.NONE
    assert code(**REDUCING | halted | {"lots": 4_001}) is Denial.HALTED
    assert code(**halted) is Denial.HALTED
    assert code(**REDUCING | {"state": 99, "protects": True}) is Denial.RISK_STATE_UNKNOWN


def test_a_person_cannot_open_anything_while_halted():
    assert code(state=TradingState.HALTED, by_person=True) is Denial.HALTED


@pytest.mark.parametrize(
    ("side", "position", "buys", "sells", "after"),
    [
        (BUY, 0, 0, 0, 4_000),
        (BUY, 100, 10, 77, 4_110),
        (SELL, 100, 77, 10, 3_910),
        (SELL, 4_000, 0, 0, 0),
        (BUY, -5_000, 0, 9, -1_000),
    ],
)
def test_pending_orders_of_its_side_count_as_filled(side, position, buys, sells, after):
    account = ACCOUNT._replace(position_lots=position, pending_buys=buys, pending_sells=sells)
    assert lots_after(ORDER._replace(side=side), account) == after


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"lots": 4_001}, False),
        ({"lots": 1}, True),
        ({"lots": 0}, False),
        ({"lots": -1}, False),
        ({"side": BUY}, False),
        ({"reduce_only": False}, False),
    ],
)
def test_what_reduces_is_marked_so_and_cannot_turn_the_position_over(changes, expected):
    order = ORDER._replace(**{"side": SELL, "reduce_only": True, **changes})
    assert reduces(order, ACCOUNT._replace(position_lots=4_000)) is expected


def test_two_orders_cannot_both_close_the_same_lots():
    assert code(**REDUCING) is Denial.NONE
    assert code(**REDUCING, pending_sells=1) is Denial.REDUCE_ONLY


def test_an_order_that_says_it_reduces_and_would_not_is_refused():
    assert code(reduce_only=True) is Denial.REDUCE_ONLY


def test_a_stop_must_reduce():
    stop = {"kind": OrderKind.STOP, "trigger": 25_000}
    assert code(**stop) is Denial.REDUCE_ONLY
    assert code(**REDUCING | stop) is Denial.NONE


@pytest.mark.parametrize(
    ("field", "limit", "denial"),
    [
        ("day_low_equity", 9_700.0, Denial.DAILY_LOSS),
        ("week_low_equity", 9_500.0, Denial.WEEKLY_LOSS),
        ("peak_equity", 10_000 / 0.97, Denial.DRAWDOWN_SOFT),
        ("peak_equity", 10_000 / 0.95, Denial.DRAWDOWN_HARD),
    ],
)
def test_a_loss_that_reaches_its_limit_is_refused_and_one_just_short_of_it_is_not(field, limit, denial):
    short_of, beyond = (limit + 1, limit - 1) if "low" in field else (limit - 1, limit + 1)
    assert code(**{field: beyond}) is denial
    assert code(**{field: short_of}) is not denial


def test_at_exactly_the_limit_a_loss_is_refused():
    limits = LIMITS._replace(max_daily_loss=0.5, max_soft_drawdown=0.25, portfolio_stop_loss=0.75)
    limits = limits._replace(max_weekly_loss=0.9)
    assert code(limits, day_low_equity=5_000.0) is Denial.DAILY_LOSS
    assert code(limits, day_low_equity=5_001.0) is Denial.NONE
    assert code(limits._replace(max_weekly_loss=0.5), week_low_equity=5_000.0) is Denial.WEEKLY_LOSS
    assert code(limits._replace(max_weekly_loss=0.5), week_low_equity=5_001.0) is Denial.NONE
    assert code(limits, equity=7_500.0) is Denial.DRAWDOWN_SOFT
    assert code(limits, equity=7_501.0) is Denial.NONE
    assert code(limits._replace(max_soft_drawdown=1.0), peak_equity=40_000.0) is Denial.DRAWDOWN_HARD
    assert code(limits._replace(max_soft_drawdown=1.0), peak_equity=39_999.0) is Denial.NONE


def test_a_largest_loss_is_an_amount_and_none_where_nobody_asked_for_one():
    assert code(day_lost=999.9) is Denial.NONE
    assert verdict(day_lost=1_000.5) == (Denial.MAX_LOSS, 1_000.0, 1_000.5)
    assert code(day_lost=-5_000.0) is Denial.NONE
    without = LIMITS._replace(max_loss=math.inf)
    assert code(without, day_lost=9_999.0) is Denial.NONE
    assert code(without, day_lost=math.nan) is Denial.NONE


def test_a_day_whose_loss_was_reached_is_lost_though_equity_came_back():
    assert code(equity=10_100.0, peak_equity=10_100.0, day_low_equity=9_000.0) is Denial.DAILY_LOSS


def test_equity_below_the_lowest_told_counts_for_the_day_too():
    assert code(equity=9_701.0, peak_equity=9_701.0) is Denial.NONE
    told = verdict(equity=9_600.0, peak_equity=9_600.0)
    assert told == (Denial.DAILY_LOSS, LIMITS.max_daily_loss, pytest.approx(0.04))


@pytest.mark.parametrize("field", ["peak_equity", "day_start_equity"])
@pytest.mark.parametrize("start", [0.0, -1.0])
def test_a_loss_of_nothing_is_unknown(field, start):
    assert code(**{field: start}) is Denial.RISK_STATE_UNKNOWN


@pytest.mark.parametrize("status", [MarketState.UNKNOWN, MarketState.PAUSED, MarketState.CLOSED, 7])
def test_a_market_that_is_not_open_is_left_alone(status):
    assert code(status=status) is Denial.MARKET_STATE


def test_after_a_standstill_only_what_rests_passes():
    assert code(status=MarketState.POST_ONLY, kind=OrderKind.POST_ONLY) is not Denial.MARKET_STATE
    assert code(status=MarketState.PAUSED, kind=OrderKind.POST_ONLY) is Denial.MARKET_STATE
    for kind in (OrderKind.MARKET, OrderKind.LIMIT):
        assert code(status=MarketState.POST_ONLY, kind=kind) is Denial.MARKET_STATE
    stop = {**REDUCING, "kind": OrderKind.STOP, "trigger": 990}
    assert code(status=MarketState.POST_ONLY, **stop) is Denial.MARKET_STATE


def test_an_unresolved_order_on_a_spot_market_stops_sales_too():
    spot = {"unresolved": True, "perpetual": False}
    assert code(**REDUCING | spot) is Denial.UNRESOLVED_ORDER


@pytest.mark.parametrize(
    "field", ["pending_buys", "pending_sells", "orders_last_minute", "orders_this_block", "needs"]
)
def test_what_counts_does_not_count_backwards(field):
    assert code(**PERSON | {field: -1}) is Denial.RISK_STATE_UNKNOWN
    assert code(**{field: 0}) is Denial.NONE


@pytest.mark.parametrize("field", ["notional", "quote_rate"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_what_an_order_is_measured_in_is_positive_but_nobody_needs_it_to_get_out(field, value):
    assert code(**{field: value}) is Denial.RISK_STATE_UNKNOWN
    assert code(**{field: math.nan}) is Denial.RISK_STATE_UNKNOWN
    assert code(**REDUCING | {field: value}) is Denial.NONE
    assert code(**REDUCING | {field: math.nan}) is Denial.NONE


def test_what_cannot_be_measured_is_told_against_a_limit_of_nothing():
    assert verdict(needs=-1.0) == (Denial.RISK_STATE_UNKNOWN, 0.0, 100.0)
    assert verdict(notional=math.inf) == (Denial.RISK_STATE_UNKNOWN, 0.0, math.inf)
    assert verdict(state=0).limit == 0.0


def test_a_week_that_was_lost_is_lost_on_each_of_its_days_though_equity_came_back():
    assert code(week_low_equity=9_400.0) is Denial.WEEKLY_LOSS
    told = verdict(week_start_equity=10_000 / 0.94, day_start_equity=10_000.0)
    assert told == (Denial.WEEKLY_LOSS, LIMITS.max_weekly_loss, pytest.approx(0.06))
    assert code(week_low_equity=math.nan) is Denial.RISK_STATE_UNKNOWN
    assert code(week_start_equity=0.0) is Denial.RISK_STATE_UNKNOWN
