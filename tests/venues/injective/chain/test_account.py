import json
from collections.abc import Sequence
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
    SUBACCOUNT,
    USDT,
    a_chain,
    perp,
    refusal,
    spot,
)
from tests.venues.injective.chain.kit_holdings import (
    MARKETS,
    QUIET,
    RESTING,
    bank,
    counts,
    dec,
    deposits,
    full_markets,
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
    more = node()
    assert await a_chain(more).portfolio([*MARKETS, *QUIET]) == portfolio
    assert len(more.requests) == 9


async def test_however_many_markets_are_asked_about_the_requests_are_those_of_where_something_waits():
    spots = [spot(market_id=f"0x{n:064x}", base_denom=f"base{n}", quote_denom="usd") for n in range(1, 100)]
    perps = [perp(market_id=f"0x{n:064x}") for n in range(100, 200)]
    owned = [market.market_id for market in perps[:3]]
    state = [json.loads(positions(market=one))["state"][0] for one in owned]
    own = node(
        subaccount_positions=json.dumps({"state": state}).encode(),
        subaccountDeposits=deposits(base7=("1", "2"), usd=("5", "5")),
        order_metadata=several_counts([market.market_id for market in perps], waiting=perps[5].market_id),
        **{"derivative/markets?": full_markets(*owned)},
    )
    portfolio = await a_chain(own).portfolio([*spots, *perps])
    asked = [request.split("v2/")[-1] for request in own.requests[5:]]
    assert sorted(asked) == sorted(
        [
            f"derivative/markets?status=Active&{'&'.join(f'market_ids={one}' for one in owned)}",
            f"derivative/orders/conditional/{perps[5].market_id}/{SUBACCOUNT}",
            f"derivative/orders/{perps[5].market_id}/{SUBACCOUNT}",
            f"spot/orders/{spots[6].market_id}/{SUBACCOUNT}",
        ]
    )
    assert [order.key for order in portfolio.open_orders] == [spots[6].key, perps[5].key, perps[5].key]
    assert {key.market_id for key in portfolio.positions} == set(owned)


def several_counts(market_ids: Sequence[str], waiting: str) -> bytes:
    rows = [
        json.loads(counts(one, int(one == waiting), int(one == waiting)))["metadata"][:2]
        for one in market_ids
    ]
    return json.dumps({"metadata": [row for some in rows for row in some]}).encode()


@pytest.mark.parametrize(
    ("metadata", "asked"),
    [
        (counts(resting=0, conditional=0), []),
        (counts(resting=1, conditional=0), ["derivative/orders/0x"]),
        (counts(resting=0, conditional=1), ["derivative/orders/conditional"]),
        (counts(SPOT_ID), ["derivative/orders/0x", "derivative/orders/conditional"]),
    ],
)
async def test_only_what_the_chain_says_is_empty_is_not_asked_for(metadata: bytes, asked: list[str]):
    own = node(order_metadata=metadata)
    await a_chain(own).portfolio([perp(), *QUIET])
    assert not any(quiet.market_id in request for quiet in QUIET for request in own.requests)
    for part in ("derivative/orders/0x", "derivative/orders/conditional"):
        assert any(part in request for request in own.requests) is (part in asked)


async def test_orders_that_only_reduce_and_orders_of_either_side_count():
    for kind in ("vanilla_limit", "reduce_only_limit", "vanilla_conditional", "reduce_only_conditional"):
        for side in (0, 1):
            answer = json.loads(counts(resting=0, conditional=0))
            answer["metadata"][side]["metadata"][f"{kind}_order_count"] = 1
            own = node(order_metadata=json.dumps(answer).encode())
            assert len((await a_chain(own).portfolio([perp(), *QUIET])).open_orders) == 1


@pytest.mark.parametrize("denom", ["inj", USDT])
async def test_spot_orders_are_looked_for_where_either_denomination_is_locked(denom: str):
    own = node(subaccountDeposits=deposits(**{denom: ("0", "0.5")}))
    assert len((await a_chain(own).portfolio([spot()])).open_orders) == 1
    free = node(subaccountDeposits=deposits(**{denom: ("0.5", "0.5"), "other": ("0", "9")}))
    assert not (await a_chain(free).portfolio([spot()])).open_orders
    assert not [request for request in free.requests if "orders/" in request or "order_metadata" in request]


async def test_a_position_in_a_market_that_is_paused_knows_its_rules_too():
    paused = f"derivative/markets?status=Paused&market_ids={PERP_ID}"
    own = node(**{paused: full_markets(PERP_ID), "derivative/markets?": full_markets()})
    assert (await a_chain(own).portfolio(MARKETS)).positions.keys() == {perp().key}


async def test_a_position_in_a_market_that_no_list_has_is_told_by_what_was_known_of_it():
    own = node(**{"derivative/markets?": full_markets()})
    [position] = (await a_chain(own).portfolio(MARKETS)).positions.values()
    [listed] = (await a_chain(node()).portfolio(MARKETS)).positions.values()
    assert position.quantity == listed.quantity
    assert sum("derivative/markets?" in request for request in own.requests) == 5


async def test_a_position_that_is_expected_and_in_no_list_is_asked_for_in_its_market():
    state = json.loads(positions())["state"][0]["position"]
    one = f"v2/positions/{SUBACCOUNT}/{PERP_ID}"
    answers = {"subaccount_positions": b'{"state":[]}', one: json.dumps({"state": state}).encode()}
    own = node(**answers)
    assert not (await a_chain(own).portfolio(MARKETS)).positions
    assert not any(one in request for request in own.requests)
    chain = a_chain(node(**answers))
    chain.expected = lambda: {PERP_ID, SPOT_ID}
    [position] = (await chain.portfolio(MARKETS)).positions.values()
    [listed] = (await a_chain(node()).portfolio(MARKETS)).positions.values()
    assert position == listed


@pytest.mark.parametrize("state", [None, {"quantity": dec("0")}])
async def test_an_expected_position_that_is_gone_is_none(state):
    told = json.loads(positions())["state"][0]["position"]
    body = json.dumps({"state": None if state is None else {**told, **state}}).encode()
    chain = a_chain(node(subaccount_positions=b'{"state":[]}', **{f"v2/positions/{SUBACCOUNT}": body}))
    chain.expected = lambda: {PERP_ID}
    assert not (await chain.portfolio(MARKETS)).positions


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
        ("derivative/markets?", full_markets(PERP_ID, ratio="1")),
        ("order_metadata", b"{}"),
        ("order_metadata", counts(resting=-1)),
        ("order_metadata", counts().replace(b"vanilla_limit_order_count", b"other")),
        ("spot/orders/", orders({**RESTING, "price": "5100000000000000000"})),
        ("spot/orders/", orders({**RESTING, "order_hash": "xyz"})),
        ("derivative/orders/0", orders(RESTING)),
        ("conditional", orders({})),
    ],
)
async def test_anything_odd_is_malformed_and_nothing_is_guessed(part: str, body: bytes):
    with pytest.raises(Malformed):
        await a_chain(node(**{part: body})).portfolio([*MARKETS, *QUIET])


@pytest.mark.parametrize(
    "part", ["bank/v1beta1", "subaccountDeposits", "order_metadata", "spot/orders/", "conditional"]
)
@pytest.mark.parametrize("error", [Unavailable("injective", "down"), refusal(500, 2, "height in the future")])
async def test_a_part_that_cannot_be_read_leaves_no_half_portfolio(part: str, error: DataError):
    with pytest.raises(DataError):
        await a_chain(node(**{part: error})).portfolio([*MARKETS, *QUIET])


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
