"""A key that the sandbox's funded account lets trade one of its subaccounts, as mainnet wants it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.sandbox.ledger.addresses import subaccount
from defi_analytics.sandbox.listings import PERPETUALS, SPOT
from defi_analytics.venues.injective.chain.grants import TradingGrant, unsigned_grant
from defi_analytics.venues.injective.chain.trader import Trader
from tests.keys import sealed
from tests.sandbox.chain.signing import Wallet
from tests.venues.injective.chain.kit_grants import message_of

INDEX = 1
"""Of the subaccount, which is not the default one: only what is deposited there can be traded."""
SUBACCOUNT = subaccount(DEV_ADDRESS, INDEX)
GAS_WEI = 10 * 10**18
"""What the key itself owns to pay for gas with."""
_GAS = 4_000_000


def trust(number: int, sequence: int, owned: Iterable[tuple[str, int]], until: datetime) -> bytes:
    """The owner's one transaction: the grant on every market, and half of what it owns into the subaccount."""
    return Wallet().sign(_grant(until), *_deposits(owned), number=number, sequence=sequence, gas=_GAS)


def _grant(until: datetime) -> Any:
    spot = frozenset(one.market_id for one in SPOT if not one.impostor)
    perpetual = frozenset(one.market_id for one in PERPETUALS if not one.impostor)
    grant = TradingGrant(SUBACCOUNT, spot, perpetual, until)
    return message_of(unsigned_grant(Trader(sealed.ADDRESS, DEV_ADDRESS, SUBACCOUNT), grant, 0, 0))


def _deposits(owned: Iterable[tuple[str, int]]) -> Iterator[Any]:
    for denom, amount in owned:
        message = protobufs.new("injective.exchange.v2.MsgDeposit")
        message.sender, message.subaccount_id = DEV_ADDRESS, SUBACCOUNT
        message.amount.denom, message.amount.amount = denom, str(amount // 2)
        yield message
