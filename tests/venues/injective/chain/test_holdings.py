import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.market import MarketKey
from defi_analytics.domain.portfolio import Balance
from defi_analytics.venues.injective.chain.holdings import Held, Rules, liquidation_price
from tests.venues.injective.chain.kit import (
    PERP_ID,
    USDT,
    a_chain,
)
from tests.venues.injective.chain.kit_holdings import (
    MARKETS,
    dec,
    full_markets,
    node,
    positions,
)


async def test_the_default_subaccount_trades_what_the_bank_holds_beside_its_deposits():
    balances = (await a_chain(node()).portfolio(MARKETS)).balances
    assert balances == {
        "inj": Balance("inj", "INJ", Decimal("1.5"), Decimal("1.5")),
        USDT: Balance(USDT, "USDT", Decimal("2.5000005"), Decimal("3.5")),
    }


async def test_any_other_subaccount_has_only_its_deposits():
    own = node(subaccount_positions=json.dumps({"state": []}).encode())
    balances = (await a_chain(own, subaccount_index=3).portfolio(MARKETS)).balances
    assert list(balances) == [USDT]
    assert not [request for request in own.requests if "bank" in request]


async def test_a_position_is_signed_and_knows_where_it_would_be_liquidated():
    (one,) = (await a_chain(node()).portfolio(MARKETS)).positions.values()
    assert (one.key, one.quantity, one.entry_price, one.margin) == (
        MarketKey("injective", PERP_ID),
        Decimal(2),
        Decimal(10),
        Decimal("3.6"),
    )
    # Funding of 0.2 each on 2 leaves 3.6 of the margin: (10 - 1.8) / 0.95.
    assert one.liquidation_price == pytest.approx(Decimal("8.631578947368421"))
    short = node(subaccount_positions=positions(isLong=False))
    (two,) = (await a_chain(short).portfolio(MARKETS)).positions.values()
    assert two.quantity == -2
    assert two.liquidation_price == pytest.approx(Decimal("12.2") / Decimal("1.05"))


async def test_positions_elsewhere_and_closed_ones_are_left_out():
    for state in (positions(market="0x9"), positions(quantity=dec("0"))):
        assert not (await a_chain(node(subaccount_positions=state)).portfolio(MARKETS)).positions


prices = st.decimals("0.01", "100000", places=4)


@given(
    st.booleans(), prices, prices, prices, st.decimals("0", "0.5", places=3), st.decimals("-1", "1", places=4)
)
def test_at_its_liquidation_price_a_position_has_just_its_maintenance_margin(
    long: bool, quantity: Decimal, entry: Decimal, margin: Decimal, ratio: Decimal, funding: Decimal
):
    held = Held(long, quantity, entry, margin, Decimal(0))
    found = liquidation_price(held, Rules(ratio, funding))
    sign = 1 if long else -1
    if found is None:
        at_zero = margin - sign * quantity * (funding + entry)
        assert sign * at_zero >= 0
        return
    equity = margin - sign * quantity * funding + sign * quantity * (found - entry)
    assert float(equity) == pytest.approx(float(ratio * found * quantity), rel=1e-9, abs=1e-6)


async def test_a_future_pays_no_funding():
    own = node(**{"derivative/markets?": full_markets(PERP_ID, funding=None)})
    (one,) = (await a_chain(own).portfolio(MARKETS)).positions.values()
    # The funding since entry counts against zero: (10 - (4 + 1) / 2) / 0.95.
    assert one.liquidation_price == pytest.approx(Decimal("7.5") / Decimal("0.95"))
