from contextlib import asynccontextmanager
from typing import Any

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.chains import onlooker_of, trader_of
from defi_analytics.app.opening import opened_app
from defi_analytics.app.signing import Asked
from defi_analytics.config.load import load
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import PaperChain
from defi_analytics.errors import AuthError
from tests.engine.memory_journal import MemoryJournal
from tests.fakes import FakeClock
from tests.keys import sealed

DEVELOPMENT = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"


@asynccontextmanager
async def an_app(folder: Any, network: str, **settings: Any) -> Any:
    loaded = load(
        None, {"HOME": str(folder), "DEFI_HOME": str(folder)}, {"injective.network": network, **settings}
    )
    async with opened_app(loaded, {}) as app:
        yield app


def ledger() -> Ledger:
    return Ledger(MemoryJournal(), FakeClock())


async def test_paper_is_traded_for_by_anyone_and_asks_for_no_key(tmp_path: Any) -> None:
    async with an_app(tmp_path, "sandbox") as app:
        account = Account("sandbox")
        assert isinstance(onlooker_of(app, account).chain_of(ledger()), PaperChain)
        async with trader_of(app, account, Asked(may_ask=False), {}, print) as trader:
            assert isinstance(trader.chain_of(ledger()), PaperChain)


@pytest.mark.parametrize("network", ["mainnet", "testnet", "sandbox"])
async def test_an_address_is_looked_at_in_the_subaccount_it_trades_in(tmp_path: Any, network: str) -> None:
    async with an_app(tmp_path, network) as app:
        account = Account.of_chain(network, DEVELOPMENT, 3)
        chain: Any = onlooker_of(app, account).chain_of(ledger())
        assert chain.account == DEVELOPMENT
        assert chain.trader.subaccount_id.endswith("3")
        with pytest.raises(AuthError, match="only looked at"):
            chain.signer.sign(b"document")


async def test_the_sandbox_signs_for_its_development_account_alone(tmp_path: Any) -> None:
    pytest.importorskip("coincurve", reason="the official SDK's extra is not installed")
    async with an_app(tmp_path, "sandbox") as app:
        async with trader_of(app, Account("sandbox", DEVELOPMENT), Asked(), {}, print) as trader:
            chain: Any = trader.chain_of(ledger())
            assert len(chain.signer.sign(b"document")) == 64
            assert trader.pays_gas
        with pytest.raises(AuthError, match=f"trades for {DEVELOPMENT}, not for {sealed.ADDRESS}"):
            async with trader_of(app, Account("sandbox", sealed.ADDRESS), Asked(), {}, print):
                pass


async def test_a_granted_key_takes_back_what_it_placed_for_the_account(tmp_path: Any) -> None:
    pytest.importorskip("coincurve", reason="the official SDK's extra is not installed")
    sealed.store(tmp_path)
    environ = {"DEFI_PASSPHRASE": sealed.PHRASE}
    async with an_app(tmp_path, "mainnet", **{"keys.granter": DEVELOPMENT}) as app:
        told: list[str] = []
        asked = Asked(may_ask=False)
        account = Account.of_chain("mainnet", DEVELOPMENT, 1)
        async with trader_of(app, account, asked, environ, told.append) as trader:
            chain: Any = trader.chain_of(ledger())
            assert (chain.signer.address, chain.account) == (sealed.ADDRESS, DEVELOPMENT)
            assert chain.trader.subaccount_id.endswith("1")
            assert not trader.pays_gas


async def test_even_a_key_that_could_withdraw_may_end_what_was_entered_with_it(tmp_path: Any) -> None:
    pytest.importorskip("coincurve", reason="the official SDK's extra is not installed")
    sealed.store(tmp_path)
    environ = {"DEFI_PASSPHRASE": sealed.PHRASE}
    async with an_app(tmp_path, "mainnet") as app:
        account = Account("mainnet", sealed.ADDRESS)
        async with trader_of(app, account, Asked(may_ask=False), environ, lambda line: None) as trader:
            assert trader.pays_gas


async def test_who_pays_for_gas_is_known_without_the_key(tmp_path: Any) -> None:
    async with an_app(tmp_path, "testnet", **{"keys.granter": DEVELOPMENT}) as app:
        assert not onlooker_of(app, Account("testnet", DEVELOPMENT)).pays_gas
        assert onlooker_of(app, Account("testnet", sealed.ADDRESS)).pays_gas


async def test_neither_another_subaccount_nor_paper_pays_for_gas(tmp_path: Any) -> None:
    async with an_app(tmp_path, "testnet") as app:
        assert not onlooker_of(app, Account.of_chain("testnet", sealed.ADDRESS, 1)).pays_gas
        assert not onlooker_of(app, Account("testnet", "paper")).pays_gas


async def test_a_granter_that_is_the_key_itself_pays(tmp_path: Any) -> None:
    sealed.store(tmp_path)
    async with an_app(tmp_path, "testnet", **{"keys.granter": sealed.ADDRESS}) as app:
        assert onlooker_of(app, Account("testnet", sealed.ADDRESS)).pays_gas
