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


async def signers(tmp_path: Any, network: str, address: str) -> Any:
    loaded = load(None, {"HOME": str(tmp_path), "DEFI_HOME": str(tmp_path)}, {"injective.network": network})
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


@pytest.mark.parametrize(("network", "address"), [("mainnet", DEVELOPMENT), ("testnet", DEVELOPMENT)])
async def test_elsewhere_an_address_is_only_looked_at(tmp_path: Any, network: str, address: str) -> None:
    chain = await signers(tmp_path, network, address)
    assert chain.account == address
    with pytest.raises(AuthError, match="only looked at"):
        chain.signer.sign(b"document")
