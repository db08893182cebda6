from defi_analytics.mispricing.limits import Limits, MarketBounds
from tests.builders import a_market

INJ, ATOM = a_market(), a_market(base="ATOM")


def test_a_market_has_the_bounds_that_were_set_for_it() -> None:
    bounds = MarketBounds(min_notional=5.0, max_notional=100.0, max_slippage=0.01)
    assert Limits(bounds={INJ.key: bounds}).of(INJ.key) is bounds


def test_any_other_market_is_unbounded() -> None:
    limits = Limits(bounds={INJ.key: MarketBounds(max_notional=1.0)})
    assert limits.of(ATOM.key) == MarketBounds(0.0, float("inf"), float("inf"))
