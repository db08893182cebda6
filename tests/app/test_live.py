import importlib.util
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import pytest

from defi_analytics.app.live import Onlooker, injective_chain, live_trader
from defi_analytics.app.signing import DEVELOPMENT_KEY, Asked
from defi_analytics.app.trading import RunRequest, opened_agent
from defi_analytics.engine.policy import Policy
from defi_analytics.errors import AuthError, UsageError, WrongState
from defi_analytics.keys import terminal
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS, DEV_KEY
from tests.integration.trading import staged
from tests.keys import sealed

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
        with pytest.raises(UsageError, match="a list of what may be traded"):
            _check_mainnet(stage.app, "inj1someone", "inj1someone", may_ask=False)
        own = stage.app.settings
        stage.app.settings = replace(own, run=replace(own.run, markets=("INJ/USDT",)))
        for confirmed in ("", "inj1another"):
            with pytest.raises(UsageError, match="real money"):
                _check_mainnet(stage.app, "inj1someone", confirmed, may_ask=False)
        _check_mainnet(stage.app, "inj1someone", "inj1someone", may_ask=False)


@pytest.mark.parametrize(
    ("there", "may_ask", "typed", "passes"),
    [
        (True, True, "inj1someone", True),
        (True, True, "inj1another", False),
        (True, False, "inj1someone", False),
        (False, True, "inj1someone", False),
    ],
)
async def test_a_person_at_a_terminal_types_the_account(tmp_path, monkeypatch, there, may_ask, typed, passes):
    from defi_analytics.app.live import _check_mainnet

    questions = []

    def answered(question, *, hidden):
        questions.append(question)
        return typed

    monkeypatch.setattr(terminal, "is_there", lambda: there)
    monkeypatch.setattr(terminal, "typed", answered)
    async with staged(tmp_path, hold=True) as stage:
        own = stage.app.settings
        stage.app.settings = replace(own, run=replace(own.run, markets=("INJ/USDT",)))
        if passes:
            _check_mainnet(stage.app, "inj1someone", "", may_ask=may_ask)
        else:
            with pytest.raises(UsageError, match="real money"):
                _check_mainnet(stage.app, "inj1someone", "", may_ask=may_ask)
    asked = there and may_ask
    assert questions == (["Real money. Type the account to trade for, inj1someone: "] if asked else [])


async def test_real_orders_go_only_where_the_list_allows_whatever_is_asked_for(tmp_path):
    async with staged(tmp_path, hold=True) as stage:
        own, told = stage.app.settings, []
        stage.app.warn = told.append
        stage.app.settings = replace(own, run=replace(own.run, markets=("INJ/USDT", "WETH/USDT")))
        async with live_trader(stage.app, Asked(), {}, "", print) as trader:
            asked = RunRequest(markets=("INJ/USDT", "INJ/USDT PERP"))
            async with opened_agent(stage.app, trader, asked, Policy(1.0)) as agent:
                assert list(agent.tickers.values()) == ["INJ/USDT"]
            assert told == ["INJ/USDT PERP is left out: run.markets does not list it"]
            with pytest.raises(UsageError, match="none of these markets can be traded"):
                async with opened_agent(
                    stage.app, trader, RunRequest(markets=("INJ/USDT PERP",)), Policy(1.0)
                ):
                    pass


async def test_what_a_transaction_may_cost_is_a_setting(tmp_path):
    async with staged(tmp_path, hold=True) as stage:
        own = stage.app.settings
        app = replace(stage.app, settings=replace(own, run=replace(own.run, max_fee=Decimal("0.5"))))
        policy = injective_chain(app, Onlooker(DEV_ADDRESS)).policy
        assert [policy.fee_limit(only_ends=ends) for ends in (False, True)] == [Decimal("0.5"), Decimal(5)]


def test_an_onlooker_signs_nothing():
    with pytest.raises(AuthError, match="only looked at"):
        Onlooker(DEV_ADDRESS).sign(b"document")


async def test_a_key_without_a_grant_is_refused_before_anything_is_sent(tmp_path):
    sealed.store(tmp_path)
    async with staged(tmp_path, hold=True) as stage:
        own = stage.app.settings
        keys = replace(own.keys, name="agent", granter=DEV_ADDRESS)
        stage.app.settings = replace(own, keys=keys)
        environ = {"DEFI_PASSPHRASE": sealed.PHRASE}
        asked = Asked(may_ask=False)
        async with live_trader(stage.app, asked, environ, "", lambda line: None) as trader:
            assert not trader.pays_gas
            with pytest.raises(AuthError, match="grants this key no trading"):
                async with opened_agent(stage.app, trader, RunRequest(markets=("INJ/USDT",)), Policy(1.0)):
                    pass
        assert not trader.account.journal(tmp_path).exists()


@asynccontextmanager
async def trading(stage, home, **keys):
    own = stage.app.settings
    app = replace(stage.app, settings=replace(own, home=home, keys=replace(own.keys, **keys)))
    request = RunRequest(markets=("INJ/USDT",))
    async with (
        live_trader(app, Asked(may_ask=False), {"DEFI_PASSPHRASE": sealed.PHRASE}, "", print) as trader,
        opened_agent(app, trader, request, Policy(1.0)) as agent,
    ):
        yield agent


async def test_two_homes_do_not_trade_for_one_account_nor_with_one_key(tmp_path):
    async with staged(tmp_path, hold=True) as stage:
        async with trading(stage, tmp_path / "one"):
            for more in ({}, {"subaccount": 1}):
                with pytest.raises(WrongState, match=f"sends for {DEV_ADDRESS}, perhaps from another home"):
                    async with trading(stage, tmp_path / "two", **more):
                        pass
        async with trading(stage, tmp_path / "two"):
            pass
