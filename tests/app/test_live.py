import importlib.util
import sys

import pytest

from defi_analytics.app.live import Onlooker, live_trader
from defi_analytics.app.signing import DEVELOPMENT_KEY, Asked
from defi_analytics.errors import AuthError, UsageError
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS, DEV_KEY
from tests.integration.trading import staged

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        importlib.util.find_spec("pyinjective") is None or sys.version_info >= (3, 13),
        reason="the official SDK is not installed: pip install defi-analytics[injective]",
    ),
]


async def test_in_the_sandbox_the_known_development_account_trades(tmp_path):
    async with (
        staged(tmp_path, hold=True) as stage,
        live_trader(stage.app, Asked(), {}, "", print) as trader,
    ):
        assert (trader.account.address, trader.account.live) == (DEV_ADDRESS, True)
    assert DEVELOPMENT_KEY == DEV_KEY


async def test_mainnet_wants_the_account_by_name_and_a_list_of_markets(tmp_path):
    from defi_analytics.app.live import _check_mainnet

    async with staged(tmp_path, hold=True) as stage:
        for confirmed in ("", "inj1another"):
            with pytest.raises(UsageError, match="real money"):
                _check_mainnet(stage.app, "inj1someone", confirmed)
        with pytest.raises(UsageError, match="a list of what may be traded"):
            _check_mainnet(stage.app, "inj1someone", "inj1someone")


def test_an_onlooker_signs_nothing():
    with pytest.raises(AuthError, match="only looked at"):
        Onlooker(DEV_ADDRESS).sign(b"document")
