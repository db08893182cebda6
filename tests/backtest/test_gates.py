import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.backtest import gates
from defi_analytics.backtest.account import Account, Rules, counted, observed, opened, remember
from defi_analytics.backtest.gates import Seen, at_hand, judged
from defi_analytics.domain.decision import BUY, SELL, Holding, Intent, OrderKind, Why
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import OrderRequest
from defi_analytics.risk import halting
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.facts import account_facts, opening_tally, order_facts
from tests.backtest.histories import LOOSE
from tests.builders_core import NOON_S, a_grid, a_view
from tests.fakes import NOON
from tests.risk.accounts import PERP, SPOT, balance, position
from tests.risk.contexts import FACTS, context

CALM = [-math.inf] * 5
BUYING = Intent(BUY, OrderKind.MARKET.value, 1001, 10, 0, False, Why.ENTRY.value)
SELLING = Intent(SELL, OrderKind.MARKET.value, 999, 10, 0, True, Why.EXIT_TIME.value)
FLAT = Holding()
HELD = Holding(10, 10_010, NOON_S - 50, 0.0, -10_010, 0)


def rules(perpetual: bool = True, capital: float = 1_000.0, leverage: float = 1.0, **limits) -> Rules:
    grid = a_grid(taker_fee=0.001, perpetual=perpetual)
    return Rules(grid, LOOSE._replace(**limits), capital, leverage, 0.05)


def code(under: Rules, intent=BUYING, view=None, holding=FLAT, account=None, recent=None) -> int:
    view = view or a_view(grid=under.grid)
    account = account or opened(under, NOON_S)
    return judged(intent, seen(view), holding, account, recent or CALM, under).code


def seen(view) -> Seen:
    """With the middle of the book for an oracle."""
    sides = view.bids.ticks and view.asks.ticks
    return Seen(view, at_hand((view.bids.ticks[0] + view.asks.ticks[0]) / 2 if sides else math.nan))


def test_an_order_within_all_limits_passes():
    assert code(rules()) == code(rules(perpetual=False)) == Denial.NONE
    assert code(rules(), SELLING, holding=HELD) == code(rules(perpetual=False), SELLING, holding=HELD) == 0


@pytest.mark.parametrize(
    ("limits", "denial"),
    [
        # Ten lots at 1001 ticks of 0.001 quote each, of an account of 1,000.
        ({"max_trade_size": 10.0}, Denial.ORDER_NOTIONAL),
        ({"min_trade_size": 10.1}, Denial.TRADE_SIZE_MIN),
        ({"max_position_size": 10.0}, Denial.POSITION_SIZE),
        ({"max_exposure_total": 10.0}, Denial.EXPOSURE_TOTAL),
        ({"max_exposure_market": 10.0}, Denial.EXPOSURE_MARKET),
        ({"max_exposure_asset": 10.0}, Denial.EXPOSURE_ASSET),
        ({"mid_band": 0.0009}, Denial.PRICE_BAND_MID),
        ({"oracle_band": 0.0009}, Denial.PRICE_BAND_ORACLE),
        ({"max_daily_trades": 0}, Denial.DAILY_TRADES),
        ({"max_active_positions": 0}, Denial.POSITION_COUNT),
        # At 1001 it is bought a thousandth above the fair value, and pays two fees.
        ({"min_profit_threshold": -0.0029}, Denial.MIN_PROFIT),
    ],
)
def test_a_limit_that_an_order_breaks_names_its_code(limits, denial):
    assert code(rules(**limits)) == denial


def test_a_worst_price_beyond_the_best_is_slippage():
    far = BUYING._replace(ticks=1012)
    assert code(rules(max_slippage=0.0109), far) == Denial.SLIPPAGE
    assert code(rules(max_slippage=0.011), far) == Denial.NONE


def test_leverage_counts_on_perpetuals_alone():
    assert code(rules(leverage=5.0, max_leverage=4.0)) == Denial.LEVERAGE
    assert code(rules(perpetual=False, leverage=5.0, max_leverage=4.0)) == Denial.NONE


@pytest.mark.parametrize(
    ("side", "distance"), [(BUY, 1 - 1.001 * 0.8 / 0.95), (SELL, 0.999 * 1.2 / 1.05 - 1)]
)
def test_a_leveraged_position_is_taken_over_before_its_margin_is_gone(side, distance):
    intent = BUYING if side == BUY else BUYING._replace(side=SELL, ticks=999)
    for asked, denial in ((distance - 1e-9, 0), (distance + 1e-9, Denial.LIQUIDATION_DISTANCE)):
        assert code(rules(leverage=5.0, min_liquidation_distance=asked), intent) == denial


@pytest.mark.parametrize(
    ("under", "denial"),
    [
        (rules(perpetual=False, capital=10.0), Denial.INSUFFICIENT_BALANCE),
        (rules(perpetual=False, capital=10.03), Denial.NONE),
        (rules(capital=10.0), Denial.INSUFFICIENT_BALANCE),
        (rules(capital=5.1, leverage=2.0), Denial.NONE),
        (rules(capital=5.0, leverage=2.0), Denial.INSUFFICIENT_BALANCE),
    ],
)
def test_what_an_order_needs_must_be_free(under, denial):
    assert code(under) == denial


def test_no_more_spot_is_sold_than_is_held():
    too_much = SELLING._replace(lots=11, reduce_only=False)
    assert code(rules(perpetual=False), too_much, holding=HELD) == Denial.INSUFFICIENT_BALANCE


def test_a_market_rests_after_an_exit():
    out = Holding(0, 0, NOON_S - 200, NOON_S - 100, 0, 0)
    assert code(rules(cooldown_period_s=101.0), holding=out) == Denial.COOLDOWN
    assert code(rules(cooldown_period_s=100.0), holding=out) == Denial.NONE


