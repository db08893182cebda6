from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from defi_analytics.app.limits import market_limits, risk_limits
from defi_analytics.config.settings import MarketSettings, Settings
from tests.builders import a_market

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
