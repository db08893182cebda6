"""What `defi key` makes of a grant, without a chain."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from defi_analytics.domain.market import MarketKind
from defi_analytics.errors import ConfigError
from defi_analytics.venues.injective.chain.grants import trading_grant, unsigned_grant, unsigned_revoke
from defi_analytics.venues.injective.chain.trader import trader
from tests.builders import a_market

KEY = "inj1r8n7xah8cgfm0el8u3kvwzja6zrd4le2krtp7d"
GRANTER = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"
UNTIL = datetime(2026, 2, 1, tzinfo=UTC)
MAY_NEVER = ("Withdraw", "MsgSend", "Transfer", "Generic")


def test_a_grant_names_one_message_type_and_none_that_moves_funds():
    market = a_market(market_id=f"0x{1:064x}", kind=MarketKind.SPOT)
    delegated = trader(KEY, GRANTER, 1)
    made = unsigned_grant(delegated, trading_grant(delegated, [market], UNTIL), 200_000, 1)
    assert not any(word in str(made) for word in MAY_NEVER)
    assert made["body"]["messages"][0]["grant"]["expiration"] == "2026-02-01T00:00:00Z"
    assert unsigned_revoke(delegated, 1, 1)["body"]["messages"][0]["grantee"] == KEY


def test_a_grant_without_an_end_is_not_made():
    delegated = trader(KEY, GRANTER, 0)
    endless = replace(trading_grant(delegated, [a_market(market_id=f"0x{1:064x}")], UNTIL), expires=None)
    with pytest.raises(ConfigError):
        unsigned_grant(delegated, endless, 1, 1)
