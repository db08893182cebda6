from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from defi_analytics.app.limits import market_limits, risk_limits, with_max_loss
from defi_analytics.config.settings import MarketSettings, Settings
from defi_analytics.errors import WrongState
from defi_analytics.risk.halting import observed
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.losses import RiskState
from tests.builders import a_market
from tests.fakes import NOON

INJ = a_market()


def named(**own):
    general = Settings(home=Path("nowhere"))
    market = MarketSettings(id=INJ.ticker, **own)
    return replace(general, injective=replace(general.injective, markets=(market,)))


def test_every_limit_of_a_run_is_on_without_any_setting():
    limits = risk_limits(Settings(home=Path("nowhere")))
    assert 0 < limits.max_trade_size < float("inf")
    assert 0 < limits.max_daily_loss < 1
    assert limits.max_daily_trades > 0


def test_a_markets_own_limits_take_the_place_of_the_general_ones():
    own = named(min_trade_size=Decimal(5), max_trade_size=Decimal(7))
    [(key, limits)] = market_limits(own, [INJ]).items()
    assert key == INJ.key
    assert (limits.min_trade_size, limits.max_trade_size) == (5.0, 7.0)
    assert limits.max_slippage == risk_limits(own).max_slippage


def test_limits_of_a_market_that_is_not_listed_are_passed_over():
    assert market_limits(named(), [replace(INJ, ticker="OTHER/USDT", base="OTHER")]) == {}


def halts(limits, risk, equity):
    return [record.kind for record in observed(risk, NOON, equity, limits)] == ["risk.equity", "risk.halt"]


@pytest.mark.parametrize(("peak", "apart"), [(1_005.0, 0.0), (1_030.0, 0.0), (1_030.0, 400.0)])
def test_a_largest_loss_halts_where_so_much_is_gone_since_the_day_began_whatever_was_before(peak, apart):
    day = NOON.date().isoformat()
    risk = RiskState(
        equity=1_005.0, peak_equity=peak, day=day, day_start_equity=1_005.0, day_low_equity=1_005.0,
        week=day, week_start_equity=1_005.0, week_low_equity=1_005.0, apart=apart,
    )  # fmt: skip
    loose = RiskLimits(portfolio_stop_loss=0.5, max_daily_loss=0.5)
    limits = with_max_loss(loose, 20.0, risk)
    assert limits.max_daily_loss == pytest.approx(20.0 / (1_005.0 - apart))
    assert not halts(limits, risk, 1_005.0)
    assert not halts(limits, risk, 985.1)
    assert halts(limits, risk, 984.9)
    assert with_max_loss(RiskLimits(), 500.0, risk) == RiskLimits()


def test_a_peak_that_was_forgotten_is_none_to_fall_from():
    day = NOON.date().isoformat()
    risk = RiskState(
        equity=949.0, peak_equity=949.0, day=day, day_start_equity=1_000.0, day_low_equity=949.0,
        week=day, week_start_equity=1_000.0, week_low_equity=949.0,
    )  # fmt: skip
    limits = with_max_loss(RiskLimits(portfolio_stop_loss=0.5, max_daily_loss=0.5), 20.0, risk)
    assert (limits.max_daily_loss, limits.portfolio_stop_loss) == pytest.approx((0.02, 0.02))
    assert not halts(limits, risk, 949.0)
    assert halts(limits, risk, 930.0)


def test_where_no_equity_is_known_nobody_can_promise_a_largest_loss():
    with pytest.raises(WrongState, match="what the account is worth is not known"):
        with_max_loss(RiskLimits(), 20.0, RiskState())
