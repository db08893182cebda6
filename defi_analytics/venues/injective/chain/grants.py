"""What an account grants a key: to trade on named markets of one subaccount, for a while, and nothing else.

Source: cosmos.authz.v1beta1 MsgGrant, MsgRevoke and Query Grants; injective.exchange.v2
BatchUpdateOrdersAuthz, which the chain compares with the subaccount's and markets' ids as text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.errors import ConfigError
from defi_analytics.venues.injective.blocks import Time
from defi_analytics.venues.injective.chain.trader import Trader
from defi_analytics.venues.wire import reading

MAY_TRADE = "/injective.exchange.v2.MsgBatchUpdateOrders"
AUTHORIZATION = "/injective.exchange.v2.BatchUpdateOrdersAuthz"
MOST_MARKETS = 200
_GENERIC = "/cosmos.authz.v1beta1.GenericAuthorization"
_SEND = "/cosmos.bank.v1beta1.SendAuthorization"
_MSG_SEND = "/cosmos.bank.v1beta1.MsgSend"
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class TradingGrant:
    """To place and cancel orders in batches on these markets of one subaccount."""

    subaccount_id: str
    spot_markets: frozenset[str]
    derivative_markets: frozenset[str]
    expires: datetime | None
    """None for one that never does."""


@dataclass(frozen=True, slots=True)
class OtherGrant:
    """`message` is the type of the messages it allows; of an authorization we do not know, its own type."""

    message: str
    expires: datetime | None


Grant = TradingGrant | OtherGrant


class _Authorization(msgspec.Struct, gc=False):
    type: str = msgspec.field(name="@type")
    msg: str = ""
    subaccount_id: str = ""
    spot_markets: list[str] | None = None
    derivative_markets: list[str] | None = None


class _Row(msgspec.Struct, gc=False):
    authorization: _Authorization
    expiration: Time | None = None


class _Pagination(msgspec.Struct, gc=False):
    next_key: str | None = None


class _Answer(msgspec.Struct, gc=False):
    grants: Annotated[list[_Row], msgspec.Meta(max_length=_MOST)]
    pagination: _Pagination | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


def parse_grants(source: str, body: bytes) -> tuple[tuple[Grant, ...], str]:
    """One page, and the key of the next; empty after the last. Raises Malformed."""
    with reading(source, "grants"):
        answer = _ANSWER.decode(body)
        found = tuple(_grant(row) for row in answer.grants)
        return found, (answer.pagination or _Pagination()).next_key or ""


def trading_grant(trader: Trader, markets: Sequence[Market], expires: datetime) -> TradingGrant:
    """What the key needs for these markets. Raises ConfigError for none or more than the chain takes."""
    spot = frozenset(market.market_id for market in markets if market.kind is MarketKind.SPOT)
    derivative = frozenset(market.market_id for market in markets) - spot
    if not (markets and max(len(spot), len(derivative)) <= MOST_MARKETS):
        raise ConfigError(f"a grant names 1 to {MOST_MARKETS} markets of a kind, not {len(markets)}")
    return TradingGrant(trader.subaccount_id, spot, derivative, expires)


def unsigned_grant(trader: Trader, grant: TradingGrant, gas: int, fee: int) -> dict[str, Any]:
    """For the account to sign, in the JSON that wallets and `injectived tx sign` read; `fee` in inj-wei.

    It lets `trader.signer` trade. Raises ConfigError without an end.
    """
    if grant.expires is None or not trader.delegated:
        raise ConfigError("a grant needs an end, and another account than the key's own")
    message = {
        "@type": "/cosmos.authz.v1beta1.MsgGrant",
        "granter": trader.account,
        "grantee": trader.signer,
        "grant": {
            "authorization": {
                "@type": AUTHORIZATION,
                "subaccount_id": grant.subaccount_id,
                "spot_markets": sorted(grant.spot_markets),
                "derivative_markets": sorted(grant.derivative_markets),
            },
            "expiration": f"{grant.expires:%Y-%m-%dT%H:%M:%SZ}",
        },
    }
    return _unsigned(message, gas, fee)


def unsigned_revoke(trader: Trader, gas: int, fee: int, message: str = MAY_TRADE) -> dict[str, Any]:
    content = {
        "@type": "/cosmos.authz.v1beta1.MsgRevoke",
        "granter": trader.account,
        "grantee": trader.signer,
        "msg_type_url": message,
    }
    return _unsigned(content, gas, fee)


def shortcomings(
    grants: Sequence[Grant], trader: Trader, markets: Sequence[Market], now: datetime
) -> tuple[str, ...]:
    """Why this key should not trade for this account, one line each; none when all is as it should be."""
    found = [
        f"the key may send {one.message} for the account: revoke it"
        for one in grants
        if isinstance(one, OtherGrant) and _valid(one, now)
    ]
    trading = [one for one in grants if isinstance(one, TradingGrant) and _valid(one, now)]
    if not trading:
        return (*found, "the account grants this key no trading, or no longer")
    own = [one for one in trading if one.subaccount_id == trader.subaccount_id]
    if not own:
        return (*found, f"the grant is for subaccount {trading[0].subaccount_id}, not {trader.subaccount_id}")
    if any(one.expires is None for one in own):
        found.append("the grant never expires: grant it anew with an end")
    missing = [market for market in markets if not any(allows(one, market) for one in own)]
    return (*found, *(f"the grant leaves out market {market.market_id}" for market in missing))


def allows(grant: TradingGrant, market: Market) -> bool:
    """Whether it names the market; that it is still valid is asked apart."""
    spot = market.kind is MarketKind.SPOT
    return market.market_id in (grant.spot_markets if spot else grant.derivative_markets)


def _valid(grant: Grant, now: datetime) -> bool:
    return grant.expires is None or grant.expires > now


def _grant(row: _Row) -> Grant:
    expires = row.expiration.astimezone(UTC) if row.expiration else None
    authorization = row.authorization
    if authorization.type == AUTHORIZATION:
        return TradingGrant(
            authorization.subaccount_id,
            frozenset(authorization.spot_markets or ()),
            frozenset(authorization.derivative_markets or ()),
            expires,
        )
    names = {_GENERIC: authorization.msg, _SEND: _MSG_SEND}
    return OtherGrant(names.get(authorization.type, authorization.type), expires)


def _unsigned(message: dict[str, Any], gas: int, fee: int) -> dict[str, Any]:
    return {
        "body": {
            "messages": [message],
            "memo": "",
            # The account's own wallet sets one, if any: this proves nothing about any order of ours.
            "timeout_height": "0",
            "extension_options": [],
            "non_critical_extension_options": [],
        },
        "auth_info": {
            "signer_infos": [],
            "fee": {
                "amount": [{"denom": "inj", "amount": str(fee)}],
                "gas_limit": str(gas),
                "payer": "",
                "granter": "",
            },
        },
        "signatures": [],
    }
