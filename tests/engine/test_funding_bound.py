from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import Fill
from defi_analytics.engine.funding_bound import HOURLY_CAP, most_funding
from tests.builders import a_market
from tests.fakes import NOON

SPOT = a_market()
PERP = replace(SPOT, market_id="perp", kind=MarketKind.PERPETUAL)
MARKETS = {SPOT.key: SPOT, PERP.key: PERP}


def fill(hour: float, side: Side, quantity: int, price: int = 10, key=PERP.key) -> Fill:
    at = NOON + timedelta(hours=hour)
    return Fill(
        f"f{hour}", key, "c", "0x", side, Decimal(price), Decimal(quantity), Decimal(0), at, int(hour * 3600)
    )


def most(*fills: Fill, hours: float) -> Decimal:
    return most_funding(fills, MARKETS, NOON + timedelta(hours=hours)).get("USDT", Decimal(0))


def test_what_is_held_counts_for_as_long_as_it_is_held() -> None:
    bought, sold = fill(0, Side.BUY, 3), fill(4, Side.SELL, 3)
    assert most(bought, hours=2) == 3 * 10 * 2 * HOURLY_CAP
    assert most(bought, sold, hours=100) == 3 * 10 * 4 * HOURLY_CAP
    assert most(sold, bought, hours=100) == most(bought, sold, hours=100)


def test_a_short_pays_and_receives_as_a_long_does() -> None:
    assert most(fill(0, Side.SELL, 3), hours=2) == most(fill(0, Side.BUY, 3), hours=2)


def test_spot_and_markets_that_nobody_knows_pay_none() -> None:
    assert most(fill(0, Side.BUY, 3, key=SPOT.key), hours=9) == 0
    assert most(fill(0, Side.BUY, 3, key=a_market("elsewhere").key), hours=9) == 0


@given(st.integers(0, 50), st.integers(0, 50))
def test_the_bound_never_shrinks_with_time_not_even_where_clocks_differ(first: int, second: int) -> None:
    early, late = sorted((first, second))
    held = fill(10, Side.BUY, 3)
    assert 0 <= most(held, hours=early) <= most(held, hours=late)
