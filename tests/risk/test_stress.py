import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from defi_analytics.domain.edge import Side
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.exposure import Marks
from defi_analytics.risk.halting import apply
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.losses import RiskState
from defi_analytics.risk.stress import shock
from tests.fakes import NOON
from tests.risk.accounts import MARKS, PERP, account, balance, position, resting

LIMITS = RiskLimits(min_liquidation_distance=0.1)
MARGINS = {PERP.key: 0.05}


def state(equity):
    return apply(RiskState(), "risk.equity", NOON, {"equity": equity})


def test_every_price_but_that_of_cash_moves():
    held = account(balance("usdt", 900), balance("inj", 4), position(-2, margin=50))
    found = shock(held, -0.2, state(1_050.0), LIMITS, MARGINS)
    assert (found.fraction, found.equity) == (-0.2, pytest.approx(900 + 80 + 50 + 10))
    assert found.exposures.total == pytest.approx(80 + 40)
    assert (found.liquidated, found.breaches) == ((), ())


def test_a_hedged_account_hardly_notices():
    held = account(balance("usdt", 900), balance("inj", 4), position(-4, margin=100))
    before = shock(held, 0.0, state(1_100.0), LIMITS, MARGINS)
    after = shock(held, 0.3, state(1_100.0), LIMITS, MARGINS)
    assert before.equity == pytest.approx(after.equity) == pytest.approx(1_100)


def test_the_first_limit_that_would_break_is_told_first():
    held = account(balance("usdt", 500), balance("inj", 20))
    found = shock(held, -0.5, state(1_000.0), LIMITS, {})
    assert [b.verdict.code for b in found.breaches] == [
        Denial.DRAWDOWN_HARD,
        Denial.DAILY_LOSS,
        Denial.WEEKLY_LOSS,
        Denial.DRAWDOWN_SOFT,
    ]
    assert found.breaches[0].verdict == (Denial.DRAWDOWN_HARD, 0.05, 0.25)
    assert found.breaches[1].verdict.value == 0.25
    assert found.breaches[0].about == ""


def test_a_day_that_was_worse_is_not_made_better():
    lost = apply(state(1_000.0), "risk.equity", NOON, {"equity": 960.0})
    found = shock(account(balance("usdt", 1_000)), 0.0, lost, LIMITS, {})
    assert [b.verdict for b in found.breaches] == [(Denial.DAILY_LOSS, 0.03, 0.04)]
    later = apply(lost, "risk.equity", NOON + timedelta(days=1), {"equity": 945.0})
    limits = LIMITS._replace(portfolio_stop_loss=0.9, max_soft_drawdown=0.9)
    found = shock(account(balance("usdt", 945)), 0.0, later, limits, {})
    assert [b.verdict for b in found.breaches] == [(Denial.WEEKLY_LOSS, 0.05, pytest.approx(0.055))]


def test_exposures_that_grow_beyond_their_limits_are_named():
    tight = LIMITS._replace(max_exposure_total=200.0, max_exposure_asset=150.0, max_exposure_market=120.0)
    held = account(balance("inj", 4), position(3, margin=75))
    found = shock(held, 0.5, state(175.0), tight, MARGINS)
    told = {(b.verdict.code, b.about): b.verdict.value for b in found.breaches}
    assert told == {
        (Denial.EXPOSURE_TOTAL, ""): 262.5,
        (Denial.EXPOSURE_ASSET, "INJ"): 262.5,
        (Denial.EXPOSURE_MARKET, "INJ"): 150.0,
    }
    short = shock(account(position(-7, margin=175)), 0.0, state(175.0), tight, MARGINS)
    told = {(b.verdict.code, b.about): b.verdict.value for b in short.breaches}
    assert told == {(Denial.EXPOSURE_ASSET, "INJ"): 175.0, (Denial.EXPOSURE_MARKET, "perp"): 175.0}


def test_pending_orders_count_on_the_side_they_make_worse():
    tight = LIMITS._replace(max_exposure_asset=60.0)
    held = account(balance("usdt", 1_000), resting(PERP, Side.SELL, 25, 3), resting(PERP, Side.BUY, 25, 1))
    found = shock(held, 0.0, state(1_000.0), tight, MARGINS)
    assert [b.verdict.value for b in found.breaches] == [75.0]


def test_positions_that_would_be_liquidated():
    held = account(balance("usdt", 1_000), position(4, margin=20))
    safe = shock(held, -0.05, state(1_000.0), RiskLimits(min_liquidation_distance=0.001), MARGINS)
    assert safe.liquidated == ()
    gone = shock(held, -0.2, state(1_000.0), LIMITS, MARGINS)
    assert gone.liquidated == (PERP.key,)
    assert (gone.breaches[-1].verdict.code, gone.breaches[-1].about) == (Denial.LIQUIDATION_DISTANCE, "perp")
    near = shock(held, -0.1, state(1_000.0), LIMITS, MARGINS)
    assert near.liquidated == ()
    assert near.breaches[-1].verdict.code is Denial.LIQUIDATION_DISTANCE


def test_a_mark_in_another_quote_is_converted():
    dear = Marks({**MARKS.assets, "USDT": 2.0, "INJ": 50.0}, MARKS.cash)
    held = account(balance("usdt", 1_000), position(4, margin=20), marks=dear)
    assert shock(held, -0.1, state(2_000.0), LIMITS, MARGINS).liquidated == ()
    assert shock(held, -0.2, state(2_000.0), LIMITS, MARGINS).liquidated == (PERP.key,)


