import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from defi_analytics.errors import ConfigError, Malformed
from defi_analytics.venues.injective.chain import grants
from defi_analytics.venues.injective.chain.grants import OtherGrant, TradingGrant
from defi_analytics.venues.injective.chain.trader import trader
from tests.fakes import NOON
from tests.venues.injective.chain.kit import (
    ADDRESS,
    OTHER,
    OTHER_SUBACCOUNT,
    PERP_ID,
    SPOT_ID,
    SUBACCOUNT,
    FakeNode,
    a_chain,
    perp,
    spot,
)
from tests.venues.injective.chain.kit_grants import answer, message_of, row, trading

MARKETS = (spot(), perp())
KEY = trader(ADDRESS, OTHER, 0)
LATER = NOON + timedelta(days=30)
TRADING = TradingGrant(OTHER_SUBACCOUNT, frozenset({SPOT_ID}), frozenset({PERP_ID}), LATER)


async def test_grants_are_read_to_the_last_page():
    node = FakeNode(
        authz=[
            answer(trading(), key="more"),
            answer(row("/cosmos.authz.v1beta1.GenericAuthorization", msg="/x.MsgY")),
        ]
    )
    found = await a_chain(node, granter=OTHER).grants()
    assert found == (
        replace(TRADING, expires=datetime(2026, 2, 1, 12, tzinfo=UTC)),
        OtherGrant("/x.MsgY", datetime(2026, 2, 1, 12, tzinfo=UTC)),
    )
    assert f"granter={OTHER}&grantee={ADDRESS}" in node.requests[0]
    assert "pagination.key=more" in node.requests[1]


async def test_pages_without_an_end_are_malformed():
    with pytest.raises(Malformed, match="end"):
        await a_chain(FakeNode(authz=answer(key="again")), granter=OTHER).grants()


@pytest.mark.parametrize(
    "body", [b"", b"{}", answer({}), answer(row(expiration="later")), answer(trading(spot_markets="all"))]
)
async def test_grants_that_make_no_sense_are_malformed(body: bytes):
    with pytest.raises(Malformed, match="grants"):
        await a_chain(FakeNode(authz=body), granter=OTHER).grants()


async def shortcomings(*rows: Any) -> tuple[str, ...]:
    return await a_chain(FakeNode(authz=answer(*rows)), granter=OTHER).shortcomings(MARKETS)


async def test_a_grant_that_fits_and_nothing_else_leaves_nothing_to_say():
    assert await shortcomings(trading()) == ()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no trading"),
        ([trading(expiration="2026-01-02T12:00:00Z")], "no trading"),
        ([trading(subaccount_id=SUBACCOUNT)], "is for subaccount"),
        ([trading(subaccount_id="0")], "is for subaccount"),
        ([trading(subaccount_id=OTHER_SUBACCOUNT.upper())], "is for subaccount"),
        ([trading(expiration=None)], "never expires"),
        ([trading(spot_markets=[])], f"leaves out market {SPOT_ID}"),
        ([trading(derivative_markets=[])], f"leaves out market {PERP_ID}"),
        ([trading(derivative_markets=None)], f"leaves out market {PERP_ID}"),
        ([trading(spot_markets=[SPOT_ID, PERP_ID], derivative_markets=[])], f"leaves out market {PERP_ID}"),
        ([trading(), row("/cosmos.bank.v1beta1.SendAuthorization", spend_limit=[])], "MsgSend"),
        (
            [
                trading(),
                row("/cosmos.authz.v1beta1.GenericAuthorization", msg="/cosmos.bank.v1beta1.MsgSend"),
            ],
            "MsgSend",
        ),
        (
            [
                trading(),
                row("/cosmos.authz.v1beta1.GenericAuthorization", msg="/injective.exchange.v2.MsgWithdraw"),
            ],
            "MsgWithdraw",
        ),
        ([trading(), row("/some.NewAuthorization")], "/some.NewAuthorization"),
    ],
)
async def test_whatever_does_not_fit_is_said(rows: list[Any], said: str):
    (line,) = await shortcomings(*rows)
    assert said in line


async def test_what_has_expired_allows_nothing_and_is_not_held_against_the_key():
    old = row("/cosmos.bank.v1beta1.SendAuthorization", expiration="2025-01-01T00:00:00Z")
    assert await shortcomings(trading(), old) == ()


async def test_a_key_that_trades_its_own_account_can_withdraw_and_that_is_said():
    (line,) = await a_chain().shortcomings(MARKETS)
    assert "withdraw" in line


def test_what_the_account_signs_is_a_typed_grant_that_ends():
    document = grants.unsigned_grant(KEY, TRADING, 200_000, 32 * 10**12)
    json.dumps(document)
    message = message_of(document)
    assert (message.granter, message.grantee) == (OTHER, ADDRESS)
    assert message.grant.expiration.seconds == int(LATER.timestamp())
    assert message.grant.authorization.type_url == grants.AUTHORIZATION
    kinds = import_module("pyinjective.proto.injective.exchange.v2.authz_pb2")
    typed = kinds.BatchUpdateOrdersAuthz.FromString(message.grant.authorization.value)
    assert (typed.subaccount_id, list(typed.spot_markets), list(typed.derivative_markets)) == (
        OTHER_SUBACCOUNT,
        [SPOT_ID],
        [PERP_ID],
    )


def test_the_account_takes_it_back():
    message = message_of(grants.unsigned_revoke(KEY, 200_000, 32 * 10**12))
    assert (message.granter, message.grantee, message.msg_type_url) == (OTHER, ADDRESS, grants.MAY_TRADE)


def test_a_grant_without_an_end_or_markets_or_another_account_is_not_made():
    endless = replace(TRADING, expires=None)
    for attempt in (
        lambda: grants.trading_grant(KEY, [], LATER),
        lambda: grants.trading_grant(KEY, [spot(market_id=f"0x{n:064x}") for n in range(201)], LATER),
        lambda: grants.unsigned_grant(KEY, endless, 1, 1),
        lambda: grants.unsigned_grant(trader(ADDRESS, "", 0), TRADING, 1, 1),
    ):
        with pytest.raises(ConfigError):
            attempt()


def test_a_grant_names_markets_by_kind():
    assert grants.trading_grant(KEY, MARKETS, LATER) == TRADING
