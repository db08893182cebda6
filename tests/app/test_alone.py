from types import SimpleNamespace
from typing import Any

import pytest

from defi_analytics.app.alone import alone
from defi_analytics.errors import WrongState


def an_app(network: str = "testnet", chain: str = "injective-888", url: str = "http://one") -> Any:
    return SimpleNamespace(network=network, injective_network=SimpleNamespace(chain_id=chain, lcd_url=url))


def test_one_process_sends_for_each_of_an_account_and_its_key() -> None:
    with alone(an_app(), ["inj1owner", "inj1key"]):
        for sender in ("inj1owner", "inj1key"):
            with pytest.raises(WrongState, match=sender), alone(an_app(url="http://other"), [sender]):
                pass
        with alone(an_app(chain="injective-1"), ["inj1owner"]), alone(an_app(), []):
            pass
    with alone(an_app(), ["inj1owner"]):
        pass


def test_an_account_in_two_sandboxes_is_two() -> None:
    with alone(an_app("sandbox"), ["inj1"]), alone(an_app("sandbox", url="http://two"), ["inj1"]):
        pass
