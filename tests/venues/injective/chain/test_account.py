from decimal import Decimal

import pytest

from defi_analytics.errors import DataError, Malformed, Unavailable
from tests.venues.injective.chain.kit import (
    ADDRESS,
    HEIGHT,
    OTHER,
    OTHER_SUBACCOUNT,
    PERP_ID,
    SPOT_ID,
    a_chain,
    refusal,
)
from tests.venues.injective.chain.kit_holdings import (
    MARKETS,
    RESTING,
    bank,
    dec,
    full_market,
    node,
    orders,
    positions,
)


async def test_everything_is_read_as_of_one_block():
    own = node()
    portfolio = await a_chain(own).portfolio(MARKETS)
    assert (portfolio.account, portfolio.height) == (ADDRESS, HEIGHT)
    assert portfolio.at.isoformat().startswith("2026-01-02T12:00:40")
    assert own.headers == [{}] + [{"x-cosmos-block-height": str(HEIGHT)}] * (len(own.headers) - 1)
    assert len(own.requests) == 8


async def test_a_granters_portfolio_is_the_granters():
    own = node(subaccount_positions=positions(OTHER_SUBACCOUNT))
    portfolio = await a_chain(own, granter=OTHER).portfolio(MARKETS)
    assert portfolio.account == OTHER
    assert any(f"balances/{OTHER}" in request for request in own.requests)


async def test_gas_is_paid_from_the_keys_own_balance():
    own = node()
    assert await a_chain(own, granter=OTHER).gas_balance() == Decimal("1.5")
    assert any(f"balances/{ADDRESS}" in request for request in own.requests)


async def test_a_bank_with_many_coins_is_read_to_its_end():
    pages = [bank({"a": "1"}, "next"), bank({"inj": "1000000000000000000"})]
    own = node(**{"bank/v1beta1": pages})
    balances = (await a_chain(own).portfolio(MARKETS)).balances
    assert balances["inj"].total == 1
    assert any("pagination.key=next" in request for request in own.requests)


async def test_a_bank_without_an_end_is_malformed():
    with pytest.raises(Malformed, match="end"):
        await a_chain(node(**{"bank/v1beta1": bank({}, "again")})).portfolio(MARKETS)


@pytest.mark.parametrize(
    ("part", "body"),
    [
        ("bank/v1beta1", b"{}"),
        ("bank/v1beta1", bank({"inj": "1.5"})),
        ("bank/v1beta1", bank({"inj": "-1"})),
        ("bank/v1beta1", bank({"inj": "1" * 61})),
        ("subaccountDeposits", b"null"),
        ("subaccountDeposits", b'{"deposits":{"x":{"available_balance":"1","total_balance":"1"}}}'),
        ("subaccount_positions", positions(OTHER_SUBACCOUNT)),
        ("subaccount_positions", positions(quantity=dec("-1"))),
        ("subaccount_positions", positions(entry_price="1e9")),
        (f"derivative/markets/{PERP_ID}", full_market(ratio="1")),
        (f"derivative/markets/{PERP_ID}", full_market(SPOT_ID)),
        ("spot/orders/", orders({**RESTING, "price": "5100000000000000000"})),
        ("spot/orders/", orders({**RESTING, "order_hash": "xyz"})),
        ("derivative/orders/0", orders(RESTING)),
        ("conditional", orders({})),
    ],
)
async def test_anything_odd_is_malformed_and_nothing_is_guessed(part: str, body: bytes):
    with pytest.raises(Malformed):
        await a_chain(node(**{part: body})).portfolio(MARKETS)


@pytest.mark.parametrize("part", ["bank/v1beta1", "subaccountDeposits", "spot/orders/", "conditional"])
@pytest.mark.parametrize("error", [Unavailable("injective", "down"), refusal(500, 2, "height in the future")])
async def test_a_part_that_cannot_be_read_leaves_no_half_portfolio(part: str, error: DataError):
    with pytest.raises(DataError):
        await a_chain(node(**{part: error})).portfolio(MARKETS)


async def test_no_deposits_no_positions_and_no_orders_are_an_empty_portfolio():
    own = node(
        **{
            "bank/v1beta1": bank({}),
            "subaccountDeposits": b"{}",
            "subaccount_positions": b"{}",
            "orders": b"{}",
        }
    )
    portfolio = await a_chain(own).portfolio(MARKETS)
    assert (portfolio.balances, portfolio.positions, portfolio.open_orders) == ({}, {}, ())
