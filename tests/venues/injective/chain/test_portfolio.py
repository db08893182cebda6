import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKey
from defi_analytics.domain.portfolio import Balance
from defi_analytics.errors import DataError, Malformed, Unavailable
from defi_analytics.venues.injective.chain.holdings import Held, Rules, liquidation_price
from tests.venues.injective.chain.kit import (
    ADDRESS,
    HEIGHT,
    OTHER,
    OTHER_SUBACCOUNT,
    PERP_ID,
    SPOT_ID,
    SUBACCOUNT,
    USDT,
    FakeNode,
    a_chain,
    perp,
    refusal,
    spot,
)

HASH = "0x" + "cd" * 32
MARKETS = (spot(), perp())


def dec(text: str) -> str:
    return f"{Decimal(text):.18f}"


def bank(coins: Mapping[str, str], next_key: str | None = None) -> bytes:
    rows = [{"denom": denom, "amount": amount} for denom, amount in coins.items()]
    return json.dumps({"balances": rows, "pagination": {"next_key": next_key, "total": "0"}}).encode()


def deposits(**own: tuple[str, str]) -> bytes:
    rows = {
        denom: {"available_balance": dec(one), "total_balance": dec(two)} for denom, (one, two) in own.items()
    }
    return json.dumps({"deposits": rows}).encode()


def positions(subaccount: str = SUBACCOUNT, market: str = PERP_ID, **changes: Any) -> bytes:
    own = {
        "isLong": True,
        "quantity": dec("2"),
        "entry_price": dec("10"),
        "margin": dec("4"),
        "cumulative_funding_entry": dec("0.5"),
    }
    return json.dumps(
        {"state": [{"subaccount_id": subaccount, "market_id": market, "position": own | changes}]}
    ).encode()


def full_market(market: str = PERP_ID, ratio: str = "0.05", funding: str | None = "0.7") -> bytes:
    info = {"funding_info": {"cumulative_funding": dec(funding)}} if funding else None
    inner = {"market_id": market, "maintenance_margin_ratio": dec(ratio)}
    return json.dumps({"market": {"market": inner, "perpetual_info": info}}).encode()


def orders(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"orders": list(rows)}).encode()


RESTING = {
    "price": dec("5.1"),
    "quantity": dec("3"),
    "fillable": dec("1"),
    "isBuy": False,
    "order_hash": HASH.upper().replace("0X", "0x"),
    "cid": "c",
}
CONDITIONAL = {
    "price": dec("9"),
    "quantity": dec("2"),
    "margin": dec("0"),
    "triggerPrice": dec("9.5"),
    "isBuy": True,
    "isLimit": False,
    "order_hash": HASH,
    "cid": "",
}


def node(**changes: Any) -> FakeNode:
    answers = {
        "bank/v1beta1/balances": bank({"inj": "1500000000000000000", USDT: "2000000", "factory/x/dust": "7"}),
        "subaccountDeposits": deposits(**{USDT: ("500000.5", "1500000")}),
        "subaccount_positions": positions(),
        f"derivative/markets/{PERP_ID}": full_market(),
        "derivative/orders/conditional": orders(CONDITIONAL),
        "derivative/orders/": orders({**RESTING, "margin": dec("7")}),
        "spot/orders/": orders(RESTING),
    }
    return FakeNode(**{**changes, **{key: one for key, one in answers.items() if key not in changes}})


async def test_everything_is_read_as_of_one_block():
    own = node()
    portfolio = await a_chain(own).portfolio(MARKETS)
    assert (portfolio.account, portfolio.height) == (ADDRESS, HEIGHT)
    assert portfolio.at.isoformat().startswith("2026-01-02T12:00:40")
    assert own.headers == [{}] + [{"x-cosmos-block-height": str(HEIGHT)}] * (len(own.headers) - 1)
    assert len(own.requests) == 8


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


async def test_a_position_is_signed_and_knows_where_it_would_be_liquidated():
    (one,) = (await a_chain(node()).portfolio(MARKETS)).positions.values()
    assert (one.key, one.quantity, one.entry_price, one.margin) == (
        MarketKey("injective", PERP_ID),
        Decimal(2),
        Decimal(10),
        Decimal(4),
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


async def test_open_orders_are_those_that_rest_and_those_that_wait_for_a_trigger():
    spot_order, perp_order, stop = (await a_chain(node()).portfolio(MARKETS)).open_orders
    assert (spot_order.key.market_id, spot_order.side, spot_order.kind) == (
        SPOT_ID,
        Side.SELL,
        OrderKind.LIMIT,
    )
    assert (spot_order.order_hash, spot_order.client_order_id) == (HASH, "c")
    assert (spot_order.quantity, spot_order.remaining) == (3, 1)
    assert (spot_order.reduce_only, perp_order.reduce_only, stop.reduce_only) == (False, False, True)
    assert (stop.kind, stop.side, stop.trigger_price, stop.remaining) == (
        OrderKind.STOP,
        Side.BUY,
        Decimal("9.5"),
        2,
    )


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
    own = node(**{f"derivative/markets/{PERP_ID}": full_market(funding=None)})
    (one,) = (await a_chain(own).portfolio(MARKETS)).positions.values()
    # The funding since entry counts against zero: (10 - (4 + 1) / 2) / 0.95.
    assert one.liquidation_price == pytest.approx(Decimal("7.5") / Decimal("0.95"))