def test_exposure_may_reach_its_limits_and_not_pass_them():
    tight = LIMITS._replace(max_exposure_total=100.0, max_exposure_asset=100.0, max_exposure_market=100.0)
    held = account(balance("usdt", 900), balance("inj", 4))
    assert shock(held, 0.0, state(1_000.0), tight, {}).breaches == ()
    grown = shock(held, 0.25, state(1_000.0), tight, {}).breaches
    assert [b.verdict for b in grown] == [
        (code, 100.0, 125.0)
        for code in (Denial.EXPOSURE_TOTAL, Denial.EXPOSURE_ASSET, Denial.EXPOSURE_MARKET)
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("portfolio_stop_loss", Denial.DRAWDOWN_HARD),
        ("max_daily_loss", Denial.DAILY_LOSS),
        ("max_weekly_loss", Denial.WEEKLY_LOSS),
        ("max_soft_drawdown", Denial.DRAWDOWN_SOFT),
    ],
)
def test_a_loss_that_just_reaches_its_limit_is_told(name, code):
    losses = ("portfolio_stop_loss", "max_daily_loss", "max_weekly_loss", "max_soft_drawdown")
    loose = LIMITS._replace(**dict.fromkeys(losses, 0.9))
    held = account(balance("usdt", 500), balance("inj", 20))
    found = shock(held, -0.5, state(1_000.0), loose._replace(**{name: 0.25}), {})
    assert [b.verdict for b in found.breaches] == [(code, 0.25, 0.25)]
    assert shock(held, -0.5, state(1_000.0), loose._replace(**{name: 0.2501}), {}).breaches == ()


def test_a_largest_loss_that_a_fall_would_reach_is_told_as_an_amount():
    loose = LIMITS._replace(
        portfolio_stop_loss=0.9, max_daily_loss=0.9, max_weekly_loss=0.9, max_soft_drawdown=0.9
    )
    held = account(balance("usdt", 500), balance("inj", 20))
    found = shock(held, -0.5, state(1_000.0), loose._replace(max_loss=250.0), {})
    assert [b.verdict for b in found.breaches] == [(Denial.MAX_LOSS, 250.0, 250.0)]
    assert shock(held, -0.5, state(1_000.0), loose._replace(max_loss=250.1), {}).breaches == ()
    assert shock(held, -0.5, state(1_000.0), loose, {}).breaches == ()


def test_a_position_that_is_just_due_is_liquidated_and_one_just_far_enough_away_is_no_breach():
    """At 25 with a quarter to maintain: 6.25 of margin an INJ are due at 25, 15.625 at half of it."""
    far = RiskLimits(min_liquidation_distance=0.5)
    for sign in (1, -1):
        due = account(balance("usdt", 1_000), position(sign * 8, margin=50))
        assert shock(due, 0.0, state(1_050.0), far, {PERP.key: 0.25}).liquidated == (PERP.key,)
    held = account(balance("usdt", 1_000), position(4, margin=Decimal("62.5")))
    assert shock(held, 0.0, state(1_062.5), far, {PERP.key: 0.25}).breaches == ()
    nearer = account(balance("usdt", 1_000), position(4, margin=Decimal("62.4")))
    (breach,) = shock(nearer, 0.0, state(1_062.4), far, {PERP.key: 0.25}).breaches
    assert (breach.verdict.code, breach.about) == (Denial.LIQUIDATION_DISTANCE, "perp")


@pytest.mark.parametrize(
    "unknown",
    [
        {"maintenance": {}},
        {"held": account(position(4, margin=20), markets={})},
        {"held": account(position(4, margin=20), marks=Marks({"INJ": 25.0}, MARKS.cash))},
        {"held": account(position(4, margin=20), marks=Marks({"USDT": 1.0}, MARKS.cash))},
    ],
)
def test_a_position_nobody_can_judge_is_not_called_safe(unknown):
    held = unknown.get("held", account(position(4, margin=20)))
    found = shock(held, 0.0, state(1_000.0), LIMITS, unknown.get("maintenance", MARGINS))
    assert found.liquidated == (PERP.key,)
    assert found.breaches[-1].verdict.code is Denial.RISK_STATE_UNKNOWN


def test_an_account_that_was_never_valued_is_not_known_to_be_safe():
    found = shock(account(balance("usdt", 10)), -0.1, RiskState(), LIMITS, {})
    assert {b.verdict.code for b in found.breaches} == {Denial.RISK_STATE_UNKNOWN}
    assert math.isnan(found.breaches[0].verdict.value)


def test_one_asset_can_move_alone():
    held = account(balance("usdt", 500), balance("inj", 4), balance("atom", 10))
    assert shock(held, -0.5, state(1_000.0), LIMITS, {}, "ATOM").equity == pytest.approx(500 + 100 + 50)


def test_a_position_whose_quote_has_no_price_is_not_known_to_be_safe():
    strange = replace(PERP, quote="XYZ")
    found = shock(
        account(position(2, margin=30), markets={strange.key: strange}), 0.0, state(1_000.0), LIMITS, MARGINS
    )
    assert found.liquidated == (PERP.key,)
