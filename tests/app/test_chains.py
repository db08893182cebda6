from typing import Any

import pytest

from defi_analytics.app.chains import trader_of
from defi_analytics.app.trading import Account
from defi_analytics.errors import WrongState


def test_an_address_without_a_key_is_not_traded_for() -> None:
    app: Any = None
    assert trader_of(app, Account("mainnet")).account == Account("mainnet", "paper")
    with pytest.raises(WrongState, match="inj1x cannot be asked about"):
        trader_of(app, Account("mainnet", "inj1x"))
