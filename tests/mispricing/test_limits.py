from defi_analytics.mispricing.limits import Limits, MarketBounds
from tests.builders import a_market

INJ, ATOM = a_market(), a_market(base="ATOM")


def test_a_market_has_the_bounds_that_were_set_for_it() -> None:
    bounds = MarketBounds(min_notional=5.0, max_notional=100.0, max_slippage=0.01)
    assert Limits(bounds={INJ.key: bounds}).of(INJ.key) is bounds


def test_any_other_market_is_unbounded() -> None:
    limits = Limits(bounds={INJ.key: MarketBounds(max_notional=1.0)})
    assert limits.of(ATOM.key) == MarketBounds(0.0, float("inf"), float("inf"))


def test_what_an_edge_must_clear_unless_told_otherwise_is_published() -> None:
    assert Limits() == Limits(
        min_edge=0.0005,
        min_profit=0.0,
        max_age_s=10.0,
        max_oracle_age_s=120.0,
        max_rate_age_s=120.0,
        max_ratio=2.0,
        min_z=1.0,
        min_confidence=0.55,
        oracle_threshold=0.005,
        holding_h=1.0,
        gas_inj=0.000048,
        max_notional=float("inf"),
        sizes=(),
        max_candidates=12,
        bounds={},
    )
