from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.market import MarketKey, MarketStatus, too_little
from tests.builders import a_market

steps = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.sampled_from([1, 2, 5, 25]),
    st.integers(-18, 3),
)
counts = st.integers(0, 10**30)


def test_a_market_is_known_by_venue_and_id_not_by_its_ticker() -> None:
    market = a_market(market_id="0xab", ticker="USDT/INJ")
    assert market.key == MarketKey("injective", "0xab")


@pytest.mark.parametrize(
    ("base", "quote", "known"), [("INJ", "USDT", True), ("", "USDT", False), ("INJ", "", False)]
)
def test_a_market_is_verified_when_both_assets_are_known(base: str, quote: str, known: bool) -> None:
    assert a_market(base=base, quote=quote).verified is known


@settings(max_examples=50)
@given(steps, counts)
def test_ticks_and_prices_are_inverse_without_rounding(step: Decimal, count: int) -> None:
    market = a_market(price_tick=step, quantity_tick=step)
    assert market.ticks(market.price(count)) == count
    assert market.lots(market.quantity(count)) == count


@settings(max_examples=50)
@given(steps, st.integers(0, 10**15), st.floats(-0.49, 0.49))
def test_the_nearest_multiple_of_a_float_is_found(step: Decimal, count: int, off: float) -> None:
    market = a_market(price_tick=step, quantity_tick=step)
    value = float(step) * count
    assert market.ticks(market.nearest_price(value)) == pytest.approx(count, rel=1e-15)
    assert market.lots(market.nearest_quantity(float(step) * (count % 1000 + off))) == count % 1000


def test_the_largest_supply_in_the_smallest_steps_is_counted_exactly() -> None:
    market = a_market(price_tick=Decimal("1e-18"), quantity_tick=Decimal("1e-18"))
    for count in (10**36 + 1, 10**36 - 1):
        assert market.lots(market.quantity(count)) == market.ticks(market.price(count)) == count


def test_halfway_between_two_steps_is_the_even_one() -> None:
    market = a_market(price_tick=Decimal("0.5"), quantity_tick=Decimal(2))
    assert [market.nearest_price(p) for p in (0.25, 0.75, 1.25)] == [Decimal(0), Decimal(1), Decimal(1)]
    assert [market.nearest_quantity(q) for q in (1.0, 3.0)] == [Decimal(0), Decimal(4)]


def test_a_market_is_open_and_of_unknown_decimals_unless_told_otherwise() -> None:
    market = a_market()
    assert (market.status, market.base_decimals, market.quote_decimals) == (MarketStatus.ACTIVE, 0, 0)
    assert (market.base_denom, market.quote_denom, market.oracle) == ("", "", None)


def test_what_is_off_the_grid_is_refused() -> None:
    market = a_market(price_tick=Decimal("0.5"), quantity_tick=Decimal("0.1"))
    with pytest.raises(ValueError, match=r"0\.7 is not a multiple of 0\.5"):
        market.ticks(Decimal("0.7"))
    with pytest.raises(ValueError, match=r"0\.25 is not a multiple of 0\.1"):
        market.lots(Decimal("0.25"))


def test_of_a_quantity_whole_lots_are_what_can_be_traded() -> None:
    market = a_market(quantity_tick=Decimal("0.1"))
    assert [market.whole_lots(Decimal(q)) for q in ("0.29", "-0.29", "0.3", "0.09")] == [2, -2, 3, 0]
    assert replace(market, quantity_tick=Decimal(0)).whole_lots(Decimal(5)) == 0


def test_less_than_a_lot_is_too_little_to_trade_and_of_an_unknown_market_nothing_is() -> None:
    market = a_market(quantity_tick=Decimal("0.1"))
    little = [too_little(Decimal(q), market) for q in ("0", "0.09", "-0.09", "0.1", "-0.1")]
    assert little == [True, True, True, False, False]
    for unknown in (None, replace(market, quantity_tick=Decimal(0))):
        assert [too_little(Decimal(q), unknown) for q in ("0", "1e-18")] == [True, False]
