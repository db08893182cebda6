import re
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from defi_analytics.app.accounts import Account, stop_file
from defi_analytics.app.chains import trader_of
from defi_analytics.app.closing import flattened as flattened_by
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.app.opening import opened_app
from defi_analytics.app.signing import Asked
from defi_analytics.app.standing import standing
from defi_analytics.clock import WallClock
from defi_analytics.config.load import load
from defi_analytics.errors import DefiError, OutcomeUnknown
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.sandbox.sandbox import Sandbox
from tests.cli.holding import holds, market_at

PAPER = Account("sandbox")


@asynccontextmanager
async def opened(folder):
    """A sandbox whose blocks go on, and an app that reads it."""
    async with Sandbox(58, WallClock()) as sandbox:
        port = sandbox.url.rpartition(":")[2]
        environment = {
            "HOME": str(folder),
            "DEFI_HOME": str(folder / "state"),
            "DEFI_NETWORK": "sandbox",
            "DEFI_SANDBOX__PORT": port,
        }
        async with opened_app(load(None, environment, {}), environment, hold=False) as app:
            yield app, sandbox.url


async def flattened(app, account):
    return await flattened_by(app, account, trader_of(app, account, Asked(may_ask=False), {}, print))


@pytest.fixture
def stated(tmp_path):
    return tmp_path / "state"


@pytest.mark.parametrize("ticker", ["INJ/USDT", "INJ/USDT PERP"])
async def test_what_is_held_is_closed_also_while_trading_is_halted(tmp_path, stated, ticker):
    async with opened(tmp_path) as (app, url):
        market = await market_at(url, ticker)
        holds(stated, PAPER, market, "5")
        stop_file(stated).touch()
        [step] = await flattened(app, PAPER)
        assert step.message.startswith(f"{ticker}: 5 closed; ")
        assert not re.search(r"\.[0-9]*0 USDT in all$", step.message)
        ledger = ledger_of(stated, PAPER, app.clock)
        assert ledger.books.net[market.key].quantity == Decimal(0)
        assert (ledger.risk.trading, ledger.risk.code) == (TradingState.HALTED, Denial.HALTED)
        assert [step.message for step in await flattened(app, PAPER)] == [
            "nothing is held and nothing is open"
        ]


async def test_what_the_book_cannot_take_is_not_said_to_be_closed(tmp_path, stated):
    async with opened(tmp_path) as (app, url):
        holds(stated, PAPER, await market_at(url, "INJ/USDT"), "9000000")
        with pytest.raises(OutcomeUnknown, match="could not be closed"):
            await flattened(app, PAPER)


async def test_an_account_without_its_key_is_looked_at_and_not_closed(tmp_path, stated):
    live = Account("sandbox", "inj1cml96vmptgw99syqrrz8az79xer2pcgp0a885r")
    async with opened(tmp_path) as (app, url):
        holds(stated, live, await market_at(url, "INJ/USDT"), "5")
        with pytest.raises(DefiError):
            await flattened(app, live)
        found = await standing(app, live)
        assert found.looked is not None