def test_orders_of_the_last_minute_count():
    assert code(rules(max_orders_per_minute=1), recent=[NOON_S - 61.0, NOON_S - 1.0]) == Denial.RATE_LIMIT
    assert code(rules(max_orders_per_minute=1), recent=[NOON_S - 61.0, NOON_S - 60.0]) == Denial.RATE_LIMIT
    late = [NOON_S - 61.0, NOON_S - 60.000_001]
    assert code(rules(max_orders_per_minute=1), recent=late) == Denial.NONE


def test_the_oldest_order_is_forgotten_first():
    recent = [3.0, 1.0, 2.0]
    remember(recent, 4.0)
    assert recent == [3.0, 4.0, 2.0]


def test_an_order_against_an_empty_side_is_refused():
    view = a_view(asks=[], grid=a_grid())
    assert code(rules(), view=view) == Denial.RISK_STATE_UNKNOWN


def test_only_what_does_not_reduce_is_a_trade_of_the_day():
    account = opened(rules(), NOON_S)
    assert counted(account, BUYING, 0.5)[6:8] == (1, 0.5)
    assert counted(account, SELLING, 0.0) == account


moments = st.lists(st.tuples(st.floats(1.0, 250_000.0), st.floats(500.0, 1_500.0)), min_size=1, max_size=20)


@given(moments, st.floats(0.01, 0.4), st.sampled_from([math.inf, math.nan, 50.0, 200.0, 500.0]))
def test_what_is_remembered_is_what_the_journal_s_fold_remembers(found, most, amount):
    """Two ways to the same facts: this one compiles, the other survives a crash."""
    limits = LOOSE._replace(portfolio_stop_loss=most, max_loss=amount)
    account = opened(rules(), NOON_S)
    state = halting.RiskState()
    at = datetime.fromtimestamp(NOON_S, UTC)
    state = halting.apply(state, "risk.equity", at, {"equity": 1_000.0})
    time_s = NOON_S
    for gap_s, equity in found:
        time_s += gap_s
        at = datetime.fromtimestamp(time_s, UTC)
        account = observed(account, time_s, equity, limits)
        state = halting.rolled(state, at)
        for record in halting.observed(state, at, equity, limits):
            state = halting.apply(state, record.kind, at, record.body)
        assert account == Account(
            int(state.trading),
            state.equity,
            state.peak_equity,
            account.day_end_s,
            state.day_basis,
            state.day_low_equity,
            state.trades_today,
            state.gas_today,
            account.week_end_s,
            state.week_start_equity,
            state.week_low_equity,
            *account[-2:],
        )


@given(
    st.sampled_from([SPOT, PERP]),
    st.sampled_from([Side.BUY, Side.SELL]),
    st.integers(24_000, 26_000),
    st.integers(1, 5_000),
    st.integers(-3_000, 3_000),
    st.integers(20_000, 30_000),
)
def test_an_order_is_judged_by_the_same_figures_as_a_live_one(market, side, ticks, lots, held, entry):
    held = held if market is PERP else abs(held)
    leverage = 2 if market is PERP else 1
    asked = OrderRequest("c1", market, side, OrderKind.LIMIT, ticks, lots, "s", leverage=Decimal(leverage))
    base, cost = Decimal(held) / 1000, abs(held) * entry
    margin = Decimal(cost) / 1_000_000 / leverage
    parts = [position(base, Decimal(entry) / 1000, margin)] if market is PERP else [balance("inj", base)]
    live = context(*(parts if held else []))
    grid = FACTS[market.key].grid
    under = Rules(grid, LOOSE, 10_000.0, float(leverage), 0.05)
    view = a_view(bids=[(24_990, 50)], asks=[(25_010, 50)], grid=grid)
    intent = Intent(BUY if side is Side.BUY else SELL, OrderKind.LIMIT.value, ticks, lots)
    order, holding = gates._order(intent, seen(view), under), Holding(held, cost)
    account = gates._account(order, seen(view), holding, opened(under, NOON_S), CALM, under)
    wanted, owner = order_facts(asked, live), account_facts(asked, live, opening_tally(live), NOON)
    if market is SPOT and side is Side.SELL:
        # Lots there, base here.
        order = order._replace(needs=order.needs * grid.quantity_tick)
    for name in ("side", "kind", "ticks", "lots", "notional", "slippage", "leverage", "needs"):
        assert getattr(order, name) == pytest.approx(getattr(wanted, name), rel=1e-9, abs=1e-12), name
    for name in ("exposure_total", "exposure_market", "asset_long", "asset_short", "position_lots",
                 "active_positions", "liquidation_distance"):  # fmt: skip
        assert getattr(account, name) == pytest.approx(getattr(owner, name), rel=1e-9, abs=1e-9), name


def test_an_account_that_lost_everything_is_halted():
    broke = observed(opened(rules(), NOON_S), NOON_S, -1.0, LOOSE)
    assert broke.state == TradingState.HALTED


def test_an_account_that_nothing_prices_enters_nothing_and_remembers_what_it_was_worth():
    account = opened(rules(), NOON_S)
    assert observed(account, NOON_S + 1e6, math.nan, LOOSE) == account
    one_sided = a_view(bids=[], grid=rules().grid)
    more = gates._account(
        gates._order(BUYING, seen(one_sided), rules()), seen(one_sided), HELD, account, CALM, rules()
    )
    assert math.isnan(more.equity)
    assert code(rules(), view=one_sided, holding=HELD) == Denial.RISK_STATE_UNKNOWN
