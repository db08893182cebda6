import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from defi_analytics.domain.decision import BUY, SELL, OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import Fill
from defi_analytics.risk.facts import (
    Expected,
    account_facts,
    counted,
    needs,
    opening_tally,
    order_facts,
)
from defi_analytics.risk.halting import apply, market_text
from defi_analytics.risk.losses import RiskState
from defi_analytics.risk.views import NEVER_S, AccountFacts, OrderFacts
from tests.fakes import NOON
from tests.risk.accounts import ATOM, PERP, SPOT, balance, position, request, resting
from tests.risk.contexts import FACTS, STATE, context

LATER = NOON + timedelta(seconds=7)


def facts(asked, given, tally=None, at=LATER):
    return account_facts(asked, given, tally or opening_tally(given), at)


def test_what_the_rules_see_of_an_order():
    asked = request(PERP, Side.SELL, 24, 4, leverage=Decimal(2), kind=OrderKind.MARKET)
    given = context(expected={"c1": Expected(0.02, uses_prediction=True, by_person=True, protects=True)})
    assert order_facts(asked, given) == OrderFacts(
        side=SELL,
        kind=1,
        ticks=24_000,
        lots=4_000,
        trigger=0,
        reduce_only=False,
        by_person=True,
        uses_prediction=True,
        notional=100.0,
        net_edge=0.02,
        slippage=(24_990 - 24_000) / 24_990,
        leverage=2.0,
        needs=96 / 2 + 0.096,
        gas=0.001,
        protects=True,
    )


def test_nothing_is_expected_of_an_order_nobody_spoke_of():
    seen = order_facts(request(name="unheard"), context())
    assert math.isnan(seen.net_edge)
    assert not seen.by_person
    assert not seen.uses_prediction
    assert not seen.protects


def a_fill(market, price, at):
    side, one = Side.BUY, Decimal(1)
    return Fill("f1", market.key, "c0", "0xab", side, Decimal(price), one, Decimal(0), at, 7)


def test_what_the_rules_see_of_the_account():
    state = replace(STATE, peak_equity=12_000.0, day_low_equity=9_000.0, trades_today=4, gas_today=0.5)
    state = replace(
        state, week_low_equity=8_000.0, exits={market_text(PERP.key): NOON - timedelta(seconds=100)}
    )
    given = context(
        position(-4, margin=90),
        resting(PERP, Side.BUY, 25, 1),
        resting(PERP, Side.SELL, 25, 2),
        balance("atom", 5),
        state=state,
        orders_last_minute=3,
        orders_this_block=2,
        unresolved=frozenset({PERP.key}),
        used_ids=frozenset({"c1"}),
        last_fills={PERP.key: a_fill(PERP, "24.5", NOON - timedelta(seconds=30))},
    )
    seen = facts(request(PERP), given)
    assert 0.5 < seen.liquidation_distance <= 1
    assert seen == AccountFacts(
        state=1,
        equity=10_140.0,
        peak_equity=12_000.0,
        day_start_equity=10_000.0,
        day_low_equity=9_000.0,
        exposure_total=150.0 + 50.0,
        exposure_market=150.0,
        asset_long=-75.0,
        asset_short=-150.0,
        position_lots=-4_000,
        pending_buys=1_000,
        pending_sells=2_000,
        active_positions=2,
        trades_today=4,
        since_exit_s=107.0,
        orders_last_minute=3,
        orders_this_block=2,
        unresolved=True,
        duplicate=True,
        free=10_000.0,
        gas_today=0.5,
        liquidation_distance=seen.liquidation_distance,
        balance_age_s=7.0,
        clock_skew_s=0.1,
        week_start_equity=10_000.0,
        week_low_equity=8_000.0,
        last_fill=24_500.0,
        since_fill_s=37.0,
        day_lost=-140.0,
    )


def test_equities_are_those_of_what_is_risked():
    amounts = (10_000.0, 12_000.0, 11_000.0, 9_000.0, 11_500.0, 8_000.0)
    state = RiskState(
        equity=1.0, peak_equity=amounts[1], day="2026-01-02", day_start_equity=amounts[2],
        day_low_equity=amounts[3], week="2025-12-29", week_start_equity=amounts[4],
        week_low_equity=amounts[5], capital=3_000.0, apart=7_000.0,
    )  # fmt: skip
    seen = facts(request(), context(state=state))
    assert (
        seen.equity, seen.peak_equity, seen.day_start_equity, seen.day_low_equity,
        seen.week_start_equity, seen.week_low_equity,
    ) == tuple(amount - 7_000 for amount in amounts)  # fmt: skip


def test_a_market_that_was_never_left_and_is_not_in_doubt():
    seen = facts(request(SPOT), context())
    assert (seen.since_exit_s, seen.unresolved, seen.duplicate) == (NEVER_S, False, False)
    assert (seen.since_fill_s, math.isnan(seen.last_fill)) == (NEVER_S, True)
    assert (seen.position_lots, seen.exposure_market, seen.liquidation_distance) == (0, 0.0, 1.0)


