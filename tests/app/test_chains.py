from typing import Any

import pytest

from defi_analytics.app.chains import chain_of, trader_of
from defi_analytics.app.opening import opened_app
from defi_analytics.app.trading import Account
from defi_analytics.config.load import load
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import PaperChain
from defi_analytics.errors import AuthError
from tests.engine.memory_journal import MemoryJournal
from tests.fakes import FakeClock

DEVELOPMENT = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"
STRANGER = "inj1" + "q" * 38


async def signers(tmp_path: Any, network: str, address: str, **keys: Any) -> Any:
    own = {f"keys.{name}": value for name, value in keys.items()}
    told = {"injective.network": network} | own
    loaded = load(None, {"HOME": str(tmp_path), "DEFI_HOME": str(tmp_path)}, told)
    async with opened_app(loaded, {}) as app:
        chain: Any = chain_of(app, Account(network, address), Ledger(MemoryJournal(), FakeClock()))
        return chain


def test_paper_is_traded_for_by_anyone() -> None:
    app: Any = None
    trader = trader_of(app, Account("mainnet"))
    assert trader.account == Account("mainnet", "paper")


async def test_the_sandbox_signs_for_its_development_account_alone(tmp_path: Any) -> None:
    pytest.importorskip("coincurve", reason="the official SDK's extra is not installed")
    own = await signers(tmp_path, "sandbox", DEVELOPMENT)
    assert len(own.signer.sign(b"document")) == 64
    assert isinstance(await signers(tmp_path, "sandbox", "paper"), PaperChain)


@pytest.mark.parametrize("network", ["sandbox", "testnet"])
async def test_the_subaccount_that_is_traded_is_the_one_that_is_looked_at(
    tmp_path: Any, network: str
) -> None:
    pytest.importorskip("coincurve", reason="the official SDK's extra is not installed")
    chain = await signers(tmp_path, network, DEVELOPMENT, subaccount="3")
    assert chain.trader.subaccount_id.endswith(f"{3:024x}")


@pytest.mark.parametrize(("network", "address"), [("mainnet", DEVELOPMENT), ("testnet", DEVELOPMENT)])
async def test_elsewhere_an_address_is_only_looked_at(tmp_path: Any, network: str, address: str) -> None:
    chain = await signers(tmp_path, network, address)
    assert chain.account == address
    with pytest.raises(AuthError, match="only looked at"):
        chain.signer.sign(b"document")