def test_after_midnight_the_day_is_new_though_nothing_was_recorded_yet():
    state = apply(replace(STATE, trades_today=9, gas_today=0.2), "risk.equity", NOON, {"equity": 9_000.0})
    seen = facts(request(), context(state=state), at=NOON + timedelta(hours=12))
    assert (seen.trades_today, seen.gas_today, seen.day_start_equity) == (0, 0.0, 9_000.0)


@pytest.mark.parametrize(
    ("asked", "denom", "amount"),
    [
        (request(SPOT, Side.BUY, 25, 4), "usdt", 100.1),
        (request(SPOT, Side.SELL, 25, 4), "inj", 4.0),
        (request(PERP, Side.BUY, 25, 4, leverage=Decimal(4)), "usdt", 25.1),
        (request(PERP, Side.SELL, 25, 4), "usdt", 100.1),
        (request(PERP, Side.SELL, 25, 4, reduce_only=True), "usdt", 0.0),
        (request(replace(SPOT, taker_fee=Decimal("-0.001"))), "usdt", 100.0),
        (request(replace(PERP, taker_fee=Decimal("-0.001"))), "usdt", 100.0),
    ],
)
def test_what_an_order_spends(asked, denom, amount):
    assert needs(asked) == (denom, pytest.approx(amount))


def test_free_is_what_open_orders_do_not_lock():
    given = context(balance("inj", 10, available=3), balance("usdt", 8, available=5))
    assert facts(request(SPOT, Side.SELL), given).free == 3.0
    assert facts(request(SPOT, Side.BUY), given).free == 5.0
    assert facts(request(ATOM, Side.SELL), given).free == 0.0


@pytest.mark.parametrize(
    ("side", "kind", "price", "expected"),
    [
        (Side.BUY, OrderKind.LIMIT, "25.51", 500 / 25_010),
        (Side.BUY, OrderKind.LIMIT, "25", -10 / 25_010),
        (Side.SELL, OrderKind.MARKET, "24.49", 500 / 24_990),
        (Side.SELL, OrderKind.POST_ONLY, "25.01", -20 / 24_990),
    ],
)
def test_slippage_is_measured_from_the_best_opposite_price(side, kind, price, expected):
    assert order_facts(request(SPOT, side, price, kind=kind), context()).slippage == pytest.approx(expected)


def test_that_of_a_stop_from_its_trigger():
    stop = request(PERP, Side.SELL, 19, kind=OrderKind.STOP, trigger_ticks=20_000, reduce_only=True)
    assert order_facts(stop, context()).slippage == 0.05
    untriggered = replace(stop, trigger_ticks=0)
    assert math.isnan(order_facts(untriggered, context()).slippage)


def test_without_an_opposite_side_only_what_cannot_take_slips_nothing():
    empty = {**FACTS, SPOT.key: FACTS[SPOT.key]._replace(ask=math.nan)}
    given = context(markets=empty)
    assert order_facts(request(kind=OrderKind.POST_ONLY), given).slippage == 0.0
    assert math.isnan(order_facts(request(kind=OrderKind.LIMIT), given).slippage)
    assert not math.isnan(order_facts(request(kind=OrderKind.POST_ONLY), context()).slippage)


def test_an_approved_order_counts_for_the_next():
    given = context()
    tally = counted(opening_tally(given), given, request(PERP), trade=True)
    seen = facts(request(PERP), given, tally)
    assert (seen.exposure_total, seen.pending_buys, seen.active_positions) == (100.0, 4_000, 1)
    assert (seen.trades_today, seen.orders_last_minute, seen.orders_this_block) == (1, 1, 1)
    assert (seen.duplicate, seen.gas_today, seen.free) == (True, 0.001, pytest.approx(9_899.9))
    again = counted(tally, given, request(SPOT, name="c2"), trade=False)
    seen = facts(request(PERP), given, again)
    assert (seen.trades_today, seen.orders_this_block, seen.free) == (1, 2, pytest.approx(9_799.8))
    assert facts(request(name="c2"), given, again).duplicate


def test_an_order_in_flight_counts_until_the_venue_shows_it():
    sent = request(PERP)
    given = context(in_flight=(sent, request(SPOT, name="c2")))
    seen = facts(request(PERP, name="c3"), given)
    assert (seen.exposure_total, seen.pending_buys, seen.free) == (200.0, 4_000, pytest.approx(9_799.8))
    assert (seen.orders_last_minute, seen.trades_today, seen.gas_today) == (0, 0, 0.0), "those are told"
    assert facts(sent, given).duplicate
    shown = resting(PERP, Side.BUY, 25, 4, client_order_id="c1")
    seen = facts(request(PERP, name="c3"), context(shown, in_flight=(sent,)))
    assert (seen.exposure_total, seen.pending_buys, seen.free) == (100.0, 4_000, 10_000.0)


def test_the_side_is_a_number():
    assert order_facts(request(side=Side.BUY), context()).side == BUY
    assert RiskState().trading == 1


def test_a_price_of_one_tick_is_a_price():
    cheap = context(markets={SPOT.key: FACTS[SPOT.key]._replace(ask=1.0, bid=0.5)})
    assert order_facts(replace(request(), ticks=2), cheap).slippage == 1.0
